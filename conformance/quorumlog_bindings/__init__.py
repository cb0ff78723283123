"""Bindings of quorumlog to its specs: the only place that knows both sides."""
