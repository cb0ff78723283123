"""Which stores the members of a group have: a server that has lost its own must not vote as if it were new.

What a server has voted and acknowledged is on its disk, and the specs rely on it: durable state survives a crash. One
that comes back with an empty folder under its old name may vote twice in a term, and elect a leader that lacks what
its own acknowledgement has decided. So each store has a name, made up with it, that a server says when it dials. The
others remember by which store they know it, before they listen to it, and do not talk to it with another one, unless
whoever runs it says that this is meant (`quorumlog node --new`).
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.runtime.errors import UnusableStore
from quorumlog.runtime.files import Files, SystemFiles

FILE: Final = "members.json"


class Text(Struct, forbid_unknown_fields=True):
    """What stands in the file: the name of this store, and those of the others."""

    store: str
    known: dict[ServerId, str] = {}


_DECODER: Final = msgspec.json.Decoder(Text)


class Kin:
    """What one server remembers of the stores of its group; in memory alone if there is no folder."""

    def __init__(self, file: Path | None, text: Text, *, is_new: bool = False) -> None:
        self.store = text.store
        self.is_new = is_new
        """Whether others are to take this store for the one of its server, whatever they know."""
        self._file = file
        self._text = text

    @classmethod
    def open(cls, folder: Path, *, is_new: bool = False) -> Kin:
        """What is remembered in the folder of a store; a store that has no name is given one.

        Raises `UnusableStore` if the file cannot be read, and `OSError` if it cannot be written.
        """
        file = folder / FILE
        if not file.exists():
            kin = cls(file, Text(secrets.token_hex(8)), is_new=is_new)
            kin._write()
            return kin
        try:
            return cls(file, _DECODER.decode(file.read_bytes()), is_new=is_new)
        except (msgspec.DecodeError, UnicodeDecodeError, OSError) as error:
            raise UnusableStore(str(file), f"expected the names of the members' stores: {error}") from error

    def store_of(self, peer: ServerId) -> str:
        """By which store a server is known; empty if it was never met."""
        return self._text.known.get(peer, "")

    def knows(self, peer: ServerId, store: str, *, is_new: bool) -> bool:
        """Whether this store is the one of that server. One that is met for the first time is remembered for ever.

        A server that names no store is taken at its word. Raises `OSError` if it cannot be written down.
        """
        known = self._text.known
        if store and known.get(peer) != store:
            if peer in known and not is_new:
                return False
            known[peer] = store
            self._write()
        return True

    def _write(self) -> None:
        if self._file is None:
            return
        new = self._file.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(self._text))
        files = SystemFiles(self._file.parent)
        files.sync(new.name)
        os.replace(new, self._file)
        files.sync_folder()


def nobody() -> Kin:
    """Of a server that names no store and remembers none."""
    return Kin(None, Text(""))


def check(folder: Path, files: Files | None, database: str, *, is_new: bool) -> None:
    """Whether a store is there that is to be there. Raises `UnusableStore`."""
    is_there = files.size(database) > 0 if files is not None else size(folder / database) > 0
    if is_new and is_there:
        raise UnusableStore(str(folder), "expected no store, for it is said to be new, found one: start without --new")
    if (folder / FILE).exists() and not is_there:
        if is_new:
            (folder / FILE).unlink()
            return
        found = f"expected {database} beside {FILE}, which says that this server has run: {LOST}"
        raise UnusableStore(str(folder), found)


def size(file: Path) -> int:
    """How long a file is; 0 if it is not there."""
    return file.stat().st_size if file.exists() else 0


LOST: Final = (
    "a server that has lost its votes and its log must not vote as if it were new. Start it with --new, once, "
    "if all other members run and none of them is behind; else what was acknowledged may be lost"
)
