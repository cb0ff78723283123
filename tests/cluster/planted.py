"""Bugs that are planted into the runtime, one change each in a copy of the package: `planted.toml`."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

import quorumlog

PACKAGE: Final = Path(quorumlog.__file__).parent
FILE: Final = Path(__file__).parent / "planted.toml"

WHAT: Final = {
    "back": "every server that was killed came back",
    "linearizable": "what clients were told is linearizable",
    "agree": "the replicas of group a hold the same events",
    "recorded": "group a ran as Replication says",
    "spoken": "group a ran as LeaderOutput says",
}
"""The verdicts that see them."""


class Planted(Struct, frozen=True, forbid_unknown_fields=True):
    """A bug: what is replaced in which file, how it shows, and which verdicts see it.

    From `seed` on, runs in virtual time find it; `under` are the faults on real processes that do, if that is tried.
    """

    name: str
    file: str
    find: str
    replace: str
    caught: tuple[str, ...]
    seed: int
    says: str
    under: str | None = None


class File(Struct, frozen=True, forbid_unknown_fields=True):
    """All bugs."""

    planted: tuple[Planted, ...]


PLANTED: Final = msgspec.toml.decode(FILE.read_bytes(), type=File).planted


def copied(planted: Planted, folder: Path) -> dict[str, str]:
    """A copy of the package with the bug; the environment in which a server finds it."""
    shutil.copytree(PACKAGE, folder / "quorumlog")
    (folder / "quorumlog" / planted.file).write_text(changed(planted), encoding="utf-8")
    return {"PYTHONPATH": str(folder)}


def changed(planted: Planted) -> str:
    """The text of the file with the bug."""
    text = (PACKAGE / planted.file).read_text(encoding="utf-8")
    assert text.count(planted.find) == 1, f"{planted.file}: expected once: {planted.find}"
    return text.replace(planted.find, planted.replace)
