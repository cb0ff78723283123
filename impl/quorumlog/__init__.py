"""quorumlog: an event log replicated by quorum, written as pure functions that are shown to be their spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quorumlog.runtime.cluster import Cluster

__all__ = ["Cluster"]


def __getattr__(name: str) -> object:
    """Load the runtime when somebody wants it: the core needs none of it."""
    if name == "Cluster":
        from quorumlog.runtime.cluster import Cluster

        return Cluster
    raise AttributeError(f"module 'quorumlog' has no attribute {name!r}")
