"""A disk that forgets what was not synced, tears what was being written, is full, or fails to sync: for tests.

It stands below SQLite and below the snapshots. What is written stays in the memory of the process, where it can be
read, and reaches the media below at a sync. So a process that is killed with -9 loses it, as a machine without power
does, although a plain file would have kept it in the cache of the operating system. In one process, `crash` does the
same, and lets what was not synced arrive in part: any of the writes, in any order, torn where a sector ends.

A sync that fails forgets what it was to sync and shows it all the same, as operating systems do: whoever tries again is
told that all is well, and nothing is on the disk.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count, dropwhile
from pathlib import Path, PurePosixPath
from random import Random
from time import sleep
from typing import Final, Literal, TypeAlias, cast

import apsw

from quorumlog.runtime.media import FolderMedia, Media

SECTOR: Final = 512
"""So many bytes, where they begin at a multiple of it, are written as a whole or not at all."""

Deed: TypeAlias = Literal["write", "sync", "rename", "remove"]
Trouble: TypeAlias = Literal["power", "full", "failed"]
Plan: TypeAlias = Callable[[Deed, str], Trouble | None]
"""Says before each deed what goes wrong with it: the power is lost, the disk is full, or the deed fails."""

LOOKS: Final = 0.005
"""Seconds between two looks at whether a sync may end."""

_NUMBERS: Final = count(1)


class PowerLost(apsw.IOError):
    """The machine is off: nothing that was begun ends, until it is started again. SQLite sees a disk that fails."""


class Operation:
    """What was done to a file and not synced: bytes at an offset, or a new size. What is lost is shown, not kept.

    What is `kept` is on the media, and is remembered as long as something is shown that was lost before it.
    """

    __slots__ = ("data", "kept", "lost", "offset")

    def __init__(self, offset: int, data: bytes | None) -> None:
        self.offset = offset
        self.data = data
        self.lost = False
        self.kept = False

    def apply(self, media: Media, name: str) -> None:
        """Do it to the media."""
        self.kept = True
        if self.data is None:
            media.truncate(name, self.offset)
        else:
            media.write(name, self.data, self.offset)

    def torn(self, dice: Random) -> Iterator[Operation]:
        """What of it arrives before a crash: all, nothing, or its first sectors."""
        chance = dice.random()
        if chance < 0.4:
            yield self
        elif chance < 0.7 and self.data is not None:
            end = dice.randrange(self.offset, self.offset + len(self.data) + 1)
            yield Operation(self.offset, self.data[: max(end - end % SECTOR - self.offset, 0)])


def no_trouble(_: Deed, __: str) -> None:
    """Nothing goes wrong."""


def slow(milliseconds: float) -> Plan:
    """Nothing goes wrong, and each sync takes so long before anything is durable."""

    def plan(deed: Deed, _: str) -> None:
        if deed == "sync" and milliseconds:
            sleep(milliseconds / 1000)

    return plan


def held(folder: Path, plan: Plan = no_trouble) -> Plan:
    """The same, but where somebody has asked for it, no sync ends: the process can be killed in the middle of one.

    To ask for it is to make the file HOLD beside the folder; the first sync that comes then says so by the file HELD.
    """
    hold, says = beside(folder)

    def waiting(deed: Deed, name: str) -> Trouble | None:
        while deed == "sync" and hold.exists():
            says.touch()
            sleep(LOOKS)
        return plan(deed, name)

    return waiting


def beside(folder: Path) -> tuple[Path, Path]:
    """The files by which syncs are held, and are known to be."""
    return folder.with_name(f"{folder.name}.hold"), folder.with_name(f"{folder.name}.held")


class FaultyDisk:
    """The files of one store, as `Files`, and the VFS of SQLite for them."""

    def __init__(self, media: Media, plan: Plan = no_trouble, folder: str = "/faulty") -> None:
        self.media = media
        self.folder = folder
        self.plan = plan
        self.vfs: str | None = f"faulty-{next(_NUMBERS)}"
        self.life = 0
        """How often the process has ended."""
        self.holder: FaultyFile | None = None
        """Who has locked the database."""
        self.off = False
        """Whether the power is lost, and nobody has called `crash`."""
        self._unsynced: dict[str, list[Operation]] = {}
        self._moved: list[tuple[str, str | None]] = []
        """Renames, and removals, which no sync of the folder has made durable."""
        self._vfs = FaultyVFS(self.vfs, self)

    @classmethod
    def in_folder(cls, folder: Path | str, plan: Plan = no_trouble) -> FaultyDisk:
        """A disk for a process that will be killed: what it did not sync is lost with it."""
        return cls(FolderMedia(folder), plan, str(folder))

    def unregister(self) -> None:
        """SQLite forgets the disk; to be called when no database on it is open."""
        self._vfs.unregister()

    def crash(self, dice: Random | None = None) -> None:
        """The power is lost. With dice, some of what was not synced has reached the media; without, nothing has."""
        if dice is not None:
            for name, operations in self._unsynced.items():
                for operation in operations:
                    for part in () if operation.lost or operation.kept else operation.torn(dice):
                        part.apply(self.media, self._below(name))
            self._settle(self._moved[: dice.randrange(len(self._moved) + 1)])
        self._unsynced, self._moved = {}, []
        self.off = False
        self.kill()

    def kill(self) -> None:
        """The process ends and the machine goes on: files are no longer open, and what was written can be read."""
        self.holder = None
        self.life += 1

    def do(self, deed: Deed, name: str) -> None:
        """Something is about to be done. Raises what the plan says, and nothing else is possible without power."""
        trouble = "power" if self.off else self.plan(deed, name)
        if trouble == "power":
            self.off = True
            raise PowerLost("the power is lost")
        if trouble == "full":
            raise apsw.FullError("the disk is full")
        if trouble == "failed":
            if deed == "sync":
                for operation in self._unsynced.get(name, []):
                    operation.lost = not operation.kept
            raise apsw.IOError(f"{deed} failed")

    # -- names -------------------------------------------------------------------------------------------------

    def _below(self, name: str) -> str:
        """The name that the media know a file by, which are not told of renames at once."""
        for old, new in reversed(self._moved):
            if new == name:
                name = old
        return name

    def _settle(self, moves: list[tuple[str, str | None]]) -> None:
        for old, new in moves:
            if new is None:
                self.media.remove(old)
            elif self.media.has(old):
                self.media.rename(old, new)

    def has(self, name: str) -> bool:
        """Whether there is such a file, for who looks now."""
        there = self.media.has(name) or name in self._unsynced
        for old, new in self._moved:
            there = new == name or (there and old != name)
        return there or bool(self._unsynced.get(name))

    def names(self) -> list[str]:
        found = {*self.media.names(), *self._unsynced, *(new for _, new in self._moved if new is not None)}
        return sorted(name for name in found if self.has(name))

    def path(self, name: str) -> str:
        return f"{self.folder}/{name}"

    # -- files -------------------------------------------------------------------------------------------------

    def size(self, name: str) -> int:
        size = self.media.size(self._below(name))
        for each in self._unsynced.get(name, []):
            size = each.offset if each.data is None else max(size, each.offset + len(each.data))
        return size if self.has(name) else 0

    def read(self, name: str) -> bytes:
        return self.read_at(name, self.size(name), 0)

    def read_at(self, name: str, amount: int, offset: int) -> bytes:
        """Up to so many bytes, as they were written, synced or not."""
        end = min(offset + amount, self.size(name))
        found = bytearray(max(end - offset, 0))
        below = self.media.read(self._below(name), len(found), offset)
        found[: len(below)] = below
        for each in self._unsynced.get(name, []):
            if each.data is None:
                zeros = max(each.offset - offset, 0)
                found[zeros:] = bytes(len(found) - min(zeros, len(found)))
            else:
                begin, stop = max(each.offset, offset), min(each.offset + len(each.data), end)
                if begin < stop:
                    found[begin - offset : stop - offset] = each.data[begin - each.offset : stop - each.offset]
        return bytes(found)

    def write(self, name: str, data: bytes) -> None:
        self.write_at(name, None, 0)
        self.write_at(name, data, 0)

    def write_at(self, name: str, data: bytes | None, offset: int) -> None:
        """Write at an offset, or cut the file there."""
        self.do("write", name)
        operations = self._unsynced.setdefault(name, [])
        if (name, None) in self._moved:  # made again before its removal was durable
            self._moved.remove((name, None))
            operations.append(Operation(0, None))
        operations.append(Operation(offset, data))

    def sync(self, name: str) -> None:
        self.do("sync", name)
        operations = self._unsynced.get(name, [])
        below = self._below(name)
        for each in operations:
            if not (each.lost or each.kept):
                each.apply(self.media, below)
        self._unsynced[name] = [*dropwhile(lambda each: each.kept, operations)]

    def rewrite(self, name: str) -> None:
        self.write_at(name, self.read(name), 0)
        self.sync(name)

    def rename(self, old: str, new: str) -> None:
        self.do("rename", old)
        self._unsynced[new] = self._unsynced.pop(old, [])
        self._moved.append((old, new))

    def remove(self, name: str) -> None:
        self.do("remove", name)
        self._unsynced.pop(name, None)
        self._moved.append((name, None))

    def identity(self, name: str) -> object:
        return name

    def changes(self) -> object:
        return self.life

    def sync_folder(self) -> None:
        self.do("sync", "")
        moves, self._moved = self._moved, []
        self._settle(moves)


class FaultyFile:
    """An open file of SQLite on a faulty disk. Spelled as SQLite spells it."""

    def __init__(self, disk: FaultyDisk, name: str) -> None:
        self._disk = disk
        self._name = name
        self._life = disk.life

    def _present(self) -> FaultyDisk:
        if self._life != self._disk.life:
            raise PowerLost("the process that opened the file has ended")
        return self._disk

    def xRead(self, amount: int, offset: int) -> bytes:
        """Read; SQLite fills what is missing with zeros."""
        return self._present().read_at(self._name, amount, offset)

    def xWrite(self, data: bytes, offset: int) -> None:
        """Write, not durably."""
        self._present().write_at(self._name, bytes(data), offset)

    def xTruncate(self, size: int) -> None:
        """Cut the file, not durably."""
        self._present().write_at(self._name, None, size)

    def xSync(self, _: int) -> None:
        """Everything written to the file becomes durable."""
        self._present().sync(self._name)

    def xFileSize(self) -> int:
        """The size, with what is not durable."""
        return self._present().size(self._name)

    def xLock(self, level: int) -> None:
        """Readers are shut out, too, by who writes: one process holds the database."""
        disk = self._present()
        if disk.holder not in (None, self):
            raise apsw.BusyError("somebody else has locked the file")
        if level == apsw.SQLITE_LOCK_EXCLUSIVE:
            disk.holder = self

    def xUnlock(self, level: int) -> None:
        """Less than an exclusive lock is none that anybody would notice."""
        if self._disk.holder is self and level < apsw.SQLITE_LOCK_EXCLUSIVE:
            self._disk.holder = None

    def xCheckReservedLock(self) -> bool:
        """Whether somebody is about to write."""
        return self._disk.holder is not None

    def xFileControl(self, _: int, __: int) -> bool:
        """Nothing is known."""
        return False

    def xSectorSize(self) -> int:
        """What is written as a whole."""
        return SECTOR

    def xDeviceCharacteristics(self) -> int:
        """What is beside a write is safe, as SQLite assumes of any disk of today."""
        return apsw.SQLITE_IOCAP_POWERSAFE_OVERWRITE

    def xClose(self) -> None:
        """Let the lock go."""
        self.xUnlock(apsw.SQLITE_LOCK_NONE)


class FaultyVFS(apsw.VFS):
    """The file system of SQLite for one faulty disk. Clock and randomness are those of the operating system."""

    def __init__(self, name: str, disk: FaultyDisk) -> None:
        self._disk = disk
        super().__init__(name, "")

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        """Open a file; SQLite has no unnamed ones here, for nothing spills."""
        filename = name.filename() if isinstance(name, apsw.URIFilename) else name
        assert filename is not None, "a database of a store needs no temporary file"
        flags[1] = flags[0]
        return cast("apsw.VFSFile", FaultyFile(self._disk, PurePosixPath(filename).name))  # has its methods

    def xDelete(self, filename: str, syncdir: bool) -> None:
        """Remove a file, durably if so told."""
        self._disk.remove(PurePosixPath(filename).name)
        if syncdir:
            self._disk.sync_folder()

    def xAccess(self, pathname: str, _: int) -> bool:
        """Whether there is such a file: it may be read and written then."""
        return self._disk.has(PurePosixPath(pathname).name)

    def xFullPathname(self, name: str) -> str:
        """Names are whole."""
        return name

    def excepthook(self, *_: object) -> bool:
        """What goes wrong where SQLite cannot be told is no news."""
        return True
