"""A store sees that its files are gone by the folder alone, once no change of the folder can hide behind another."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.runtime import storage
from quorumlog.runtime.database import FILE, WAL
from quorumlog.runtime.errors import DiskFailed
from quorumlog.runtime.files import SystemFiles
from quorumlog.runtime.hosting import LEDGER_CODEC
from quorumlog.runtime.storage import SETTLED, Storage


class Asked(SystemFiles):
    """A folder that counts how often somebody asks which file is found there. Its clock may stand."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.files = 0
        self.stands: object = None

    def identity(self, name: str) -> object:
        self.files += 1
        return super().identity(name)

    def changes(self) -> object:
        return self.stands or super().changes()


class Written:
    """A store, and the time that it reads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = Asked(folder)
        self.now = 0.0
        self.storage = Storage.open(folder, LEDGER_CODEC, owner="a1", files=self.files)
        self.log: tuple[Entry, ...] = ()

    def write(self) -> int:
        """One more entry; how often files were asked for."""
        before = self.files.files
        self.log += (Entry(1, None),)
        self.storage.write_sync([Store(Durable(1, None, self.log), len(self.log) - 1)])
        return self.files.files - before


@pytest.fixture
def written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Written]:
    """A store in a folder of its own."""
    found = Written(tmp_path / "store")
    monkeypatch.setattr(storage, "monotonic", lambda: found.now)
    yield found
    found.storage.close()


def emptied(folder: Path) -> None:
    """All of it is removed."""
    shutil.rmtree(folder)


def moved(folder: Path) -> None:
    """It is elsewhere."""
    folder.rename(folder.with_name("elsewhere"))


def replaced(folder: Path) -> None:
    """A copy is in its place."""
    copy = folder.with_name("copy")
    shutil.copytree(folder, copy)
    shutil.rmtree(folder)
    copy.rename(folder)


def without_its_log(folder: Path) -> None:
    """What was written last is removed."""
    (folder / WAL).unlink()


def with_another_database(folder: Path) -> None:
    """A copy of one file is in its place."""
    shutil.copy(folder / FILE, folder / "copy")
    (folder / "copy").rename(folder / FILE)


GOES = [emptied, moved, replaced, without_its_log, with_another_database]


def settle(written: Written) -> None:
    """Write until the folder alone is asked."""
    assert written.write() == 2
    written.now += SETTLED
    assert [written.write(), written.write()] == [2, 0]


@pytest.mark.parametrize("goes", GOES)
def test_it_is_noticed_with_the_first_write(goes: Callable[[Path], None], written: Written) -> None:
    goes(written.folder)
    with pytest.raises(DiskFailed, match="the store is no longer there"):
        written.write()


@pytest.mark.parametrize("goes", GOES)
def test_it_is_noticed_with_the_next_write(goes: Callable[[Path], None], written: Written) -> None:
    settle(written)
    goes(written.folder)
    for _ in range(2):
        with pytest.raises(DiskFailed, match="the store is no longer there"):
            written.write()


@pytest.mark.parametrize("goes", GOES)
def test_a_store_that_does_not_look_at_its_folder_would_be_noticed(
    goes: Callable[[Path], None], written: Written
) -> None:
    settle(written)
    written.files.stands = written.files.changes()
    goes(written.folder)
    assert written.write() == 0


def test_files_are_asked_for_as_long_as_a_change_may_bear_the_time_of_another(written: Written) -> None:
    settle(written)
    written.files.write("snapshot", b"")
    assert written.write() == 2
    written.files.stands = written.files.changes()
    written.now += SETTLED / 2
    assert written.write() == 2
    emptied(written.folder)
    with pytest.raises(DiskFailed, match="the store is no longer there"):
        written.write()


def test_files_are_asked_for_once_more_however_late_the_next_write_comes(written: Written) -> None:
    """What has happened after the last look may bear the time that was seen then."""
    assert written.write() == 2
    written.files.stands = written.files.changes()
    emptied(written.folder)
    written.now += 10 * SETTLED
    with pytest.raises(DiskFailed, match="the store is no longer there"):
        written.write()


def test_one_that_trusts_the_folder_at_once_would_be_noticed(written: Written, monkeypatch: pytest.MonkeyPatch) -> None:
    settle(written)
    monkeypatch.setattr(storage, "SETTLED", 0.0)
    written.files.write("snapshot", b"")
    assert written.write() == 2
    written.files.stands = written.files.changes()
    emptied(written.folder)
    assert written.write() == 0
