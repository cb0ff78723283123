"""The log as a value: where it ends, whether a slice fits, and how it takes one in.

Indexes count from 1; index 0 is the place before the first entry, and its term is 0. Everything that knows how a log is
kept is in this file. It behaves as a tuple, and may be one; a server that runs for long has a strand.
"""

from __future__ import annotations

from typing import TypeAlias

from quorumlog.core.consensus.messages import Entry
from quorumlog.persistent.strand import Items, without_first

Log: TypeAlias = Items[Entry]


def last_index(log: Log) -> int:
    """The index of the last entry, 0 if there is none."""
    return len(log)


def last_term(log: Log) -> int:
    """The term of the last entry, 0 if there is none."""
    return log[-1].term if log else 0


def term_at(log: Log, index: int) -> int:
    """The term of the entry at `index`, 0 before the first."""
    return log[index - 1].term if index else 0


def append(log: Log, entries: tuple[Entry, ...]) -> Log:
    """The log with these entries at its end."""
    return log + entries


def entries_after(log: Log, index: int, limit: int) -> tuple[Entry, ...]:
    """Up to `limit` entries that follow `index`."""
    return tuple(log[index : index + limit])


def between(log: Log, after: int, end: int) -> Log:
    """The entries after one index up to another; those of a strand are not read before somebody looks at them."""
    return log[after:end] if isinstance(log, tuple) else without_first(log[:end], after)


def is_as_complete(index: int, term: int, log: Log) -> bool:
    """Whether a log that ends with this index and term holds all that `log` may know to be decided."""
    return (term, index) >= (last_term(log), last_index(log))


def fits(log: Log, prev_index: int, prev_term: int) -> bool:
    """Whether the log has the entry that a slice belongs after; nothing is needed before the first."""
    return prev_index <= last_index(log) and term_at(log, prev_index) == prev_term


def conflicts(log: Log, prev_index: int, entries: tuple[Entry, ...]) -> bool:
    """Whether the log has an entry of another term where the slice has one. Same index and term means same entry."""
    mine = log[prev_index : prev_index + len(entries)]
    return any(one.term != other.term for one, other in zip(mine, entries, strict=False))


def merge(log: Log, prev_index: int, entries: tuple[Entry, ...]) -> Log:
    """The log with a slice that fits after `prev_index`.

    What follows the slice is dropped only on a conflict: a late and short slice proves nothing about the rest.
    """
    end = prev_index + len(entries)
    if end <= last_index(log) and not conflicts(log, prev_index, entries):
        return log
    return log[:prev_index] + entries


def kept(old: Log, new: Log) -> int:
    """How many entries at the beginning of `new` stand in `old` already. Looks only at where they differ."""
    index = min(len(old), len(new))
    while index and old[index - 1] != new[index - 1]:
        index -= 1
    return index


def differs(old: Log, new: Log) -> bool:
    """Whether the two are different logs; the common cases do not look at the entries."""
    return old is not new and (len(old) != len(new) or old != new)


def may_commit(log: Log, index: int, term: int) -> bool:
    """The commit rule: only an entry of the leader's own term is committed by counting, and those before it with it.

    An entry of an earlier term may stand on a quorum and yet be replaced by a leader that never saw it.
    """
    return term_at(log, index) == term
