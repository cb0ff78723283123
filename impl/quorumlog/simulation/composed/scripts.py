"""A walk of the whole system as a Python script that takes it again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final

from msgspec import Struct

from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.composed.moves import Move

HEAD: Final = """from quorumlog.simulation.composed.claims import Claims
from quorumlog.simulation.composed.moves import Move
from quorumlog.simulation.composed.walks import replay
"""


def script(moves: Sequence[Move]) -> str:
    """The text of a script that takes these moves and prints what is wrong with the last one."""
    names = names_of(sorted(set(classes_in(moves)) - {Move}, key=lambda kind: (kind.__module__, kind.__name__)))
    imports = "".join(
        f"from {kind.__module__} import {kind.__name__}{f' as {name}' if name != kind.__name__ else ''}\n"
        for kind, name in names.items()
    )
    lines = "".join(f"    Move({move.name!r}, {text_of(move.arguments, names)}),\n" for move in moves)
    return f"{HEAD}{imports}\nMOVES = [\n{lines}]\n\nprint(replay(MOVES, Claims()).wrong)\n"


def names_of(classes: Sequence[type]) -> dict[type, str]:
    """What classes are called in a script: by their names, with those of their modules where two bear the same one."""
    often = Counter(kind.__name__ for kind in classes)
    return {
        kind: kind.__name__ if often[kind.__name__] == 1 else f"{kind.__name__}_{kind.__module__.rpartition('.')[2]}"
        for kind in classes
    }


def text_of(value: object, names: Mapping[type, str]) -> str:
    """A value as Python writes it, with these names for its classes."""
    if isinstance(value, Struct):
        fields = [f"{name}={text_of(getattr(value, name), names)}" for name in value.__struct_fields__]
        return f"{names[type(value)]}({', '.join(fields)})"
    if isinstance(value, FrozenMap):
        pairs = [f"{text_of(key, names)}: {text_of(item, names)}" for key, item in value.items()]
        return f"{names[FrozenMap]}({{{', '.join(pairs)}}})"
    if isinstance(value, frozenset):
        return f"frozenset([{', '.join(sorted(text_of(each, names) for each in value))}])"
    if isinstance(value, tuple):
        return f"({''.join(f'{text_of(each, names)}, ' for each in value)})"
    return repr(value)


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
