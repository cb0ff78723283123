"""The log as a value: what fits, what is dropped, what may be committed."""

from __future__ import annotations

import pytest

from quorumlog.core.consensus import log
from quorumlog.core.consensus.durability import is_dirty
from quorumlog.core.consensus.effects import Durable, Propose, Sync
from quorumlog.core.consensus.messages import Entry
from quorumlog.core.consensus.replica import start, step
from quorumlog.core.consensus.state import LEADER, lightened
from quorumlog.persistent.strand import Strand


def entries(*terms: int) -> tuple[Entry, ...]:
    return tuple(Entry(term, f"event {term}") for term in terms)


@pytest.mark.parametrize(
    ("terms", "prev_index", "prev_term", "expected"),
    [
        ((), 0, 0, True),
        ((1, 2), 0, 0, True),
        ((1, 2), 2, 2, True),
        ((1, 2), 2, 1, False),
        ((1, 2), 3, 2, False),
        ((), 1, 1, False),
    ],
)
def test_a_slice_fits_only_after_the_entry_that_it_names(
    terms: tuple[int, ...], prev_index: int, prev_term: int, expected: bool
) -> None:
    assert log.fits(entries(*terms), prev_index, prev_term) is expected


@pytest.mark.parametrize(
    ("terms", "prev_index", "slice_terms", "expected"),
    [
        ((1,), 1, (1, 2), (1, 1, 2)),  # grows
        ((1, 1, 2), 0, (1,), (1, 1, 2)),  # late and short: nothing is dropped
        ((1, 1, 2), 1, (1, 2), (1, 1, 2)),  # repeated
        ((1, 1, 1, 1), 1, (1, 2), (1, 1, 2)),  # a conflict drops all that follows
        ((1, 1, 1), 1, (2, 2, 2), (1, 2, 2, 2)),
        ((1, 2), 1, (), (1, 2)),  # a heartbeat
        ((), 0, (3,), (3,)),
    ],
)
def test_merging_drops_entries_only_on_a_conflict(
    terms: tuple[int, ...], prev_index: int, slice_terms: tuple[int, ...], expected: tuple[int, ...]
) -> None:
    merged = log.merge(entries(*terms), prev_index, entries(*slice_terms))
    assert [entry.term for entry in merged] == list(expected)


def test_a_slice_that_changes_nothing_leaves_the_very_same_log() -> None:
    mine = entries(1, 2, 2)
    assert log.merge(mine, 1, entries(2)) is mine


@pytest.mark.parametrize(
    ("index", "term", "expected"),
    [(2, 2, True), (1, 2, False), (9, 1, False), (1, 3, True), (3, 2, True)],
)
def test_a_later_term_counts_for_more_than_a_longer_log(index: int, term: int, expected: bool) -> None:
    assert log.is_as_complete(index, term, entries(1, 2)) is expected


def test_entries_are_cut_to_the_limit() -> None:
    assert log.entries_after(entries(1, 2, 3), 1, 1) == entries(2)
    assert log.entries_after(entries(1, 2, 3), 1, 9) == entries(2, 3)
    assert log.entries_after(entries(1, 2, 3), 3, 9) == ()


def test_an_entry_of_an_earlier_term_is_not_committed_by_counting() -> None:
    assert not log.may_commit(entries(1, 2), 1, 2)
    assert log.may_commit(entries(1, 2), 2, 2)
    assert not log.may_commit(entries(1, 2), 0, 2)


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [((1, 2), (1, 2, 3), 2), ((1, 2, 2), (1, 3), 1), ((1, 1), (2, 2), 0), ((), (1,), 0), ((1, 2), (1,), 1)],
)
def test_what_the_disk_keeps_is_the_common_beginning(old: tuple[int, ...], new: tuple[int, ...], expected: int) -> None:
    assert log.kept(entries(*old), entries(*new)) == expected


def test_logs_differ_by_content_not_by_identity() -> None:
    assert not log.differs(entries(1, 2), entries(1, 2))
    assert log.differs(entries(1, 2), entries(1, 3))
    assert log.differs(entries(1, 2), entries(1))


def test_a_server_whose_log_is_read_is_the_same_server() -> None:
    asked: list[tuple[int, int]] = []
    whole = entries(*[1] * 1_000)

    def read(first: int, end: int) -> tuple[Entry, ...]:
        asked.append((first, end))
        return whole[first:end]

    heavy = start("a", ("a", "b", "c"), 10, Durable(1, "a", Strand.of(whole))).change(role=LEADER, commit_index=900)
    heavy, _ = step(heavy, Propose(("x",)))
    light = lightened(heavy, 2_000, read)
    assert light == heavy
    assert asked == [(0, 900), (0, 900)]  # by the comparison: of the log, and of the disk's
    asked.clear()
    synced, (store, *_) = step(light, Sync())
    assert is_dirty(light)
    assert not is_dirty(synced)
    assert store == step(heavy, Sync())[1][0]
    asked.clear()
    after, _ = step(lightened(synced, 100, read), Propose(("y",)))
    assert log.kept(after.disk.log, after.log) == 1_001
    assert log.term_at(after.log, 950) == 1
    assert asked == []
