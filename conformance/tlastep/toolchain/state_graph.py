"""The state graph that TLC dumps with `-dump dot,actionlabels`, read line by line, from old and new versions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tlastep.behaviour import Assignment, Label
from tlastep.errors import Place, UnusableInput
from tlastep.toolchain.tlc_values import Reader

SHOWN: Final = 200
_QUOTED: Final = r'"((?:[^"\\]|\\.)*+)"'
_NODE: Final = re.compile(rf'(-?\d+) \[label={_QUOTED}(?:,tooltip="(?:[^"\\]|\\.)*+")?(.*)\];?\s*\Z')
_EDGE: Final = re.compile(rf"(-?\d+) -> (-?\d+) \[label={_QUOTED}.*\];?\s*\Z")


@dataclass(frozen=True)
class StateGraph:
    """States by TLC's fingerprint, the initial ones, and the edges as TLC wrote them: repeated ones and loops too."""

    states: dict[int, Assignment]
    initial: list[int]
    edges: list[tuple[int, Label, int]]


def read(file: Path) -> StateGraph:
    """The graph of a dump. Raises `UnusableInput` with file and line where the file is none."""
    graph = StateGraph({}, [], [])
    reader = Reader()
    with file.open(encoding="utf-8") as lines:
        if not next(lines, "").startswith("strict digraph"):
            raise UnusableInput("expected a graph dumped by TLC (strict digraph …)", Place(str(file), 1))
        for number, line in enumerate(lines, start=2):
            if line[0] != "-" and not line[0].isdigit():
                continue
            try:
                _read_line(line, graph, reader)
            except UnusableInput as problem:
                raise UnusableInput(problem.message, Place(str(file), number)) from None
    _require_whole(graph, file)
    return graph


def _read_line(line: str, graph: StateGraph, reader: Reader) -> None:
    if edge := _EDGE.match(line):
        label = reader.label(_plain(edge[3]))
        graph.edges.append((int(edge[1]), label, int(edge[2])))
    elif node := _NODE.match(line):
        state = int(node[1])
        if state not in graph.states:
            graph.states[state] = reader.state(_plain(node[2]))
        if "style = filled" in node[3]:
            graph.initial.append(state)
    else:
        found = line if len(line) <= SHOWN else f"{line[:SHOWN]}..."
        expected = "expected a state or a labelled edge of a graph dumped by TLC (-dump dot,actionlabels)"
        raise UnusableInput(f"{expected}, found {found.rstrip()!r}")


def _plain(quoted: str) -> str:
    r"""The text of a quoted label. Split at `\\` first, so that the `n` of `\\n` is not taken for a new line."""
    if "\\" not in quoted:
        return quoted
    return "\\".join(part.replace("\\n", "\n").replace('\\"', '"') for part in quoted.split("\\\\"))


def _require_whole(graph: StateGraph, file: Path) -> None:
    """A dump that was cut off has edges to states that it does not show."""
    for source, _, target in graph.edges:
        if source not in graph.states or target not in graph.states:
            missing = source if source not in graph.states else target
            raise UnusableInput(f"an edge leads from or to state {missing}, which the dump does not show", str(file))
