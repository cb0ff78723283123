"""How much is let in: connections, and sessions.

Each session stays for ever, keys too, so that what was executed is never taken as new. Where a group has as many as it
may have, requests of new ones are dropped, as a network may drop them, and their clients are told once it is certain
(`questions.py`). That needs no rule of the core, and what is in the log or on its way into it goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from quorumlog.core.leader_output import Gate, Request
from quorumlog.runtime.transport import Connection

STRANGERS: Final = 64
"""How many connections may have said nothing yet; of more, the oldest is closed."""
OF_A_PEER: Final = 4
"""How many connections a peer may have, those that it has lost included; of more, the oldest is closed."""


def refused(gate: Gate[Any, Any, Any], requests: Sequence[Request[Any]], most: int) -> frozenset[str]:
    """The sessions among these requests that a leader has no room for. The last ones may exceed `most` by a batch."""
    draft = gate.draft
    if draft is None or len(draft.sessions) < most:
        return frozenset()
    return frozenset([each.session for each in requests if each.session not in draft.sessions])


def close_oldest(connections: Sequence[Connection], most: int) -> None:
    """Of more than so many connections, in the order in which they came, close the first ones."""
    for each in connections[: max(len(connections) - most, 0)]:
        each.close()
