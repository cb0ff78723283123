"""Files that are worth keeping between runs: found by key, written so that two processes can't collide."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path


def folder() -> Path:
    """Where cached files live: TLASTEP_CACHE, else `tlastep` in the user's cache folder."""
    if chosen := os.environ.get("TLASTEP_CACHE"):
        return Path(chosen)
    if base := os.environ.get("XDG_CACHE_HOME"):
        return Path(base) / "tlastep"
    return Path.home() / ".cache" / "tlastep"


def key(*parts: str | bytes) -> str:
    """A file name for these parts. Each part's length is hashed too, so that ("ab", "c") differs from ("a", "bc")."""
    digest = hashlib.sha256()
    for part in parts:
        data = part.encode() if isinstance(part, str) else part
        digest.update(b"%d:" % len(data))
        digest.update(data)
    return digest.hexdigest()[:40]


def identity(file: Path) -> str:
    """What tells one tool from another without reading it: path, size and time of change."""
    status = file.stat()
    return f"{file.resolve()} {status.st_size} {status.st_mtime_ns}"


def read(name: str) -> bytes | None:
    """The cached bytes, or None."""
    try:
        return (folder() / name).read_bytes()
    except OSError:
        return None


def write(name: str, data: bytes) -> None:
    """Keep the bytes. A cache that can't be written (read-only, full) is no failure: the next run works again."""
    with suppress(OSError):
        target = folder() / name
        target.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=target.parent)
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
            Path(temporary).replace(target)
        except BaseException:
            Path(temporary).unlink(missing_ok=True)
            raise
