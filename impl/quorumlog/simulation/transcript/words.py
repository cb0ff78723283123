"""The words of transcripts: a place, an entry, a message, and what a step changed, each as a short text.

A place in a log is written `term.index`, and `0` is the place before the first entry.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from quorumlog.core.consensus.effects import Durable, Effects, Send
from quorumlog.core.consensus.log import Log
from quorumlog.core.consensus.messages import AppendRequest, Entry, Message, ServerId, VoteReply, VoteRequest
from quorumlog.core.consensus.state import CANDIDATE, LEADER, Replica
from quorumlog.pre_vote import Contact, PreVote, PreVoteReply, PreVoteRequest
from quorumlog.simulation.cluster import Cluster

KINDS: Final = ("vote-request", "vote-reply", "append", "append-reply", "pre-vote-request", "pre-vote-reply")
PLAIN: Final = re.compile(r"[\w.+-]+\Z")
NO_OP: Final = "no-op"
EVERYBODY: Final = "*"
WIDTH: Final = 100
COLUMN: Final = 8


# -- things -------------------------------------------------------------------------------------------------


def place(term: int, index: int) -> str:
    """A place in a log."""
    return f"{term}.{index}" if index or term else "0"


def event_text(event: object) -> str:
    """An event; a leader's first entry holds none."""
    if event is None:
        return NO_OP
    text = str(event)
    return text if PLAIN.match(text) and text != NO_OP else f'"{text}"'


def entries_text(log: Iterable[Entry], after: int = 0) -> str:
    """Entries with their places; `after` is how many stand before them."""
    return ", ".join([f"{place(e.term, index)} {event_text(e.event)}" for index, e in enumerate(log, start=after + 1)])


def message_text(message: Message | PreVote) -> str:
    """A message without its sender and addressee. The first number is its term, or a pre-vote's attempt."""
    if isinstance(message, PreVoteRequest):
        end = place(message.last_term, message.last_index)
        return f"pre-vote-request {message.attempt} for term {message.term} last {end}"
    if isinstance(message, PreVoteReply):
        return f"pre-vote-reply {message.attempt}"
    if isinstance(message, VoteRequest):
        return f"vote-request {message.term} last {place(message.last_term, message.last_index)}"
    if isinstance(message, VoteReply):
        return f"vote-reply {message.term}"
    if isinstance(message, AppendRequest):
        after = place(message.prev_term, message.prev_index)
        slice_ = entries_text(message.entries, message.prev_index)
        return f"append {message.term} after {after} [{slice_}] decided {message.commit_index}"
    return f"append-reply {message.term} {'accepted' if message.accepted else 'refused'} {message.index}"


def addressed_text(message: Message | PreVote) -> str:
    """A message with its addressee; a request for votes goes to everybody."""
    to = EVERYBODY if isinstance(message, (VoteRequest, PreVoteRequest)) else message.to
    return f"{message_text(message)} → {to}"


def end_of(log: Log) -> str:
    """Where a log ends."""
    return place(log[-1].term, len(log)) if log else "0"


def common(one: Sequence[Entry], other: Sequence[Entry]) -> int:
    """How many entries two logs have in common at their beginning."""
    same = 0
    while same < min(len(one), len(other)) and one[same] == other[same]:
        same += 1
    return same


# -- what a step changed ------------------------------------------------------------------------------------


def facts(before: Cluster, after: Cluster, server: ServerId, effects: Effects, *, crashed: bool = False) -> list[str]:
    """What a step of this server changed, each as a few words, in the order in which a reader asks for it."""
    old, new = before.replicas[server], after.replicas[server]
    found = [
        *_of_term(old, new),
        *_of_vote(old, new),
        *_of_log(old.log, new.log),
        *_of_disk(old.disk, new.disk),
        *_of_peers(old, new, effects),
        *_of_decided(before, after, old, new, crashed=crashed),
        *_of_owed(old, new, crashed=crashed),
    ]
    return found + [f"sends {addressed_text(effect.message)}" for effect in effects if isinstance(effect, Send)]


def contact_facts(old: Contact, new: Contact, sent: PreVote | None, *, leads: bool) -> Iterator[str]:
    """What a step changed of what a server knows of the others' being there."""
    if new.heard != old.heard and not leads:
        yield "waits for a leader" if new.heard else "sees no leader"
    if new.grants != old.grants:
        yield f"is supported by {', '.join(sorted(new.grants))}" if new.grants else "asks no more"
    if new.replied != old.replied:
        yield f"has heard {', '.join(sorted(new.replied))}" if new.replied else "counts anew who replies"
    if sent is not None:
        yield f"sends {addressed_text(sent)}"


