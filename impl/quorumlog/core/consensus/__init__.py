"""Consensus on one log of events: Raft as a function from a server and an input to a server and effects.

`replica` holds the step, `roles` the table that it follows, `effects` and `messages` what goes in and out. Spec:
Replication.
"""
