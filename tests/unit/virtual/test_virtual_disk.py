"""The disk of a process in virtual time: when a write is durable, and what a crash leaves of one."""

from __future__ import annotations

import asyncio
from pathlib import Path
from random import Random

from tests.unit.runtime.store_trial import OWNER, Plain
from tests.unit.virtual.processes import Two

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.runtime.storage import Recovered, Storage
from quorumlog.virtual.disk import Machine, Speed, VirtualWriter

DISK = Path("/disk")
SPEED = Speed(takes=(0.01, 0.01))
FIRST, SECOND = (Entry(1, f"event {number}" * 200) for number in (1, 2))


def crashed(seed: int, after: float, folder: Path = DISK) -> tuple[Recovered, list[str], Machine]:
    """What is there again when a process was killed so many seconds after it began to write a second entry."""
    two, machine, told = Two(), Machine(folder, Random(seed)), list[str]()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        storage = Storage.open("", Plain(), owner=OWNER, files=machine.files)
        writer = VirtualWriter(storage, storage.recovered.durable, loop, raises, None, Random(1), SPEED)
        writer.write([Store(Durable(1, None, (FIRST,)), 0)], lambda: told.append("first"))
        await asyncio.sleep(0.02)
        writer.write([Store(Durable(1, None, (FIRST, SECOND)), 1)], lambda: told.append("second"))
        await asyncio.sleep(after)
        machine.crash(writer)

    two.run(main())
    storage = Storage.open("", Plain(), owner=OWNER, files=machine.files)
    storage.close()
    return storage.recovered, told, machine


def raises(error: Exception) -> None:
    raise error


def test_before_it_is_written_nothing_is_there_and_sometimes_a_part() -> None:
    torn = 0
    for seed in range(20):
        found, told, machine = crashed(seed, after=0.004)
        assert (tuple(found.durable.log), told) in [((FIRST,), ["first"]), ((FIRST, SECOND), ["first"])]
        torn += bool(found.cut)
        machine.files.unregister()
    assert 0 < torn < 20


def test_when_it_is_written_all_is_there_though_nobody_was_told() -> None:
    found, told, machine = crashed(1, after=0.007)
    assert (tuple(found.durable.log), told) == ((FIRST, SECOND), ["first"])
    machine.files.unregister()


def test_what_waits_for_a_write_happens_in_the_next_one_that_changes_something_before_it_is_on_the_disk() -> None:
    two, machine, noted = Two(), Machine(DISK, Random(1)), list[tuple[bool, float]]()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        storage = Storage.open("", Plain(), owner=OWNER, files=machine.files)
        writer = VirtualWriter(storage, storage.recovered.durable, loop, raises, None, Random(1), SPEED)
        writer.in_next_write = lambda: noted.append((bool(writer.unwritten), loop.time()))
        await asyncio.sleep(1)
        nothing = Durable(storage.recovered.durable.term, None, ())
        for kept, durable in [(0, nothing), (0, Durable(1, None, (FIRST,))), (1, Durable(1, None, (FIRST, SECOND)))]:
            writer.write([Store(durable, kept)], lambda: None)
            await asyncio.sleep(1)
        writer.close()

    two.run(main())
    machine.files.unregister()
    assert noted == [(True, 2.0025)]


def test_a_quick_disk_has_written_before_the_step_goes_on_unless_something_is_to_happen_meanwhile() -> None:
    two, machine, noted = Two(), Machine(DISK, Random(1)), list[tuple[str, float]]()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        storage = Storage.open("", Plain(), owner=OWNER, files=machine.files)
        quick = Speed(quick=1.0, takes=(0.01, 0.01))
        writer = VirtualWriter(storage, storage.recovered.durable, loop, raises, None, Random(1), quick)
        writer.write([Store(Durable(1, None, (FIRST,)), 0)], lambda: noted.append(("first", loop.time())))
        assert noted == [("first", 0.0)]
        assert not writer.unwritten
        writer.in_next_write = lambda: noted.append(("meanwhile", loop.time()))
        writer.write([Store(Durable(1, None, (FIRST, SECOND)), 1)], lambda: noted.append(("second", loop.time())))
        await asyncio.sleep(1)
        writer.close()

    two.run(main())
    machine.files.unregister()
    assert noted == [("first", 0.0), ("meanwhile", 0.0025), ("second", 0.01)]


def test_what_somebody_was_told_of_is_there() -> None:
    for seed in range(5):
        found, told, machine = crashed(seed, after=0.02)
        assert (tuple(found.durable.log), told) == ((FIRST, SECOND), ["first", "second"])
        machine.files.unregister()


def test_a_machine_is_kept_as_files(tmp_path: Path) -> None:
    *_, machine = crashed(1, after=0.02, folder=tmp_path / "a1")
    machine.keep()
    storage = Storage.open(tmp_path / "a1", Plain(), owner=OWNER)
    assert tuple(storage.recovered.durable.log) == (FIRST, SECOND)
    storage.close()
