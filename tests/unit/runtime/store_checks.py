"""What a store must do, check by check, each on a class that is handed in, so that mutants can be held to the same."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from random import Random
from typing import Final

from tests.unit.runtime.store_bench import LOG, WAL, Bench, entries, failing, fails, refused, story
from tests.unit.runtime.store_trial import OWNER, Known, Opens, Plain

from quorumlog.core.consensus.effects import BLANK, Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.runtime.faulty_disk import Deed, FaultyDisk, PowerLost, Trouble, no_trouble
from quorumlog.runtime.media import MemoryMedia
from quorumlog.runtime.storage import Compacted, DiskFailed, DiskFull

# -- what is written ---------------------------------------------------------------------------------------------


def what_is_written_is_read_again(stores: Opens) -> None:
    """Whole, lazily, and through the log that was recovered."""
    bench = Bench(stores)
    story(bench)
    bench.restart()
    assert bench.known() == bench.states[-1]
    log = bench.states[-1].log
    for first, last in ((1, 370), (15, 20), (17, 17), (369, 370), (62, 68), (5, 4)):
        assert bench.store.entries(first, last) == log[first - 1 : last]
    recovered = bench.store.recovered.durable.log
    assert recovered[16].term == 2
    assert recovered[2:5] == log[2:5]


def one_write_and_one_sync_for_all_that_waits(stores: Opens) -> None:
    """Three stores at once, one of which truncates: what the last one says is there."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    synced = bench.syncs()
    first, second = entries(1, 6), entries(1, 2) + entries(3, 4, 2)
    third = (*second, *entries(5, 9, 2))
    logs = [(first, 5), (second, 2), (third, 4)]
    bench.store.write_sync([Store(Durable(2, "a2", log), kept) for log, kept in logs])
    assert synced == [WAL]
    bench.restart()
    assert bench.known() == Known(2, "a2", third)


def what_changes_nothing_costs_nothing(stores: Opens) -> None:
    """No sync for what is durable, and one for an entry that takes the place of another."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    synced = bench.syncs()
    bench.write(())
    assert synced == []
    bench.write((Entry(1, "another"),), kept=4)
    assert synced
    assert bench.store.entries(5, 5) == (Entry(1, "another"),)
    bench.restart()
    assert bench.known().log[-1] == Entry(1, "another")


def what_was_read_before_is_not_remembered_after_it_is_replaced(stores: Opens) -> None:
    """The last block that was read is kept decoded."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    assert bench.store.entries(1, 5) == entries(1, 5)
    bench.write(entries(1, 6, 2), kept=0, term=2)
    assert bench.store.entries(1, 5) == entries(1, 5, 2)


def checkpoints_lose_nothing_and_keep_the_log_short(stores: Opens) -> None:
    """The write-ahead log does not grow for ever."""
    bench = Bench(stores)
    for index in range(1, 2_500):
        bench.write(entries(index, index))
        bench.store.tidy(idle=False)
    assert len(bench.media.files[WAL]) < 1_100 * 4_120
    assert bench.store.tidy(idle=True) or len(bench.media.files[WAL]) < 64 * 4_120
    bench.restart()
    assert bench.known() == bench.states[-1]


def decided_entries_are_not_replaced(stores: Opens) -> None:
    """What would replace them, or leave a gap, is an error of the caller, and changes nothing."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    bench.store.save_snapshot(3, 1, b"state")
    for kept in (2, 6):
        try:
            bench.store.write_sync([Store(Durable(2, None, entries(1, 9, 2)), kept)])
        except ValueError:
            continue
        raise AssertionError(f"{kept} entries were kept")
    bench.restart()
    assert bench.known() == bench.states[-1]


def a_store_that_was_not_made_to_the_end_is_made_again(stores: Opens) -> None:
    """The power is lost while a node starts for the first time, whatever arrives of that."""
    for deeds in range(1, 60):
        for seed in range(4):
            disk = FaultyDisk(MemoryMedia())
            left = [deeds]

            def plan(_: Deed, __: str, left: list[int] = left) -> Trouble | None:
                left[0] -= 1
                return "power" if left[0] < 0 else None

            disk.plan = plan
            with suppress(PowerLost, DiskFailed):
                stores.open("", Plain(), owner=OWNER, files=disk)
            disk.plan = no_trouble
            disk.crash(Random(seed) if seed else None)
            store = stores.open("", Plain(), owner=OWNER, files=disk)
            assert store.recovered.durable == BLANK
            store.write_sync([Store(Durable(1, None, entries(1, 3)), 0)])
            disk.crash()
            assert len(stores.open("", Plain(), owner=OWNER, files=disk).recovered.durable.log) == 3
        if left[0] >= 0:
            return
    raise AssertionError("a start takes more than so many writes and syncs")


# -- failures ------------------------------------------------------------------------------------------------------


def a_failed_sync_is_final(stores: Opens) -> None:
    """The disk works again and claims that all is well; the store does not believe it."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    bench.disk.plan = failing("sync")
    with fails(DiskFailed):
        bench.write(entries(6, 9))
    bench.disk.plan = no_trouble
    for new, term in ((entries(6, 9), 1), ((), 2)):
        with fails(DiskFailed):
            bench.write(new, term=term)
    bench.restart()
    assert bench.known() == bench.states[-1]


