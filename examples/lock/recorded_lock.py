"""How a lock's recording is read: which step of the spec each line tells, and what the lock says that it changed.

{"n":1,"i":1,"do":"start","format":1,"node":"lock","members":["lock"]}
{"n":2,"i":1,"do":"Ask","client":"a","holder":"a"}
{"n":3,"i":1,"do":"Ask","client":"b","waiting":["b"]}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import msgspec
from msgspec import UNSET, Struct, UnsetType

from tlastep.long_sequences import LongSequences
from tlastep.recorded import Alone, At, Recording, Told, Update, Way
from tlastep.values import Value, model_value


class Line(Struct, frozen=True):
    """A line: what a client did, and what of the lock is another than before."""

    n: int
    i: int
    do: str
    client: str = ""
    holder: str | UnsetType | None = UNSET
    waiting: list[str] | UnsetType = UNSET


class LockRecording(Alone):
    """The translation of a lock's recording."""

    def __init__(self, lines: Mapping[str, Sequence[Line]], long: LongSequences) -> None:
        asked = {line.client for own in lines.values() for line in own if line.client}
        clients = frozenset(map(model_value, asked))
        self.constants: Mapping[str, Value] = {"Client": clients, "Nobody": model_value("Nobody")}

    def ways(self, node: str, line: Line, at: At) -> Sequence[Way]:
        """A line tells one step, and a start none."""
        if line.do == "start":
            return ((),)
        changed: list[Update] = []
        if line.holder is not UNSET:
            changed.append(("holder", None, model_value(line.holder or "Nobody")))
        if line.waiting is not UNSET:
            changed.append(("waiting", None, tuple(map(model_value, line.waiting))))
        return ((Told(line.do, (model_value(line.client),), changed),),)


recording: Final = Recording(1, msgspec.json.Decoder(Line).decode, LockRecording)
