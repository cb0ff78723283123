"""A cluster on this machine under load and faults, and what is to be said of it afterwards: `quorumlog demo`."""
