"""A store on real files: one process at a time, what a killed process leaves, and the disk that forgets for it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
from tests.unit.runtime.store_bench import entries
from tests.unit.runtime.store_trial import OWNER, Plain

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.runtime.faulty_disk import FaultyDisk
from quorumlog.runtime.storage import Compacted, Storage, UnusableStore

ROOT: Final = Path(__file__).parents[3]
WRITER: Final = """
import sys, time
from tests.unit.runtime.store_bench import entries
from tests.unit.runtime.store_trial import OWNER, Plain
from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.runtime import storage
from quorumlog.runtime.database import SETTINGS
from quorumlog.runtime.faulty_disk import FaultyDisk
folder, disk, synchronous = sys.argv[1:]
SETTINGS["synchronous"] = synchronous
storage.IDLE_FRAMES = 9
files = FaultyDisk.in_folder(folder) if disk == "forgetting" else None
store = storage.Storage.open(folder, Plain(), owner=OWNER, files=files)
last = len(store.recovered.durable.log)
while True:
    last += 3
    store.write_sync([Store(Durable(1, OWNER, entries(1, last)), last - 3)])
    print(last, flush=True)
    if last % 10 == 0:
        store.save_snapshot(last, 1, b"state")
        store.tidy(idle=True)
"""


def killed(folder: Path, disk: str, synchronous: str = "full", least: int = 30) -> int:
    """Let a process write until it has told of so many entries, and kill it; how many it has told of."""
    command = [sys.executable, "-c", WRITER, str(folder), disk, synchronous]
    told = 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            told = int(line)
            if told >= least:
                process.kill()
                break
        return max([told, *map(int, process.stdout.read().split())])


@pytest.mark.parametrize("disk", ["plain", "forgetting"])
def test_what_a_killed_process_told_of_is_there(tmp_path: Path, disk: str) -> None:
    for least in (30, 90, 150):
        told = killed(tmp_path, disk, least=least)
        files = FaultyDisk.in_folder(tmp_path) if disk == "forgetting" else None
        store = Storage.open(tmp_path, Plain(), owner=OWNER, files=files)
        log = store.recovered.durable.log
        assert told <= len(log) <= told + 3
        assert tuple(log) == entries(1, len(log))
        store.close()


def test_a_missing_sync_is_found_by_the_disk_that_forgets(tmp_path: Path) -> None:
    """A plain file would have kept what was never synced, since the machine goes on."""
    told = killed(tmp_path / "plain", "plain", synchronous="off")
    store = Storage.open(tmp_path / "plain", Plain(), owner=OWNER)
    assert len(store.recovered.durable.log) >= told
    store.close()
    told = killed(tmp_path / "forgetting", "forgetting", synchronous="off")
    try:
        store = Storage.open(tmp_path / "forgetting", Plain(), owner=OWNER)
    except UnusableStore:
        return  # a snapshot that was synced is ahead of a log that was not
    assert len(store.recovered.durable.log) < told


def test_one_process_has_the_folder(tmp_path: Path) -> None:
    store = Storage.open(tmp_path, Plain(), owner=OWNER)
    script = (
        "import sys\nfrom quorumlog.runtime.storage import Storage, UnusableStore\n"
        "from tests.unit.runtime.store_trial import Plain\n"
        f"try: Storage.open(sys.argv[1], Plain(), owner={OWNER!r})\n"
        "except UnusableStore as error: print(error); sys.exit(2)\n"
    )
    command = [sys.executable, "-c", script, str(tmp_path)]
    tried = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (tried.returncode, tried.stderr) == (2, "")
    assert tried.stdout == f"{tmp_path / 'log.sqlite'}: in use by another process, expected one node for a folder\n"
    store.write_sync([Store(Durable(1, OWNER, entries(1, 3)), 0)])
    store.close()
    assert subprocess.run(command, cwd=ROOT, capture_output=True, text=True).returncode == 0


def test_a_folder_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "log.sqlite").mkdir()
    with pytest.raises(UnusableStore, match=r"log\.sqlite: expected a file that can be written"):
        Storage.open(tmp_path, Plain(), owner=OWNER)
    (tmp_path / "file").write_text("")
    with pytest.raises(UnusableStore, match=r"file: expected a folder"):
        Storage.open(tmp_path / "file", Plain(), owner=OWNER)


def test_others_read_and_save_while_one_thread_writes(tmp_path: Path) -> None:
    store = Storage.open(tmp_path, Plain(), owner=OWNER)
    store.write_sync([Store(Durable(1, OWNER, entries(1, 5)), 0)])
    written, failed = [5], list[BaseException]()

    def write() -> None:
        for last in range(10, 750, 5):
            store.write_sync([Store(Durable(1, OWNER, entries(1, last)), last - 5)])
            written[0] = last
            store.tidy()

    def read() -> None:
        while written[0] < 745:
            last = written[0]
            try:
                assert store.entries(max(last - 20, 1), last) == entries(max(last - 20, 1), last)
            except Compacted:
                continue

    def save() -> None:
        while written[0] < 745:
            last = written[0]
            store.save_snapshot(last, 1, b"state" * 1_000)
            assert store.compact(last) < last

    def watched(work: Callable[[], None]) -> Callable[[], None]:
        def run() -> None:
            try:
                work()
            except BaseException as error:
                failed.append(error)
                written[0] = 745

        return run

    threads = [Thread(target=watched(work)) for work in (write, read, read, save)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    store.close()
    again = Storage.open(tmp_path, Plain(), owner=OWNER)
    start = again.recovered.start
    assert start > 0
    assert again.entries(start + 1, 745) == entries(start + 1, 745)
    again.close()


def test_the_command_says_in_one_line_what_is_wrong_with_a_folder(tmp_path: Path) -> None:
    (tmp_path / "a1").mkdir()
    (tmp_path / "a1" / "log.sqlite").write_bytes(b"no database " * 1_000)
    main = "from quorumlog.cli import main; main()"
    command = [sys.executable, "-c", main, "node", "--data", str(tmp_path), "--listen", "127.0.0.1:1"]
    tried = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert tried.returncode == 2
    assert tried.stdout == ""
    (line,) = tried.stderr.splitlines()
    assert line.startswith(f"quorumlog: {tmp_path / 'a1' / 'log.sqlite'}: expected a database of quorumlog")
