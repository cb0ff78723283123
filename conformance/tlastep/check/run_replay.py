"""Replay of a model of the list: TLC's behaviours, and on request its whole graph, on the bound code."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from tlastep.behaviour import Behaviour, Step
from tlastep.binding import Binding
from tlastep.check.coverage import Coverage, covered
from tlastep.check.explore import load
from tlastep.check.graph_replay import MOST_STATES, GraphReplayed, dump_graph, replay_graph
from tlastep.check.models import Model, Project
from tlastep.check.replay import Replayed, replay
from tlastep.check.verdict import Finding
from tlastep.engine.code_system import BoundModel, CodeSystem
from tlastep.engine.conjuncts import Conjuncts
from tlastep.errors import UnusableInput
from tlastep.language.config import read_config
from tlastep.toolchain import tlc
from tlastep.toolchain.state_graph import StateGraph


class Simulation(NamedTuple):
    """How many behaviours TLC simulates, of how many states, from which seed."""

    behaviours: int = 20
    depth: int = 60
    seed: int = 1


@dataclass(frozen=True)
class ReplayedModel:
    """What came of replaying a model: its behaviours, and its graph if that was asked for."""

    model: Model
    behaviours: Replayed
    graph: GraphReplayed | None = None
    coverage: Coverage | None = None

    @property
    def finding(self) -> Finding | None:
        """The first difference, if any."""
        return self.behaviours.finding or (self.graph.finding if self.graph else None)

    @property
    def result(self) -> str:
        """`ok`, or the kind of the finding and its summary."""
        if self.graph is not None and self.behaviours.finding is None:
            return self.graph.result
        return self.behaviours.result

    def fields(self) -> dict[str, object]:
        """What the command prints of it as JSON."""
        found, graph = self.behaviours, self.graph
        fields: dict[str, object] = {
            "model": self.model.name,
            "behaviours": found.behaviours,
            "steps": found.steps,
            "actions": dict(found.actions),
            "untaken": list(found.untaken),
            "ambiguous": found.ambiguous,
            "result": self.result,
            "seconds": round(found.seconds + (graph.seconds if graph else 0), 3),
        }
        if graph is not None:
            fields["graph"] = {
                "states": graph.states,
                "edges": graph.edges,
                "transitions": graph.transitions,
                "taken": graph.taken,
                "boundary": graph.boundary,
                "actions": dict(graph.actions),
                "untaken": list(graph.untaken),
                "digest": graph.digest,
            }
        return fields


def bound_model(project: Project, model: Model, binding: Binding[Any]) -> BoundModel[Any]:
    """The code of a model. Replay compares states and judges no properties, so these need not be bound."""
    return BoundModel(binding, replace(read_config(project.config(model)), invariants=[], properties=[]))


def simulated(project: Project, model: Model, how: Simulation) -> list[Behaviour]:
    """Behaviours of TLC: the same ones for the same seed. The bounds are for searching; these go on beyond them."""
    spec, config = project.spec(model), project.config(model)
    return tlc.simulate(spec, config, count=how.behaviours, depth=how.depth, seed=how.seed, bounded=False)


def counterexample(project: Project, model: Model) -> Behaviour:
    """TLC's counterexample to what the model is expected to violate."""
    found = tlc.check(project.spec(model), project.config(model), deadlock=model.deadlock)
    if found.result != model.result or found.counterexample is None:
        raise UnusableInput(f"TLC says {found.result} of {model.name}, expected {model.result}", str(project.list))
    return found.counterexample


def replay_counterexample(
    project: Project, model: Model, binding: Binding[Any], behaviour: Behaviour | None = None
) -> ReplayedModel:
    """Replays TLC's counterexample, by default one that it is asked for now.

    The code follows it, and breaks the same invariant where the binding has it.
    """
    compiled = load(project.spec(model), project.config(model))
    violation = behaviour or counterexample(project, model)
    found = replay(model.name, compiled, bound_model(project, model, binding), [violation])
    kind, _, name = model.result.partition(" ")
    if found.finding is not None or kind != "invariant" or name not in binding.invariants:
        return ReplayedModel(model, found)
    if unbroken := [state for state in found.ends if _keeps(project, model, binding, name, state)]:
        shown = Behaviour((Step(None, binding.observed(unbroken[0])),))
        finding = Finding("property", f"{name} is broken in the spec, and holds in the same state of the code", shown)
        found = replace(found, finding=finding)
    return ReplayedModel(model, found)


def _keeps(project: Project, model: Model, binding: Binding[Any], name: str, state: Any) -> bool:
    """Whether the code's own statement of an invariant holds in a state of the code."""
    config = read_config(project.config(model))
    named = [each for each in config.invariants if each.text == name]
    return CodeSystem(BoundModel(binding, replace(config, invariants=named, properties=[]))).check_state(state) is None


def run_replay(
    project: Project,
    model: Model,
    binding: Binding[Any],
    behaviours: Sequence[Behaviour] | None = None,
    *,
    how: Simulation | None = None,
    graph: bool = False,
    dump: StateGraph | None = None,
    source: str = "behaviour",
) -> ReplayedModel:
    """Replays behaviours (by default those that TLC simulates), and with `graph` all steps of the graph it dumps.

    A graph that it has dumped already may be given.
    """
    bound, compiled = bound_model(project, model, binding), load(project.spec(model), project.config(model))
    if graph and (model.result != "ok" or model.distinct > MOST_STATES):
        needed = f"a model that holds, of at most {MOST_STATES:,} states"
        raise UnusableInput(f"the graph of {model.name} can't be replayed: that needs {needed}", str(project.list))
    if behaviours is None:
        behaviours = simulated(project, model, how or Simulation())
    conjuncts = Conjuncts(compiled)
    found = replay(model.name, compiled, bound, behaviours, source=source, conjuncts=conjuncts)
    reached = covered("replay", model.name, model.module, found.actions, conjuncts, found.transitions)
    if not graph or found.finding is not None:
        return ReplayedModel(model, found, coverage=reached)
    if dump is None:
        dump = dump_graph(project.spec(model), project.config(model), deadlock=model.deadlock)
    return ReplayedModel(model, found, replay_graph(model.name, compiled, bound, dump), reached)