def what_a_failed_sync_has_lost_is_durable_once_it_was_told_of(stores: Opens) -> None:
    """The process ends and the machine goes on: its cache shows what is not on the disk."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    bench.disk.plan = failing("sync")
    with fails(DiskFailed):
        bench.write(entries(6, 9, 2), term=2)
    bench.disk.plan = no_trouble
    bench.disk.kill()
    bench.open()
    told = bench.known()
    bench.restart()
    assert bench.known() == told


def a_start_may_be_cut_short_after_a_failed_sync(stores: Opens) -> None:
    """Wherever it is: pages of the write that was lost and of those before it are never mixed."""
    for before in (a_vote_and_free_pages, a_batch_on_one_page):
        for deeds in range(1, 40):
            bench = Bench(stores)
            before(bench)
            state = bench.states[-1]
            lost = entries(len(state.log) + 1, len(state.log) + 600, state.term)
            bench.disk.plan = failing("sync")
            with fails(DiskFailed):
                bench.write(lost, term=state.term)
            bench.disk.kill()
            has_started = starts_with_power_for(deeds, bench)
            bench.restart()
            assert bench.known() in (state, Known(state.term, OWNER, state.log + lost))
            if has_started:
                break
        else:
            raise AssertionError("a start takes more than so many writes and syncs")


def a_vote_and_free_pages(bench: Bench) -> None:
    """In the write-ahead log is a vote; the next write takes pages that others have left."""
    bench.write(entries(1, 999))
    bench.write(entries(1, 1, 2), kept=0, term=2)
    bench.write(entries(2, 3, 2), term=2)
    bench.closed()
    bench.open()
    bench.write((), term=3)


def a_batch_on_one_page(bench: Bench) -> None:
    """In the write-ahead log is the page on which the next write begins a row."""
    bench.write(entries(1, 3))
    bench.restart()
    bench.write(entries(4, 4))


def starts_with_power_for(deeds: int, bench: Bench) -> bool:
    """Start, and lose the power after so many writes and syncs; whether the start took no more of them."""
    left = [deeds]

    def plan(_: Deed, __: str) -> Trouble | None:
        left[0] -= 1
        return "power" if left[0] < 0 else None

    bench.disk.plan = plan
    with suppress(PowerLost, DiskFailed):
        bench.open()
    bench.disk.plan = no_trouble
    return left[0] >= 0


def a_full_disk_stops_the_node_and_loses_nothing(stores: Opens) -> None:
    """At any of the writes that a transaction, a checkpoint or a snapshot takes."""
    for deeds in range(1, 12):
        bench = Bench(stores)
        bench.write(entries(1, 5))
        left = [deeds]

        def plan(deed: Deed, _: str, left: list[int] = left) -> Trouble | None:
            left[0] -= deed == "write"
            return "full" if left[0] < 0 else None

        bench.disk.plan = plan
        with fails(DiskFull):
            for index in range(6, 60):
                bench.write(entries(index, index))
                bench.store.tidy(idle=True)
        bench.disk.plan = no_trouble
        bench.restart()
        assert bench.known() == bench.states[-1]


def a_snapshot_that_cannot_be_saved_is_not_there(stores: Opens) -> None:
    """The one before it serves, and the log is whole."""
    for deed in ("write", "sync", "rename"):
        bench = Bench(stores)
        bench.write(entries(1, 9))
        bench.store.save_snapshot(3, 1, b"older")
        bench.disk.plan = failing(deed)
        with fails(DiskFailed):
            bench.store.save_snapshot(6, 1, b"newer")
        bench.disk.plan = no_trouble
        bench.restart()
        assert bench.store.recovered.snapshot is not None
        assert bench.store.recovered.snapshot.state == b"older"


# -- snapshots and what is dropped --------------------------------------------------------------------------------


def a_damaged_snapshot_is_left_out(stores: Opens) -> None:
    """Any byte of it: the one before it serves, and that is said."""
    bench = Bench(stores)
    story(bench)
    bench.store.compact(100)
    files = bench.closed()
    newest = "snapshot-0000000000000017"
    for place in range(len(files[newest])):
        file = bytearray(files[newest])
        file[place] ^= 1 << place % 8
        bench.restart(**{**files, newest: bytes(file)})
        recovered = bench.store.recovered
        assert recovered.snapshot is not None
        assert (recovered.snapshot.index, recovered.snapshot.state) == (10, b"x" * 300)
        assert newest in recovered.cut[0]
        assert tuple(recovered.durable.log[9:]) == bench.states[-1].log[9:]
    older = "snapshot-0000000000000010"
    with refused(LOG, "entries up to 9 are dropped"):
        bench.restart(**{**files, newest: b"", older: b""})


def what_is_dropped_is_dropped_for_ever_and_nothing_else(stores: Opens) -> None:
    """Whole batches, as far as the older snapshot."""
    bench = Bench(stores)
    story(bench)
    log = bench.states[-1].log
    assert bench.store.compact(5) == 3, "the batch of index 4 to 6 is needed in part"
    assert bench.store.compact(300) == 9, "the entry of the older snapshot stays"
    assert bench.store.compact(2) == 9
    for _ in range(2):
        assert bench.store.entries(10, 370) == log[9:]
        try:
            bench.store.entries(9, 12)
        except Compacted:
            pass
        else:
            raise AssertionError("a dropped entry was read")
        bench.restart()
        assert bench.store.recovered.start == 9


def without_two_snapshots_nothing_is_dropped(stores: Opens) -> None:
    """Entries are all that there is of the state then, or will be if the one snapshot is damaged."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    bench.write(entries(6, 9))
    assert bench.store.compact(9) == 0
    bench.store.save_snapshot(8, 1, b"state")
    assert bench.store.compact(100) == 0
    bench.store.save_snapshot(9, 1, b"state")
    assert bench.store.compact(100) == 5


