"""A walk of the whole system as a Python script that takes it again."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from msgspec import Struct

from quorumlog.core.frozen_map import FrozenMap
from quorumlog.simulation.composed.moves import Move

HEAD: Final = """from quorumlog.simulation.composed.claims import Claims
from quorumlog.simulation.composed.moves import Move
from quorumlog.simulation.composed.walks import replay
"""


def script(moves: Sequence[Move]) -> str:
    """The text of a script that takes these moves and prints what is wrong with the last one."""
    classes = sorted({(kind.__module__, kind.__name__) for kind in classes_in(moves)})
    imports = "".join(f"from {module} import {name}\n" for module, name in classes if name != "Move")
    lines = "".join(f"    Move({move.name!r}, {move.arguments!r}),\n" for move in moves)
    return f"{HEAD}{imports}\nMOVES = [\n{lines}]\n\nprint(replay(MOVES, Claims()).wrong)\n"


def classes_in(value: object) -> Iterator[type]:
    """The classes of which a value is made, plain ones left out."""
    if isinstance(value, Struct):
        yield type(value)
        yield from classes_in([getattr(value, name) for name in value.__struct_fields__])
    elif isinstance(value, FrozenMap):
        yield FrozenMap
        yield from classes_in(list(value.items()))
    elif isinstance(value, Iterable) and not isinstance(value, str):
        for each in value:
            yield from classes_in(each)
