"""What a leader knows of the others: what to send next (a guess), and what is surely there (a fact)."""

from __future__ import annotations

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.quorum import reached
from quorumlog.core.consensus.state import Indexes


def accepted(match_index: Indexes, peer: ServerId, index: int) -> Indexes:
    """The peer's log is known to agree up to `index`. Replies overtake each other: knowledge never shrinks."""
    return match_index.set(peer, max(match_index[peer], index))


def continued(next_index: Indexes, peer: ServerId, index: int) -> Indexes:
    """Send what follows `index`, unless that was sent already."""
    return next_index.set(peer, max(next_index[peer], index + 1))


def backed_off(next_index: Indexes, match_index: Indexes, peer: ServerId, index: int) -> Indexes:
    """Send again from behind `index`. Only backwards, since a refusal may be late, but never behind what is known."""
    retreat = min(next_index[peer] - 1, index)
    return next_index.set(peer, max(match_index[peer], retreat) + 1)


def replicated(identity: ServerId, members: tuple[ServerId, ...], match_index: Indexes, synced: int) -> int:
    """The highest index that is durable on a quorum. The leader counts for what is on its own disk, and once."""
    others = [match_index[peer] for peer in members if peer != identity]
    return reached([synced, *others], len(members))
