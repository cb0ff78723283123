"""quorumlog: an event log replicated by quorum, written as pure functions that are shown to be their spec."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from quorumlog.runtime.cluster import Cluster

__all__ = ["Cluster"]


def __getattr__(name: str) -> object:
    """Load the runtime when somebody wants it: the core needs none of it. Raises `ImportError` if that is not there."""
    if name == "Cluster":
        try:
            from quorumlog.runtime.cluster import Cluster
        except ModuleNotFoundError as error:
            needed = f"expected {error.name} to be installed, as by: pip install 'quorumlog[cluster]'"
            raise ImportError(needed, name=error.name) from None
        return Cluster
    raise AttributeError(f"module 'quorumlog' has no attribute {name!r}")
