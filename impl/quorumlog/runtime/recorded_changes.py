"""What a step has changed of a server, as a line of a recording says it. `recorded.py` says what is what.

Most of a server is the very same value before and after a step, which costs a look at where it stands.
"""

from __future__ import annotations

from typing import Final, TypeAlias

import msgspec
from msgspec import Raw

from quorumlog.core.consensus import log
from quorumlog.core.consensus.durability import in_order
from quorumlog.core.consensus.effects import Committed, Effects, Propose, Send
from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import MESSAGES, AppendRequest, Entry, Event, Message
from quorumlog.core.consensus.state import Replica
from quorumlog.persistent.strand import Strand
from quorumlog.runtime.recorded_rows import Block, runs, runs_after

Line: TypeAlias = dict[str, object]


def changes(line: Line, old: Replica, new: Replica, taken: object) -> None:
    """What the step has changed, in the words of the core."""
    if new.term != old.term:
        line["term"] = new.term
    if new.voted_for != old.voted_for:
        line["voted_for"] = new.voted_for
    if new.log is not old.log and log.differs(old.log, new.log):
        line["log"] = written(old.log, new.log, taken)
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


def effects(line: Line, carried_out: Effects) -> None:
    """What was sent, and what the application was told."""
    letters: list[object] = []
    for effect in carried_out:
        if type(effect) is Send:
            letters.append(sent(effect.message))
        elif type(effect) is Committed:
            line["told"] = (effect.after, effect.after + len(effect.entries))
    if letters:
        line["sent"] = letters


# -- logs ------------------------------------------------------------------------------------------------------


def written(old: Log, new: Log, taken: object) -> Line:
    """How a log differs from what it was. Entries are named where they are not those that the step was given."""
    kept, length = _kept(old, new), len(new)
    found: Line = {"kept": kept, "length": length}
    kind = type(taken)
    if kind not in _KINDS and kind is not Propose and taken is not None:
        return found  # what a server appends beside consensus is what the line says that it proposes
    appended = tuple(new[kept:])
    if type(taken) is AppendRequest:
        is_given = taken.entries[len(taken.entries) - length + kept :] == appended
    else:
        is_given = type(taken) is Propose and _are(appended, taken.events)
    if not is_given:
        found["entries"] = runs(appended)
    return found


def _kept(old: Log, new: Log) -> int:
    """How many entries stay. Of logs that share what they have in common that is known without a look at them."""
    if type(old) is type(new) is Strand and (known := new.alike(old)) == len(old):
        return known
    return log.kept(old, new)


def _are(entries: tuple[Entry, ...], events: tuple[Event, ...]) -> bool:
    return len(entries) == len(events) and all(
        entry.event is event or entry.event == event for entry, event in zip(entries, events, strict=True)
    )


def _disk(old: Replica, new: Replica) -> Line:
    disk = new.disk
    held: Line = {"term": disk.term, "voted_for": disk.voted_for, "length": len(disk.log)}
    if disk.log is not new.log and log.differs(disk.log, new.log):
        held["log"] = written(old.disk.log, disk.log, None)
    return held


# -- messages --------------------------------------------------------------------------------------------------

_encoded = msgspec.json.Encoder().encode
_KINDS: Final = {kind: f'{{"kind":"{kind.__name__}",'.encode() for kind in MESSAGES}
"""How the line of a message begins."""


def letter(message: Message, block: Block | None) -> object:
    """A message as its receiver writes it."""
    if type(message) is not AppendRequest:
        return _small(message)
    return _slice(message, runs_after(message.prev_index, message.entries, block))


def sent(message: Message) -> object:
    """A message as its sender writes it: the entries are those of its log."""
    return _slice(message, len(message.entries)) if type(message) is AppendRequest else _small(message)


def _slice(message: AppendRequest, entries: object) -> Line:
    return {
        "kind": "AppendRequest",
        "sender": message.sender,
        "to": message.to,
        "term": message.term,
        "prev_index": message.prev_index,
        "prev_term": message.prev_term,
        "entries": entries,
        "commit_index": message.commit_index,
    }


def _small(message: Message) -> Raw:
    """All of it as it is, and before that what it is."""
    return Raw(_KINDS[type(message)] + _encoded(message)[1:])


def _owed(line: Line, old: frozenset[Message], new: frozenset[Message]) -> None:
    if not new:
        line["owed"] = []
    elif not old:
        line["owes"] = _ordered(new)
    elif old - new:
        line["owed"] = _ordered(new)
    elif added := new - old:
        line["owes"] = _ordered(added)


def _ordered(owed: frozenset[Message]) -> list[object]:
    return [sent(message) for message in (owed if len(owed) == 1 else in_order(owed))]
