"""An opinion on recordings that owes nothing to specs: the core itself takes what each line says, naively and slowly.

Lock-step shows that the core and the spec are one machine. So recordings are a behaviour exactly if the core, given
what each line says that a server took, does what the line says that came of it, and if what was taken had been sent.
Here nothing is ever lost from the network, so whatever can be done stays possible, and trying all servers again and
again, until none gets further, finds an order if there is one.

To the spec the network is a set. A server that does not mention a message which it sends a second time tells nothing
that is false there; `exact` wants all that it sends to be mentioned.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import cast
from zlib import crc32

from msgspec import UNSET, msgpack
from msgspec.structs import asdict, replace

from quorumlog.core.consensus import effects as fx
from quorumlog.core.consensus import messages as ms
from quorumlog.core.consensus.durability import is_dirty
from quorumlog.core.consensus.replica import Replica, restart, start, step
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.runtime import recorded as rec


class NoStep(Exception):
    """The core does not do what a line says."""


def is_behaviour(recordings: Mapping[str, Sequence[rec.Line]], *, exact: bool) -> bool:
    """Whether there is an order in which the core does all of it."""
    first = {node: cast(rec.Start, lines[0]) for node, lines in recordings.items()}
    if len({(each.members, each.batch) for each in first.values()}) > 1:
        return False
    network: set[ms.Message] = set()
    where = dict.fromkeys(recordings, 1)
    replicas = {node: _begun(each) for node, each in first.items()}
    while True:
        moved = False
        for node, lines in recordings.items():
            while where[node] < len(lines):
                try:
                    after = _taken(replicas[node], lines[where[node]], first[node], network, exact=exact)
                except (NoStep, fx.Refused, fx.ImpossibleInput):
                    return False
                if after is None:
                    break
                replicas[node], moved = after, True
                where[node] += 1
        if all(where[node] == len(lines) for node, lines in recordings.items()):
            return True
        if not moved and not _unheard(recordings, where, replicas, network):
            return False


def _unheard(
    recordings: Mapping[str, Sequence[rec.Line]],
    where: Mapping[str, int],
    replicas: dict[str, Replica],
    network: set[ms.Message],
) -> bool:
    """Somebody waits for what a server may have sent by a sync that it could not write down."""
    known = len(network)
    for node, lines in recordings.items():
        if where[node] == len(lines) and (replicas[node].owed or is_dirty(replicas[node])):
            replicas[node] = _synced(replicas[node], network)
    return len(network) > known


def _synced(replica: Replica, network: set[ms.Message]) -> Replica:
    after, said = step(replica, fx.Sync())
    network.update(effect.message for effect in said if isinstance(effect, fx.Send))
    return after


def _begun(line: rec.Start) -> Replica:
    return start(line.node, line.members, line.batch, fx.Durable(line.term, line.voted_for, entries(line.log)))


def _taken(
    replica: Replica, line: rec.Line, first: rec.Start, network: set[ms.Message], *, exact: bool
) -> Replica | None:
    """The server after a line, or None if it takes what has not been sent yet."""
    if isinstance(line, rec.Start):
        return _restarted(replica, line, first, network)
    taken = _input(line, network)
    if taken is None:
        return None
    after, said = step(replica, taken)
    sent = [effect.message for effect in said if isinstance(effect, fx.Send)]
    if not isinstance(line, rec.Step) or after != _claimed(replica, line, taken):
        raise NoStep
    mentioned = {message(each, tuple(after.log)) for each in line.sent}
    if not mentioned <= set(sent) or (set(sent) - mentioned) - (set() if exact else network):
        raise NoStep
    told = [(effect.after, effect.after + len(effect.entries)) for effect in said if isinstance(effect, fx.Committed)]
    if told != ([line.told] if line.told else []):
        raise NoStep
    network.update(sent)
    return after


def _restarted(replica: Replica, line: rec.Start, first: rec.Start, network: set[ms.Message]) -> Replica:
    if (line.members, line.batch, line.node) != (first.members, first.batch, first.node):
        raise NoStep
    named = entries(line.log)
    for unheard in (False, True):
        if unheard and not (replica.owed or is_dirty(replica)):
            break
        held = replica.log if unheard else replica.disk.log
        if line.after > len(held):
            continue
        disk = fx.Durable(line.term, line.voted_for, held[: line.after] + named)
        was = fx.Durable(replica.term, replica.voted_for, replica.log) if unheard else replica.disk
        if disk == was and len(disk.log) == line.length:
            return restart(_synced(replica, network) if unheard else replica)
    raise NoStep


def _input(line: rec.Line, network: set[ms.Message]) -> fx.Input | None:
    """What a server takes, or None if it has not been sent yet."""
    match line:
        case rec.Take(letter=letter):
            return next((each for each in network if is_told(letter, each)), None)
        case rec.Replicate(to=to):
            return fx.Replicate(to)
        case rec.Propose(events=events):
            if not events:
                raise NoStep
            return fx.Propose(tuple(events))
        case rec.Timeout():
            return fx.ElectionTimeout()
        case rec.Sync():
            return fx.Sync()
    raise NoStep


def is_told(letter: rec.Letter, sent: ms.Message) -> bool:
    """Whether this message is the one that a line tells of."""
    if isinstance(letter, rec.SentRequest) and isinstance(sent, ms.AppendRequest):
        same = ("sender", "to", "term", "prev_index", "prev_term", "commit_index")
        is_same = all(getattr(letter, name) == getattr(sent, name) for name in same)
        return is_same and (letter.entries, letter.checksum) == told(sent.entries)
    return not isinstance(letter, rec.SentRequest) and message(letter, ()) == sent


def _claimed(replica: Replica, line: rec.Step, taken: fx.Input) -> Replica:
    """The server as the line says that the step has left it."""
    fields = asdict(line)
    plain = ("term", "voted_for", "role", "commit_index")
    found = replace(replica, **{name: fields[name] for name in plain if fields[name] is not UNSET})
    if line.votes is not UNSET:
        found = found.change(votes=frozenset(line.votes))
    for name in ("next_index", "match_index"):
        if unknown := fields[name].keys() - set(replica.members):
            raise NoStep(unknown)
        found = replace(found, **{name: FrozenMap({**dict(getattr(replica, name).items()), **fields[name]})})
    if line.log is not UNSET:
        found = found.change(log=_written(tuple(replica.log), line.log, taken, replica.term))
    if line.disk is not UNSET:
        held = (
            found.log
            if line.disk.log is UNSET
            else _written(tuple(replica.disk.log), line.disk.log, taken, replica.term)
        )
        if len(held) != line.disk.length:
            raise NoStep
        found = found.change(disk=fx.Durable(line.disk.term, line.disk.voted_for, held))
    log = tuple(found.log)
    if line.owed is not UNSET:
        return found.change(owed=frozenset(message(each, log) for each in line.owed))
    return found.change(owed=replica.owed | {message(each, log) for each in line.owes})


def _written(old: tuple[ms.Entry, ...], written: rec.Written, taken: fx.Input, term: int) -> tuple[ms.Entry, ...]:
    count = written.length - written.kept
    given: tuple[ms.Entry, ...] = ()
    if isinstance(taken, ms.AppendRequest):
        given = taken.entries
    elif isinstance(taken, fx.Propose):
        given = tuple(ms.Entry(term, event) for event in taken.events)
    new = entries(written.entries) if written.entries is not UNSET else given[len(given) - count :]
    if written.kept > len(old) or len(new) != count:
        raise NoStep
    return old[: written.kept] + new


def told(own: Sequence[ms.Entry]) -> tuple[rec.Terms, int]:
    """What both ends of a slice say of its entries, the long way round."""
    runs = [(term, [entry.event for entry in run]) for term, run in groupby(own, lambda entry: entry.term)]
    return tuple((term, len(events)) for term, events in runs), crc32(msgpack.encode(runs)) if own else 0


def entries(runs: Sequence[rec.Run]) -> tuple[ms.Entry, ...]:
    """Entries as they are written down."""
    return tuple(ms.Entry(cast(int, run[0]), event) for run in runs for event in run[1:])


def message(letter: rec.Letter, log: tuple[ms.Entry, ...]) -> ms.Message:
    """A message; what its sender does not name of it stands in its log."""
    match letter:
        case rec.SentRequest(prev_index=first, entries=terms):
            own = log[first : first + sum(number for _, number in terms)] if first >= 0 else ()
            if told(own) != (terms, letter.checksum):
                raise NoStep
            fields = {name: value for name, value in asdict(letter).items() if name != "checksum"}
            return ms.AppendRequest(**{**fields, "entries": own})
        case rec.SentReply():
            return ms.AppendReply(**asdict(letter))
        case rec.AskedVote():
            return ms.VoteRequest(**asdict(letter))
        case rec.GivenVote():
            return ms.VoteReply(**asdict(letter))
