"""The faulty disk reads as any disk does while the power is on, keeps what was synced, and of the rest only sectors."""

from __future__ import annotations

from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorumlog.runtime.faulty_disk import SECTOR, FaultyDisk, PowerLost, beside, held, no_trouble, slow
from quorumlog.runtime.media import FolderMedia, MemoryMedia

QUICK = settings(max_examples=150, deadline=None, derandomize=True)
WRITES = st.lists(
    st.one_of(
        st.tuples(st.integers(0, 3_000), st.integers(0, 2_000)),  # so many bytes at an offset
        st.tuples(st.integers(0, 3_000), st.none()),  # cut the file
        st.none(),  # sync
    ),
    max_size=12,
)


class Plain:
    """A file as it reads, written with one byte value a write, so that it shows whose each byte is."""

    def __init__(self) -> None:
        self.text = bytearray()
        self.number = 0

    def write(self, offset: int, amount: int | None) -> bytes | None:
        """Write, or cut; answers what was written."""
        size = offset if amount is None else max(offset + amount, len(self.text)) if amount else len(self.text)
        self.text.extend(bytes(max(size - len(self.text), 0)))
        if amount is None:
            del self.text[offset:]
            return None
        self.number += 1
        data = bytes([self.number]) * amount
        self.text[offset : offset + amount] = data
        return data


@given(WRITES, st.sampled_from(("memory", "folder")))
@QUICK
def test_it_reads_as_it_was_written_and_a_crash_leaves_what_was_synced(
    writes: list[tuple[int, int | None] | None], where: str
) -> None:
    with TemporaryDirectory() as folder:
        disk = FaultyDisk(MemoryMedia() if where == "memory" else FolderMedia(folder))
        plain, synced = Plain(), b""
        for each in writes:
            if each is None:
                disk.sync("file")
                synced = bytes(plain.text)
            elif each[1] != 0:
                disk.write_at("file", plain.write(*each), each[0])
            assert disk.read("file") == plain.text
            assert disk.read_at("file", 700, 900) == plain.text[900:1600]
        disk.crash()
        assert disk.read("file") == synced
        disk.unregister()


@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(1, 2_000)), max_size=6), st.integers(0, 999))
@QUICK
def test_sectors_are_written_as_a_whole_or_not_at_all(writes: list[tuple[int, int]], seed: int) -> None:
    disk, plain = FaultyDisk(MemoryMedia()), Plain()
    disk.write_at("file", plain.write(0, 6_000), 0)
    disk.sync("file")
    versions = [bytes(plain.text)]
    for offset, amount in writes:
        data = plain.write(offset, amount)
        disk.write_at("file", data, offset)
        versions.append(bytes(plain.text))
    disk.crash(Random(seed))
    found = disk.read("file")
    for place in range(0, 6_000, SECTOR):
        sector = found[place : place + SECTOR]
        for value in set(sector):
            offset, amount = (0, 6_000) if value == 1 else writes[value - 2]
            mine = range(max(offset, place), min(offset + amount, place + len(sector)))
            later = {number for number in set(sector) if number > value}
            assert all(found[each] == value or found[each] in later for each in mine), "a sector is torn"
    disk.unregister()


def test_what_arrives_differs_from_crash_to_crash() -> None:
    seen = set()
    for seed in range(40):
        disk = FaultyDisk(MemoryMedia())
        for number in range(1, 4):
            disk.write_at("file", bytes([number]) * 2_000, 0)
        disk.crash(Random(seed))
        seen.add(disk.read("file"))
        disk.unregister()
    assert {b"", b"\x01" * 2_000, b"\x03" * 2_000} < seen
    assert any(len(set(file)) > 1 for file in seen), "some writes are torn"


def sync_in_vain(disk: FaultyDisk) -> None:
    """A sync fails; later ones do not."""
    disk.plan = lambda deed, _: "failed" if deed == "sync" else None
    with pytest.raises(apsw.IOError):
        disk.sync("file")
    disk.plan = no_trouble


def test_a_failed_sync_shows_what_it_has_lost() -> None:
    disk = FaultyDisk(MemoryMedia())
    disk.write("file", b"before")
    disk.sync("file")
    disk.write_at("file", b"lost", 0)
    sync_in_vain(disk)
    disk.sync("file")
    assert disk.read("file") == b"lostre"
    disk.kill()
    assert disk.read("file") == b"lostre"
    disk.crash(Random(1))
    assert disk.read("file") == b"before"


