"""The runtime in virtual time: processes, network and disks of one run come from one seed: `quorumlog virtual`."""
