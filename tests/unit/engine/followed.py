"""Small specs for tests of what follows a behaviour: a text, compiled for states with long sequences."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tlastep.compile.compiled import CompiledSpec, compile_spec
from tlastep.compile.long_runtime import long_helpers
from tlastep.errors import Place
from tlastep.language.config import Config, Name
from tlastep.language.xml_reader import read_spec
from tlastep.long_sequences import LongSequences
from tlastep.toolchain import sany


def compiled(
    folder: Path,
    module: str,
    text: str,
    nodes: Sequence[str],
    invariants: Sequence[str],
    properties: Sequence[str] = (),
) -> CompiledSpec:
    """The spec of this text, whose constant `Node` is a set of strings."""
    path = folder / f"{module}.tla"
    path.write_text(text, encoding="utf-8")
    place = Place(str(path))
    config = Config(
        path,
        {Name("Node", place): frozenset(nodes)},
        init=Name("Init", place),
        next=Name("Next", place),
        invariants=[Name(each, place) for each in invariants],
        properties=[Name(each, place) for each in properties],
    )
    return compile_spec(read_spec(sany.parse(path)), config, long_helpers(LongSequences()))
