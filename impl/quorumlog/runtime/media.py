"""What lies below a faulty disk: files that keep what they are given, in memory or in a folder."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Media(Protocol):
    """Files that survive everything. A file that is not there is empty."""

    def names(self) -> list[str]:
        """The files that are there, in order."""

    def has(self, name: str) -> bool:
        """Whether there is such a file."""

    def size(self, name: str) -> int:
        """How long a file is, in bytes."""

    def read(self, name: str, amount: int, offset: int) -> bytes:
        """Up to so many bytes."""

    def write(self, name: str, data: bytes, offset: int) -> None:
        """Write over what is there; the file is made and grows as needed, with zeros before the offset."""

    def truncate(self, name: str, size: int) -> None:
        """Cut a file to a size, or let it grow to it."""

    def rename(self, old: str, new: str) -> None:
        """Another name for a file, in place of one that has it."""

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""


class MemoryMedia:
    """Files in memory, which a test may look at and damage."""

    def __init__(self) -> None:
        self.files: dict[str, bytearray] = {}

    def names(self) -> list[str]:
        return sorted(self.files)

    def has(self, name: str) -> bool:
        return name in self.files

    def size(self, name: str) -> int:
        return len(self.files.get(name, b""))

    def read(self, name: str, amount: int, offset: int) -> bytes:
        return bytes(self.files.get(name, b"")[offset : offset + amount])

    def write(self, name: str, data: bytes, offset: int) -> None:
        file = self.files.setdefault(name, bytearray())
        file.extend(bytes(max(offset - len(file), 0)))
        file[offset : offset + len(data)] = data

    def truncate(self, name: str, size: int) -> None:
        file = self.files.setdefault(name, bytearray())
        file.extend(bytes(max(size - len(file), 0)))
        del file[size:]

    def rename(self, old: str, new: str) -> None:
        self.files[new] = self.files.pop(old)

    def remove(self, name: str) -> None:
        self.files.pop(name, None)


class FolderMedia:
    """Files in a folder: what a process that is killed leaves to the next one."""

    def __init__(self, folder: Path | str) -> None:
        self._folder = Path(folder)
        self._folder.mkdir(parents=True, exist_ok=True)

    def names(self) -> list[str]:
        return sorted(entry.name for entry in self._folder.iterdir() if entry.is_file())

    def has(self, name: str) -> bool:
        return (self._folder / name).is_file()

    def size(self, name: str) -> int:
        path = self._folder / name
        return path.stat().st_size if path.is_file() else 0

    def read(self, name: str, amount: int, offset: int) -> bytes:
        path = self._folder / name
        if not path.is_file():
            return b""
        with path.open("rb") as file:
            return os.pread(file.fileno(), amount, offset)

    def write(self, name: str, data: bytes, offset: int) -> None:
        descriptor = os.open(self._folder / name, os.O_WRONLY | os.O_CREAT, 0o644)
        try:
            os.pwrite(descriptor, data, offset)
        finally:
            os.close(descriptor)

    def truncate(self, name: str, size: int) -> None:
        os.truncate(self._folder / name, size) if self.has(name) else self.write(name, bytes(size), 0)

    def rename(self, old: str, new: str) -> None:
        os.replace(self._folder / old, self._folder / new)

    def remove(self, name: str) -> None:
        (self._folder / name).unlink(missing_ok=True)
