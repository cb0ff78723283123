"""Atomic transfers between shards: a replicated coordinator, and two protocols for the shards to take part in."""
