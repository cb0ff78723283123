"""The folder of a store: what the file system does for it, as a port, so that a test may put a worse one below.

SQLite brings its own port, which it calls a VFS; `vfs` is the name of the one that belongs to the folder.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path
from typing import Final, Protocol


class Files(Protocol):
    """Plain files in one folder. Each method may raise OSError, or whatever SQLite raises through the same disk."""

    vfs: str | None
    """The file system of SQLite that leads to the same folder; None is the one of the operating system."""

    def path(self, name: str) -> str:
        """Under which name SQLite finds a file, and people."""

    def names(self) -> list[str]:
        """The files that are there, in order."""

    def size(self, name: str) -> int:
        """How long a file is, in bytes; 0 if it is not there."""

    def identity(self, name: str) -> object:
        """Which file it is that is found under this name now; None if there is none."""

    def changes(self) -> object:
        """Which folder it is now, and when a file was last made, renamed or removed there; None if there is none.

        File systems count time in steps, of up to two seconds: what happens within one looks like one change.
        """

    def read(self, name: str) -> bytes:
        """All of a file; nothing if it is not there."""

    def write(self, name: str, data: bytes) -> None:
        """A new file with this text. It is durable after `sync`, and its name after `sync_folder`."""

    def sync(self, name: str) -> None:
        """What was written to a file survives a crash from now on."""

    def rewrite(self, name: str) -> None:
        """Write a file over itself, and sync it: it is on the disk then as it can be read, whatever syncs failed."""

    def rename(self, old: str, new: str) -> None:
        """Another name; the folder is not synced."""

    def remove(self, name: str) -> None:
        """Remove a file; the folder is not synced."""

    def sync_folder(self) -> None:
        """The names in the folder survive a crash from now on."""


CHUNK: Final = 2**20
_FULL_SYNC: Final[int | None] = getattr(fcntl, "F_FULLFSYNC", None)


def synced(descriptor: int) -> None:
    """Sync as far as the disk itself: where fsync stops at the disk's cache, there is another call for it."""
    if _FULL_SYNC is None:
        os.fsync(descriptor)
    else:
        fcntl.fcntl(descriptor, _FULL_SYNC)


class SystemFiles:
    """The file system of the operating system. The folder is made if it is not there."""

    vfs: str | None = None

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)
        self._named = str(self._folder)
        if not self._folder.is_dir():
            self._folder.mkdir(parents=True, exist_ok=True)
            _sync_path(self._folder.parent)

    def path(self, name: str) -> str:
        return str(self._folder / name)

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self._folder.iterdir() if entry.is_file())

    def size(self, name: str) -> int:
        path = self._folder / name
        return path.stat().st_size if path.exists() else 0

    def identity(self, name: str) -> object:
        try:
            found = os.stat(f"{self._named}/{name}")
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_dev, found.st_ino

    def changes(self) -> object:
        try:
            found = os.stat(self._named)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return found.st_dev, found.st_ino, found.st_mtime_ns

    def read(self, name: str) -> bytes:
        path = self._folder / name
        return path.read_bytes() if path.exists() else b""

    def write(self, name: str, data: bytes) -> None:
        (self._folder / name).write_bytes(data)

    def sync(self, name: str) -> None:
        _sync_path(self._folder / name)

    def rewrite(self, name: str) -> None:
        descriptor = os.open(self._folder / name, os.O_RDWR)
        try:
            offset = 0
            while piece := os.pread(descriptor, CHUNK, offset):
                offset += os.pwrite(descriptor, piece, offset)
            synced(descriptor)
        finally:
            os.close(descriptor)

    def rename(self, old: str, new: str) -> None:
        os.replace(self._folder / old, self._folder / new)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)

    def sync_folder(self) -> None:
        _sync_path(self._folder)


def _sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        synced(descriptor)
    finally:
        os.close(descriptor)