def test_what_is_written_after_a_failed_sync_is_shown_and_kept() -> None:
    disk = FaultyDisk(MemoryMedia())
    disk.write("file", b"before")
    disk.sync("file")
    disk.write_at("file", b"lost", 2)
    sync_in_vain(disk)
    disk.write_at("file", b"new", 0)
    disk.sync("file")
    assert disk.read("file") == b"newost"
    disk.write_at("file", None, 4)
    disk.sync("file")
    assert disk.read("file") == b"newo"
    disk.write_at("file", b"open", 0)
    sync_in_vain(disk)
    assert disk.read("file") == b"open"
    disk.crash(Random(1))
    assert disk.read("file") == b"newo"


def test_names_come_and_go_when_the_folder_is_synced() -> None:
    disk = FaultyDisk(MemoryMedia())
    for name in ("old", "new"):
        disk.write(name, name.encode())
        disk.sync(name)
    disk.sync_folder()
    disk.rename("new", "newer")
    disk.remove("old")
    assert disk.names() == ["newer"]
    disk.crash()
    assert disk.names() == ["new", "old"]
    disk.rename("new", "newer")
    disk.remove("old")
    disk.sync_folder()
    disk.crash()
    assert disk.names() == ["newer"]
    assert disk.read("newer") == b"new"


def test_a_file_that_is_made_again_is_empty_and_stays() -> None:
    disk = FaultyDisk(MemoryMedia())
    disk.write("file", b"long ago")
    disk.sync("file")
    disk.remove("file")
    assert (disk.has("file"), disk.size("file"), disk.read("file")) == (False, 0, b"")
    disk.write_at("file", b"x", 2)
    assert disk.read("file") == b"\0\0x"
    disk.sync("file")
    disk.sync_folder()
    disk.crash()
    assert disk.read("file") == b"\0\0x"


def test_nothing_is_done_without_power_and_old_files_stay_shut() -> None:
    disk = FaultyDisk(MemoryMedia())
    connection = apsw.Connection(disk.path("database"), vfs=disk.vfs)
    connection.pragma("synchronous", "extra")  # else the journal of what follows comes back and undoes it
    connection.execute("CREATE TABLE t (x)")
    disk.plan = lambda deed, _: "power" if deed == "sync" else None
    with pytest.raises(PowerLost):
        connection.execute("INSERT INTO t VALUES (1)")
    disk.plan = no_trouble
    with pytest.raises(PowerLost):
        disk.write("file", b"x")
    disk.crash()
    with pytest.raises((PowerLost, apsw.Error)):
        connection.execute("INSERT INTO t VALUES (2)")
    again = apsw.Connection(disk.path("database"), vfs=disk.vfs)
    assert again.execute("SELECT count(*) FROM t").get == 0
    connection.close()
    again.close()


def test_a_disk_in_a_folder_is_there_for_the_next_process(tmp_path: Path) -> None:
    disk = FaultyDisk.in_folder(tmp_path)
    disk.write("file", b"x")
    assert list(tmp_path.iterdir()) == []
    disk.sync("file")
    assert FaultyDisk.in_folder(tmp_path).read("file") == b"x"
    disk.write_at("file", None, 0)
    assert (tmp_path / "file").read_bytes() == b"x"
    assert disk.path("file") == str(tmp_path / "file")


def test_a_sync_is_held_as_long_as_somebody_wants_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    media = MemoryMedia()
    hold, says = beside(tmp_path / "a1")
    seen: list[tuple[bool, bytes]] = []

    def look(_: float) -> None:
        seen.append((says.exists(), media.read("file", 9, 0)))
        if len(seen) == 3:
            hold.unlink()

    monkeypatch.setattr("quorumlog.runtime.faulty_disk.sleep", look)
    disk = FaultyDisk(media, held(tmp_path / "a1"))
    disk.write_at("file", b"text", 0)
    hold.touch()
    disk.write_at("file", b"!", 4)
    assert not says.exists()
    disk.sync("file")
    assert seen == [(True, b"")] * 3
    assert media.read("file", 9, 0) == b"text!"


def test_a_slow_sync_takes_its_time_before_anything_is_durable(monkeypatch: pytest.MonkeyPatch) -> None:
    media = MemoryMedia()
    seen: list[tuple[float, bytes]] = []
    monkeypatch.setattr(
        "quorumlog.runtime.faulty_disk.sleep", lambda seconds: seen.append((seconds, media.read("file", 9, 0)))
    )
    disk = FaultyDisk(media, slow(20))
    disk.write_at("file", b"text", 0)
    assert seen == []
    disk.sync("file")
    assert seen == [(0.02, b"")]
    assert media.read("file", 9, 0) == b"text"
