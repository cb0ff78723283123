"""How a store says no: it cannot be opened, its disk has failed, or it no longer has what was asked for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from errno import EDQUOT, ENOSPC

import apsw

from quorumlog.persistent.strand import Dropped


class UnusableStore(Exception):
    """What is in a folder cannot be used as it is. One line: the file, the place in it, what was expected."""

    def __init__(self, file: str, says: str) -> None:
        super().__init__(f"{file}: {says}")


class DiskFailed(Exception):
    """A write, a sync or a read has failed. It is final: nobody knows what the disk holds until it is opened again."""


class DiskFull(DiskFailed):
    """There is no room. What was acknowledged is safe; the node stops, and may start again where there is room."""


class Compacted(Dropped):
    """These entries have been dropped; a snapshot of the state stands for them."""


@contextmanager
def failures(what: str) -> Iterator[None]:
    """Whatever the disk says while this is done is a `DiskFailed` that names the deed and the cause."""
    try:
        yield
    except apsw.FullError as error:
        raise DiskFull(f"{what}: the disk is full") from error
    except OSError as error:
        if error.errno in (ENOSPC, EDQUOT):
            raise DiskFull(f"{what}: the disk is full") from error
        raise DiskFailed(f"{what}: {error}") from error
    except apsw.Error as error:
        raise DiskFailed(f"{what}: {error}") from error
