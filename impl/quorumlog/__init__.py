"""quorumlog: an event log replicated by quorum, written as pure functions that are shown to be their spec."""