def _of_term(old: Replica, new: Replica) -> Iterator[str]:
    stands = new.role == CANDIDATE and (old.role != CANDIDATE or new.term != old.term)
    if stands:
        yield f"stands in term {new.term}"
    elif new.term != old.term:
        yield f"enters term {new.term}" if new.term > old.term else f"is back in term {new.term}"
    if new.role != old.role and new.role == LEADER:
        yield f"leads term {new.term}"
    elif old.role == LEADER != new.role:
        yield "leads no more"
    elif old.role == CANDIDATE != new.role and new.role != LEADER:
        yield "stands no more"


def _of_vote(old: Replica, new: Replica) -> Iterator[str]:
    implied = new.role == CANDIDATE and new.voted_for == new.identity
    if new.voted_for is None:
        if old.voted_for is not None and new.term <= old.term:
            yield f"forgets its vote for {old.voted_for}"
    elif (new.term, new.voted_for) != (old.term, old.voted_for) and not implied:
        yield f"votes for {new.voted_for}" if new.term >= old.term else f"has voted for {new.voted_for}"
    if new.votes != old.votes and new.role == old.role == CANDIDATE and new.term == old.term:
        yield f"has the votes of {', '.join(sorted(new.votes))}"


def _of_log(old: Log, new: Log) -> Iterator[str]:
    if old is new:
        return
    same = common(old, new)
    if len(old) > same:
        yield f"drops {entries_text(old[same:], same)}"
    if len(new) > same:
        yield f"appends {entries_text(new[same:], same)}"


def _of_disk(old: Durable, new: Durable) -> Iterator[str]:
    written = [f"term {new.term}"] if new.term != old.term else []
    written += [f"vote {new.voted_for or 'nobody'}"] if new.voted_for != old.voted_for else []
    written += [f"log to {end_of(new.log)}"] if new.log != old.log else []
    if written:
        yield f"writes {', '.join(written)}"


def _of_peers(old: Replica, new: Replica, effects: Effects) -> Iterator[str]:
    """What a leader learnt of the others. What it sends next, after what it sends now, goes without saying."""
    if not old.role == new.role == LEADER:
        return
    for peer in new.members:
        known = new.match_index[peer] != old.match_index[peer]
        guessed = new.next_index[peer] != old.next_index[peer] and not effects
        if known:
            yield f"knows that {peer} has {new.match_index[peer]}"
        if guessed:
            yield f"will send {peer} entry {new.next_index[peer]}"


def _of_decided(before: Cluster, after: Cluster, old: Replica, new: Replica, *, crashed: bool) -> Iterator[str]:
    same = common(before.decided, after.decided)
    if len(before.decided) > same:
        yield f"takes back what was decided: {entries_text(before.decided[same:], same)}"
    if len(after.decided) > same:
        yield f"decides {entries_text(after.decided[same:], same)}"
    elif new.commit_index > old.commit_index:
        yield f"knows {new.commit_index} to be decided"
    if new.commit_index < old.commit_index:
        yield "forgets what is decided" if crashed else f"knows only {new.commit_index} to be decided"


def _of_owed(old: Replica, new: Replica, *, crashed: bool) -> Iterator[str]:
    verbs = (("forgets that it owes", old.owed - new.owed if crashed else ()), ("owes", new.owed - old.owed))
    for verb, owed in verbs:
        for text in sorted(map(addressed_text, owed)):
            yield f"{verb} {text}"


# -- lines --------------------------------------------------------------------------------------------------


def lines(who: str, parts: Sequence[str]) -> list[str]:
    """Who did it, and what was done: one line, or several if it would be long."""
    found: list[str] = []
    for part in parts:
        if found and len(found[-1]) + len(part) + 2 <= WIDTH:
            found[-1] += f"; {part}"
        else:
            found.append(f"{'' if found else who:<{COLUMN}}{part}")
    return found


def table(rows: Sequence[Sequence[str]]) -> list[str]:
    """Rows with their columns below each other."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def replica_lines(replicas: Sequence[Replica]) -> list[str]:
    """Servers as rows with what each works with, and below each what of that its disk lacks and what it owes."""
    rows = table([_row(replica) for replica in replicas])
    return [line for row, replica in zip(rows, replicas, strict=True) for line in (row, *_beside(replica))]


def _row(replica: Replica) -> list[str]:
    vote = f"vote {replica.voted_for}" if replica.voted_for else "no vote"
    log = f"log [{entries_text(replica.log)}]"
    known = f"knows {replica.commit_index} decided"
    others = [peer for peer in replica.members if peer != replica.identity and replica.role == LEADER]
    acknowledged = ", ".join([f"{peer} has {replica.match_index[peer]}" for peer in others])
    return [replica.identity, replica.role, f"term {replica.term}", vote, log, known, acknowledged]


def _beside(replica: Replica) -> list[str]:
    disk = replica.disk
    behind = disk != Durable(replica.term, replica.voted_for, replica.log)
    parts = [f"disk: term {disk.term}, vote {disk.voted_for or 'nobody'}, log to {end_of(disk.log)}"] if behind else []
    return lines("", [*parts, *(f"owes {text}" for text in sorted(map(addressed_text, replica.owed)))])