def two_snapshots_are_kept(stores: Opens) -> None:
    """And nothing else of those before."""
    bench = Bench(stores)
    bench.write(entries(1, 9))
    for index in (2, 4, 4, 3, 6):
        bench.store.save_snapshot(index, 1, b"state")
    assert [name for name in bench.disk.names() if "snapshot" in name] == [
        "snapshot-0000000000000004",
        "snapshot-0000000000000006",
    ]


def a_snapshot_beyond_the_log_is_evidence_of_a_loss(stores: Opens) -> None:
    """Somebody has taken the end of the log away."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    files = bench.closed()
    bench.restart()
    bench.write(entries(6, 9))
    bench.store.save_snapshot(8, 1, b"state")
    with refused(LOG, "ends at index 5", "a snapshot of index 8"):
        bench.restart(**files)


def a_snapshot_of_another_story_is_refused(stores: Opens) -> None:
    """Its term is not that of the entry at its place."""
    bench = Bench(stores)
    bench.write(entries(1, 5))
    bench.store.save_snapshot(4, 7, b"state")
    with refused(LOG, "index 4", "another term"):
        bench.restart()


CHECKS: Final[tuple[Callable[[Opens], None], ...]] = (
    what_is_written_is_read_again,
    one_write_and_one_sync_for_all_that_waits,
    what_changes_nothing_costs_nothing,
    what_was_read_before_is_not_remembered_after_it_is_replaced,
    decided_entries_are_not_replaced,
    a_store_that_was_not_made_to_the_end_is_made_again,
    a_failed_sync_is_final,
    what_a_failed_sync_has_lost_is_durable_once_it_was_told_of,
    a_start_may_be_cut_short_after_a_failed_sync,
    a_full_disk_stops_the_node_and_loses_nothing,
    a_snapshot_that_cannot_be_saved_is_not_there,
    what_is_dropped_is_dropped_for_ever_and_nothing_else,
    without_two_snapshots_nothing_is_dropped,
    two_snapshots_are_kept,
    a_snapshot_beyond_the_log_is_evidence_of_a_loss,
    a_snapshot_of_another_story_is_refused,
    a_damaged_snapshot_is_left_out,
    checkpoints_lose_nothing_and_keep_the_log_short,
)
