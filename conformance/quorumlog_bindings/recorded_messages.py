"""What messages are known by at both of their ends, and what has to be known of recordings before they are judged.

The translation itself is `recorded_replication.py`.
"""

from __future__ import annotations

from array import array
from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from msgspec.structs import asdict

from quorumlog.runtime import recorded
from quorumlog.runtime.recorded import Letter, Line, SentReply, SentRequest, Start, Take
from quorumlog_bindings.recorded_slices import told_of
from tlastep.recorded import Key
from tlastep.values import TRUE, Value

KINDS: Final = {
    recorded.SentRequest: "AppendRequest",
    recorded.SentReply: "AppendReply",
    recorded.AskedVote: "VoteRequest",
    recorded.GivenVote: "VoteReply",
}


def key_of(letter: Letter) -> Key:
    """What a message is known by at both ends: all that they say of it."""
    if type(letter) is SentRequest:
        ends, prev = (letter.sender, letter.to), (letter.prev_index, letter.prev_term)
        return ("AppendRequest", *ends, letter.term, *prev, letter.entries, letter.checksum, letter.commit_index)
    if type(letter) is SentReply:
        return ("AppendReply", letter.sender, letter.to, letter.term, letter.accepted, letter.index)
    return (KINDS[type(letter)], *asdict(letter).values())


def key_of_record(message: Any) -> Key:
    """What a message is known by, of the record of the spec."""
    of: Mapping[str, Any] = message.mapping
    ends = [of[name].name for name in ("from", "to") if name in of]
    match of["type"]:
        case "AppendRequest":
            counts = of["prevIndex"], of["prevTerm"], *told_of(of["entries"]), of["commitIndex"]
            return ("AppendRequest", *ends, of["term"], *counts)
        case "AppendReply":
            return ("AppendReply", *ends, of["term"], of["accepted"] is TRUE, of["index"])
        case "VoteRequest":
            return ("VoteRequest", *ends, of["term"], of["lastIndex"], of["lastTerm"])
    return ("VoteReply", *ends, of["term"])


class ReplicationSurvey:
    """What has to be known of all lines of a server: its starts, the events, and which messages it takes."""

    def __init__(self) -> None:
        self.starts: list[Start] = []
        self.events: set[Value] = set()
        """The events that it has derived, or had on the disk."""
        self.takes = array("q")

    def take(self, lines: Sequence[Line]) -> None:
        """The next lines."""
        self.takes.extend([hash(key_of(line.letter)) for line in lines if type(line) is Take])
        for line in lines:
            kind = type(line)
            if kind is recorded.Propose:
                self.events.update(cast(recorded.Propose, line).events)
            elif kind is Start:
                self.starts.append(cast(Start, line))
                runs = cast(Start, line).log
                self.events.update(cast(Value, event) for run in runs for event in run[1:] if event is not None)
