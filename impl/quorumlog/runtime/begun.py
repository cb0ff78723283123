"""What a server begins with: its disk, and a snapshot of what the first entries make."""

from __future__ import annotations

from typing import Any, Generic, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.leader_output import Gate
from quorumlog.node import Node
from quorumlog.runtime.event_queue import EventQueue

State = TypeVar("State")
Answer = TypeVar("Answer")


class Begun(Struct, Generic[State, Answer], frozen=True):
    """What a server begins with instead of its first `index` entries: a snapshot of what they make."""

    index: int
    gate: Gate[State, Answer, Any]
    queue: EventQueue


def started(node: Node[State, Answer, Any], begun: Begun[State, Answer] | None) -> Node[State, Answer, Any]:
    """A node that starts, from a snapshot if there is one."""
    return node if begun is None else replace(node, gate=begun.gate, seen=begun.index)
