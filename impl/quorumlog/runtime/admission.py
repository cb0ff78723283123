"""How many sessions a group remembers. Each stays for ever, keys too, so that what was executed is never taken as new.

Where there are as many as there may be, requests of new ones are dropped, as a network may drop them, and their clients
are told. That needs no rule of the core, and what is in the log or on its way into it goes on.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from quorumlog.core.leader_output import Gate, Request


def refused(gate: Gate[Any, Any, Any], requests: Sequence[Request[Any]], most: int) -> frozenset[str]:
    """The sessions among these requests that a leader has no room for. The last ones may exceed `most` by a batch."""
    draft = gate.draft
    if draft is None or len(draft.sessions) < most:
        return frozenset()
    return frozenset([each.session for each in requests if each.session not in draft.sessions])
