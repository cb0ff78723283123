"""State graphs as TLC dumps them: of TLC, of the compiled spec and of the bound code, compared edge by edge.

An edge is (state, the name that TLC gives its action, state). Steps that leave the bound are no edges of a dump; they
are counted as `boundary`. States are numbered by value in one `Numbering`, so that equal states have equal numbers.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any, Final, NamedTuple, TypeAlias, TypeVar

from tlastep.behaviour import Assignment, Behaviour, Label, Step
from tlastep.check.sides import CodeSide, SpecSide
from tlastep.check.verdict import Finding
from tlastep.compile.compiled import State
from tlastep.engine.machine import Raised
from tlastep.toolchain.state_graph import StateGraph
from tlastep.values import Fn, Value

Edge: TypeAlias = tuple[int, str, int]
_T = TypeVar("_T", bound=Hashable)
_MASK: Final = 2**128 - 1
_INSIDE: Final = -1  # in place of the number of a state that no step within the bound has led to yet
_OUTSIDE: Final = -2  # and of one beyond the bound


class Numbering:
    """Numbers for states, by value."""

    def __init__(self, variables: tuple[str, ...]) -> None:
        self.variables = variables
        self.states: list[State] = []
        self._numbers: dict[State, int] = {}

    def of(self, state: State) -> int:
        """The number of a state."""
        number = self._numbers.setdefault(state, len(self.states))
        if number == len(self.states):
            self.states.append(state)
        return number

    def shown(self, number: int) -> dict[str, Value]:
        """The state of a number."""
        return dict(zip(self.variables, self.states[number], strict=True))


@dataclass(frozen=True)
class Graph:
    """A graph as a dump shows it. `labels` has the labels with arguments of each edge, where they are known."""

    states: frozenset[int]
    initial: tuple[int, ...]
    labels: Mapping[Edge, tuple[Label, ...]]
    boundary: int = 0

    @property
    def transitions(self) -> int:
        """The distinct steps with arguments."""
        return sum(map(len, self.labels.values()))

    def outgoing(self) -> dict[int, dict[tuple[str, int], tuple[Label, ...]]]:
        """The edges from each state."""
        found: dict[int, dict[tuple[str, int], tuple[Label, ...]]] = {state: {} for state in self.states}
        for (before, name, after), labels in self.labels.items():
            found[before][name, after] = labels
        return found


def dumped_graph(dump: StateGraph, spec: SpecSide, numbering: Numbering) -> Graph:
    """The graph in a dump of TLC. Edges that TLC repeats count once."""
    numbers = {key: numbering.of(spec.state(state, "the dump of TLC")) for key, state in dump.states.items()}
    edges = ((numbers[before], label.action, numbers[after]) for before, label, after in dump.edges)
    initial = tuple(dict.fromkeys(numbers[key] for key in dump.initial))
    return Graph(frozenset(numbers.values()), initial, dict.fromkeys(edges, ()))


def spec_graph(spec: SpecSide, numbering: Numbering) -> Graph:
    """The graph of a compiled spec, explored state by state."""
    system = spec.system
    return _explored(
        system.initial(),
        lambda state: spec.steps(state),
        lambda state: system.in_bound(state),
        lambda before, after: system.in_bound_step(before, after),
        numbering.of,
    )


def code_graph(code: CodeSide[Any], names: Mapping[str, str], numbering: Numbering) -> Graph:
    """The graph of bound code, explored by executing it; `names` gives TLC's name of each action (`sides.tlc_names`).

    States of the code are told apart by their whole values; the graph has what they show.
    """

    def number(state: Any) -> int:
        shown = code.shown(state)
        return numbering.of(tuple([shown[name] for name in numbering.variables]))

    def steps(state: Any) -> Iterator[tuple[str, Label, Any]]:
        for label, following in code.steps(state).items():
            if isinstance(following, Raised):
                raise following
            yield names[label.action], label, following

    return _explored(code.system.initial(), steps, code.system.in_bound, code.system.in_bound_step, number)


def _explored(
    initial: Iterable[_T],
    steps: Callable[[_T], Iterable[tuple[str, Label, _T]]],
    in_bound: Callable[[_T], bool],
    in_bound_step: Callable[[_T, _T], bool],
    number: Callable[[_T], int],
) -> Graph:
    starts = [state for state in dict.fromkeys(initial) if in_bound(state)]
    # A state's hash is worked out anew whenever it is looked for: so once a step.
    known = {state: number(state) for state in starts}
    numbers = list(known.values())
    labels: dict[Edge, dict[Label, None]] = {}
    boundary = 0
    todo = list(starts)
    for at, state in enumerate(todo):  # which grows
        leaving = set()
        for name, label, following in steps(state):
            there = known.get(following)
            if there is None:
                there = known[following] = _INSIDE if in_bound(following) else _OUTSIDE
            if there == _OUTSIDE or not in_bound_step(state, following):
                leaving.add((label, following))
                continue
            if there == _INSIDE:
                there = known[following] = number(following)
                todo.append(following)
                numbers.append(there)
            labels.setdefault((numbers[at], name, there), {})[label] = None
        boundary += len(leaving)
    found = {edge: tuple(each) for edge, each in labels.items()}
    initially = tuple(dict.fromkeys(numbers[: len(starts)]))
    return Graph(frozenset(numbers), initially, found, boundary)


# -- comparing ----------------------------------------------------------------------------------------------


def compare(one: Graph, other: Graph, numbering: Numbering, who: tuple[str, str]) -> Finding | None:
    """The first difference of two graphs, by a shortest behaviour; None if they are equal, edge by edge."""
    for only, graph, rest in ((who[0], one, other), (who[1], other, one)):
        if extra := [state for state in graph.initial if state not in rest.initial]:
            start = Behaviour((Step(None, numbering.shown(extra[0])),))
            return Finding("difference", f"an initial state that only {only} has", start)
    mine, others = one.outgoing(), other.outgoing()
    paths = Paths(one.initial)
    for state in paths.order:
        if different := mine.get(state, {}).keys() ^ others.get(state, {}).keys():
            name, after = min(different)
            only = who[0] if (name, after) in mine.get(state, {}) else who[1]
            labels = mine.get(state, {}).get((name, after)) or others.get(state, {}).get((name, after))
            label = labels[0] if labels else Label(name)
            shown = numbering.shown(after)
            spec_next, code_next = (shown, None) if only == who[0] else (None, shown)
            summary = f"a step {label} that only {only} takes"
            return Finding("difference", summary, paths.behaviour(state, numbering), label, spec_next, code_next)
        for (name, after), labels in mine[state].items():
            paths.reach(after, state, next(iter(others[state][name, after] or labels), Label(name)))
    if unreached := (one.states | other.states) - paths.links.keys():
        lonely = Behaviour((Step(None, numbering.shown(min(unreached))),))
        return Finding("difference", "a state that no step reaches", lonely)
    return None


class Paths:
    """A breadth-first search: the states in order, and how each was first reached."""

    def __init__(self, initial: Iterable[int]) -> None:
        self.links: dict[int, tuple[int, Label] | None] = dict.fromkeys(initial)
        self.order = list(self.links)

    def reach(self, state: int, before: int, label: Label) -> bool:
        """Notes a step; whether it led to a new state."""
        if state in self.links:
            return False
        self.links[state] = (before, label)
        self.order.append(state)
        return True

    def behaviour(self, state: int, numbering: Numbering) -> Behaviour:
        """A shortest behaviour to a state."""
        steps: list[Step] = []
        link = self.links[state]
        while link is not None:
            steps.append(Step(link[1], numbering.shown(state)))
            state = link[0]
            link = self.links[state]
        return Behaviour((Step(None, numbering.shown(state)), *reversed(steps)))


# -- the digest of a dump -----------------------------------------------------------------------------------


class Digest(NamedTuple):
    """What `ci/dump_digest.py` says of a dump, of any graph."""

    states: int
    edges: int
    digest: str


def graph_digest(graph: Graph, numbering: Numbering) -> Digest:
    """The digest of a graph: a sum modulo 2^128 of hashes of states, initial states and edges."""
    texts: dict[Value, str] = {}
    hashes = {number: _hash(_state_text(numbering.shown(number), texts)) for number in graph.states}
    total = sum(hashes.values()) + sum(_hash("initial", f"{hashes[each]:x}") for each in graph.initial)
    total += sum(_hash(f"{hashes[one]:x}", name, f"{hashes[two]:x}") for one, name, two in graph.labels)
    return Digest(len(hashes), len(graph.labels), f"{total & _MASK:032x}")


def _hash(*parts: str) -> int:
    return int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=16).digest())


def _state_text(state: Assignment, known: dict[Value, str]) -> str:
    for value in state.values():
        if value not in known:
            known[value] = canonical(value)
    return "\n".join(sorted(f"{name}={known[value]}" for name, value in state.items()))


def canonical(value: Value) -> str:
    """A text of the value that is the same for equal values, and simple to make from what TLC prints."""
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, tuple):
        return f"<<{','.join(map(canonical, value))}>>"
    if isinstance(value, frozenset):
        return "{" + ",".join(sorted(map(canonical, value))) + "}"
    if isinstance(value, Fn):
        pairs = sorted((canonical(key), canonical(item)) for key, item in value.mapping.items())
        return f"[{','.join(f'{key}|->{item}' for key, item in pairs)}]"
    return str(value)
