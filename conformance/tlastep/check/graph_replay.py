"""The whole graph that TLC dumps, compared with the compiled spec's edge by edge, and every edge taken by the code."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any, Final, Generic

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.binding import S
from tlastep.check.graph import Graph, Numbering, Paths, code_graph, compare, dumped_graph, graph_digest, spec_graph
from tlastep.check.lockstep import check_fit
from tlastep.check.replay import Differs, take
from tlastep.check.sides import CodeSide, SpecSide, tlc_names
from tlastep.check.verdict import Finding
from tlastep.compile.compiled import CompiledSpec
from tlastep.engine.code_system import BoundModel
from tlastep.engine.fast import collector_off
from tlastep.engine.machine import Raised
from tlastep.errors import UnusableInput
from tlastep.toolchain import state_graph, tlc
from tlastep.toolchain.state_graph import StateGraph

MOST_STATES: Final = 35_000  # a dump of as many states takes about 60 MB, and a minute to compare


@dataclass(frozen=True)
class GraphReplayed:
    """What came of comparing TLC's graph with the spec's, and of taking all its steps on the code.

    `edges` are TLC's, by action name; `transitions` have arguments, and `taken` are those that the code took.
    `untaken` are the actions that no edge of the graph takes; `boundary` counts the steps that leave the bound.
    """

    model: str
    states: int
    edges: int
    transitions: int
    taken: int
    boundary: int
    actions: Mapping[str, int]
    untaken: tuple[str, ...]
    digest: str
    seconds: float
    finding: Finding | None = None

    @property
    def result(self) -> str:
        """`ok`, or the kind of the finding and its summary."""
        return "ok" if self.finding is None else f"{self.finding.kind}: {self.finding.summary}"


def dump_graph(spec: Path, config: Path, *, deadlock: bool) -> StateGraph:
    """The graph that TLC dumps of a model in which nothing is violated."""
    with TemporaryDirectory(prefix="tlastep-", ignore_cleanup_errors=True) as folder:
        file = Path(folder) / "graph.dot"
        result = tlc.check(spec, config, deadlock=deadlock, dump=file)
        if result.result != "ok":
            raise UnusableInput(f"TLC stops at {result.result}, so that its graph is not whole", str(config))
        return state_graph.read(file)


def replay_graph(name: str, spec: CompiledSpec, model: BoundModel[Any] | None, dump: StateGraph) -> GraphReplayed:
    """Compares TLC's graph with the spec's and, if code is bound, replays it there, up to the first difference."""
    if model is not None:
        check_fit(spec, model)
    with collector_off():
        return _replayed(name, spec, model, dump)


def _replayed(name: str, spec: CompiledSpec, model: BoundModel[Any] | None, dump: StateGraph) -> GraphReplayed:
    begun = perf_counter()
    side, numbering = SpecSide(spec), Numbering(spec.variables)
    tlc_graph, graph = dumped_graph(dump, side, numbering), spec_graph(side, numbering)
    digest = graph_digest(tlc_graph, numbering).digest
    finding = compare(tlc_graph, graph, numbering, ("TLC", "the compiled spec"))
    run: _GraphReplay[Any] = _GraphReplay(side, graph, numbering)
    if model is not None and finding is None:
        code = CodeSide(model)
        finding = run.replay(code) or run.compare_code(code, digest)
    return GraphReplayed(
        model=name,
        states=len(tlc_graph.states),
        edges=len(tlc_graph.labels),
        transitions=graph.transitions,
        taken=sum(run.actions.values()),
        boundary=graph.boundary,
        actions=dict(sorted(run.actions.items())),
        untaken=_untaken(spec, graph),
        digest=digest,
        seconds=perf_counter() - begun,
        finding=finding,
    )


def _untaken(spec: CompiledSpec, graph: Graph) -> tuple[str, ...]:
    taken = {label.action for labels in graph.labels.values() for label in labels}
    return tuple(dict.fromkeys(step.action for step in spec.steps if step.action not in taken))


@dataclass
class _GraphReplay(Generic[S]):
    spec: SpecSide
    graph: Graph
    numbering: Numbering
    actions: Counter[str] = field(default_factory=Counter)

    def replay(self, code: CodeSide[S]) -> Finding | None:
        """Takes every step of the graph on the code, in the order of a breadth-first search."""
        outgoing, paths = self.graph.outgoing(), Paths(self.graph.initial)
        reached: dict[int, S] = {}
        for number in self.graph.initial:
            starts = code.starts(self.numbering.shown(number))
            if not starts:
                start = Behaviour((Step(None, self.numbering.shown(number)),))
                return Finding("difference", "an initial state that only the spec has", start)
            reached[number] = starts[0]
        for before in paths.order:
            for (_, after), labels in outgoing[before].items():
                for label in labels:
                    try:
                        following = self._take(code, reached[before], before, label, after)
                        first = reached.setdefault(after, following)
                        if first is not following and first != following:
                            raise Differs(
                                "hidden state", f"{label} leads to a state that shows the same as another", label
                            )
                    except Differs as difference:
                        return difference.after(paths.behaviour(before, self.numbering))
                    paths.reach(after, before, label)
        return None

    def _take(self, code: CodeSide[S], state: S, before: int, label: Label, after: int) -> S:
        states = self.numbering.states
        following = take(self.spec, code, state, states[before], label, states[after])
        self.actions[label.action] += 1
        return following

    def compare_code(self, code: CodeSide[S], digest: str) -> Finding | None:
        """The graph of the code, by itself, against the spec's: it takes no other steps."""
        try:
            graph = code_graph(code, tlc_names(self.spec.spec), self.numbering)
        except Raised as raised:
            start = Behaviour((Step(None, self.numbering.shown(self.graph.initial[0])),))
            return Finding("exception", f"the code: {str(raised).removeprefix('exception ')}", start)
        finding = compare(self.graph, graph, self.numbering, ("the spec", "the code"))
        if finding is None and graph.boundary != self.graph.boundary:
            start = Behaviour((Step(None, self.numbering.shown(self.graph.initial[0])),))
            counts = f"{self.graph.boundary} of the spec, {graph.boundary} of the code"
            return Finding("difference", f"steps that leave the bound: {counts}", start)
        assert finding is not None or graph_digest(graph, self.numbering).digest == digest
        return finding
