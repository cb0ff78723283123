"""What a step has changed of a server, as a line of a recording says it. `recorded.py` says what is what.

Most of a server is the very same value before and after a step, which costs a look at where it stands.
"""

from __future__ import annotations

from typing import TypeAlias
from zlib import crc32

from msgspec.structs import asdict

from quorumlog.core.consensus import log
from quorumlog.core.consensus.durability import in_order
from quorumlog.core.consensus.effects import Committed, Effects, Propose, Send
from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry, Event, Message
from quorumlog.core.consensus.state import Replica
from quorumlog.persistent.strand import Strand
from quorumlog.runtime.recorded_rows import Block, block_of, runs, terms

Line: TypeAlias = dict[str, object]


def changes(line: Line, old: Replica, new: Replica, taken: object) -> None:
    """What the step has changed, in the words of the core."""
    if new.term != old.term:
        line["term"] = new.term
    if new.voted_for != old.voted_for:
        line["voted_for"] = new.voted_for
    if new.log is not old.log and "log" not in line:  # what a server does beside consensus has said it
        more = appended(old.log, new.log)
        if more or len(new.log) != len(old.log):
            line["log"] = written(new.log, more, taken)
    if new.disk is not old.disk:
        line["disk"] = _disk(old, new)
    if new.owed is not old.owed and (new.owed or old.owed):
        _owed(line, old.owed, new.owed)
    if new.role != old.role:
        line["role"] = new.role
    if new.votes is not old.votes and new.votes != old.votes:
        line["votes"] = sorted(new.votes)
    if new.next_index is not old.next_index and (peers := new.next_index.since(old.next_index)):
        line["next_index"] = peers
    if new.match_index is not old.match_index and (peers := new.match_index.since(old.match_index)):
        line["match_index"] = peers
    if new.commit_index != old.commit_index:
        line["commit_index"] = new.commit_index


def effects(line: Line, carried_out: Effects, block: Block) -> None:
    """What was sent, and what the application was told."""
    letters: list[object] = []
    for effect in carried_out:
        if type(effect) is Send:
            letters.append(sent(effect.message, block))
        elif type(effect) is Committed:
            line["told"] = (effect.after, effect.after + len(effect.entries))
    if letters:
        line["sent"] = letters


# -- logs ------------------------------------------------------------------------------------------------------


def appended(old: Log, new: Log) -> tuple[Entry, ...]:
    """The entries of the new log that follow those that stay."""
    if type(new) is type(old) is Strand and (known := new.added(old)) is not None:
        return known
    return tuple(new[log.kept(old, new) :])


def written(new: Log, more: tuple[Entry, ...], taken: object) -> Line:
    """How a log ends with more entries than stay. They are named where they are not those that the step was given."""
    found: Line = {"kept": len(new) - len(more), "length": len(new)}
    if type(taken) is AppendRequest:
        is_given = taken.entries[len(taken.entries) - len(more) :] == more
    else:
        is_given = type(taken) is Propose and _are(more, taken.events)
    if not is_given:
        found["entries"] = runs(more)
    return found


def _are(entries: tuple[Entry, ...], events: tuple[Event, ...]) -> bool:
    return len(entries) == len(events) and all(
        entry.event is event or entry.event == event for entry, event in zip(entries, events, strict=True)
    )


def _disk(old: Replica, new: Replica) -> Line:
    disk = new.disk
    held: Line = {"term": disk.term, "voted_for": disk.voted_for, "length": len(disk.log)}
    if disk.log is not new.log and log.differs(disk.log, new.log):
        held["log"] = written(disk.log, appended(old.disk.log, disk.log), None)
    return held


# -- messages --------------------------------------------------------------------------------------------------


def sent(message: Message, block: Block = block_of) -> Line:
    """A message as both of its ends write it. The entries of a slice are told by the checksum of their block."""
    if type(message) is AppendReply:
        return {
            "kind": "AppendReply",
            "sender": message.sender,
            "to": message.to,
            "term": message.term,
            "accepted": message.accepted,
            "index": message.index,
        }
    if type(message) is AppendRequest:
        return _slice(message, block)
    return {"kind": type(message).__name__, **asdict(message)}


def _slice(message: AppendRequest, block: Block) -> Line:
    entries = message.entries
    return {
        "kind": "AppendRequest",
        "sender": message.sender,
        "to": message.to,
        "term": message.term,
        "prev_index": message.prev_index,
        "prev_term": message.prev_term,
        "entries": terms(entries) if entries else (),
        "checksum": crc32(block(message.prev_index, entries)) if entries else 0,
        "commit_index": message.commit_index,
    }


def _owed(line: Line, old: frozenset[Message], new: frozenset[Message]) -> None:
    if not new:
        line["owed"] = []
    elif not old:
        line["owes"] = [sent(next(iter(new)))] if len(new) == 1 else _ordered(new)
    elif old - new:
        line["owed"] = _ordered(new)
    elif added := new - old:
        line["owes"] = _ordered(added)


def _ordered(owed: frozenset[Message]) -> list[object]:
    return [*map(sent, in_order(owed))]
