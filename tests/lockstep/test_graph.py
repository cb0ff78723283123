"""TLC's whole graph against the spec's and on the code; and one digest from three sources."""

from __future__ import annotations

import copy
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.command_replication import CommandReplication
from quorumlog_bindings.command_replication import command_replication
from quorumlog_bindings.replication import replication
from tlastep.binding import Binding
from tlastep.check.explore import load
from tlastep.check.graph import Digest, Numbering, code_graph, graph_digest, spec_graph
from tlastep.check.graph_replay import GraphReplayed, replay_graph
from tlastep.check.sides import CodeSide, SpecSide, tlc_names
from tlastep.compile.compiled import CompiledSpec
from tlastep.engine.code_system import BoundModel
from tlastep.language.config import read_config
from tlastep.toolchain import state_graph, tlc

ROOT = Path(__file__).parents[2]
BINDINGS: dict[str, Binding[Any]] = {"MCReplication": replication, "MCCommandReplication": command_replication}


class Dumped(NamedTuple):
    """A model, compiled, and TLC's dump of it."""

    spec: CompiledSpec
    config: Path
    file: Path

    def bound(self, binding: Binding[Any] | None = None) -> BoundModel[Any]:
        return BoundModel(binding or BINDINGS[self.spec.name], read_config(self.config))

    def replayed(self, binding: Binding[Any] | None = None) -> GraphReplayed:
        return replay_graph("a model", self.spec, self.bound(binding), state_graph.read(self.file))


@pytest.fixture(scope="module")
def dump(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str, str], Dumped]:
    folder = tmp_path_factory.mktemp("dumps")
    made: dict[str, Dumped] = {}

    def of(module: str, config: str) -> Dumped:
        if config not in made:
            spec, file = ROOT / "spec" / f"{module}.tla", folder / f"{config}.dot"
            path = ROOT / "spec" / f"{config}.cfg"
            assert tlc.check(spec, path, deadlock=False, dump=file).result == "ok"
            made[config] = Dumped(load(spec, path), path, file)
        return made[config]

    return of


@pytest.fixture
def rejected(dump: Callable[[str, str], Dumped]) -> Dumped:
    return dump("MCCommandReplication", "MCCommandReplicationFixed")


@pytest.fixture
def replicated(dump: Callable[[str, str], Dumped]) -> Dumped:
    return dump("MCReplication", "MCReplicationOldVote")


def alone(file: Path) -> Digest:
    """What the script says that imports nothing of ours; `-I` keeps the environment from helping it."""
    command = [sys.executable, "-I", str(ROOT / "ci" / "dump_digest.py"), str(file)]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = dict(line.split() for line in said.splitlines())
    return Digest(int(found["states"]), int(found["edges"]), found["digest"])


@pytest.mark.parametrize("model", ["rejected", "replicated"])
def test_three_sources_give_one_digest(model: str, request: pytest.FixtureRequest) -> None:
    dumped: Dumped = request.getfixturevalue(model)
    spec, variables = SpecSide(dumped.spec), dumped.spec.variables
    ours, code = Numbering(variables), Numbering(variables)
    of_spec = graph_digest(spec_graph(spec, ours), ours)
    of_code = graph_digest(code_graph(CodeSide(dumped.bound()), tlc_names(dumped.spec), code), code)
    assert of_spec == of_code == alone(dumped.file)


@pytest.mark.parametrize("model", ["rejected", "replicated"])
def test_the_code_takes_all_steps_of_the_graph(model: str, request: pytest.FixtureRequest) -> None:
    dumped: Dumped = request.getfixturevalue(model)
    found = dumped.replayed()
    assert found.result == "ok"
    assert found.taken == found.transitions >= found.edges > found.states
    assert sum(found.actions.values()) == found.taken


def edited(dumped: Dumped, folder: Path, pattern: str, replacement: str) -> Dumped:
    """The dump with one place of its text changed."""
    text, count = re.subn(pattern, replacement, dumped.file.read_text(encoding="utf-8"), count=1)
    assert count == 1
    file = folder / "edited.dot"
    file.write_text(text, encoding="utf-8")
    return dumped._replace(file=file)


@pytest.mark.parametrize(
    ("pattern", "replacement", "result"),
    [
        (r'(-> \S+ \[label=)"Answer"', r'\1"Lead"', "difference: a step Answer that only the compiled spec takes"),
        (r'\n\S+ -> \S+ \[label="Answer".*', "", "difference: a step Answer that only the compiled spec takes"),
        (r",style = filled", "", "difference: an initial state that only the compiled spec has"),
    ],
)
def test_a_changed_graph_is_found(
    rejected: Dumped, tmp_path: Path, pattern: str, replacement: str, result: str
) -> None:
    changed = edited(rejected, tmp_path, pattern, replacement)
    assert alone(changed.file).digest != alone(rejected.file).digest
    found = changed.replayed()
    assert found.result == result
    assert found.taken == 0


def test_a_changed_state_is_found(rejected: Dumped, tmp_path: Path) -> None:
    changed = edited(rejected, tmp_path, r"state = \(n :> 2 @@ o :> 1\)", "state = (n :> 9 @@ o :> 1)")
    assert alone(changed.file).digest != alone(rejected.file).digest
    found = changed.replayed().finding
    assert found is not None
    assert found.label is not None
    assert found.label.action == "Execute"


def with_actions(binding: Binding[Any], **actions: Callable[..., Any]) -> Binding[Any]:
    mutant = copy.copy(binding)
    mutant.actions = {**binding.actions, **actions}
    return mutant


def test_an_action_that_does_nothing_is_found(replicated: Dumped) -> None:
    def sync(cluster: Cluster, i: str) -> Cluster:
        cluster.sync(i)
        return cluster

    found = replicated.replayed(with_actions(replication, Sync=sync))
    assert found.result.startswith("difference: Sync(")
    assert found.finding is not None
    assert "disk" in found.finding.differing
    assert found.finding.conjuncts
    assert found.taken < found.transitions


def test_a_step_too_many_is_found(rejected: Dumped) -> None:
    """Every step of the graph is taken, and one more that the spec does not allow."""

    def answer(world: CommandReplication) -> CommandReplication:
        nothing_to_answer = len(world.answered) >= len(world.events[world.leader])
        return world if nothing_to_answer else world.answer()

    found = rejected.replayed(with_actions(command_replication, Answer=answer))
    assert found.result == "difference: a step Answer that only the code takes"
    assert found.taken == found.transitions


def test_a_hidden_difference_is_found(rejected: Dumped) -> None:
    def lead(world: CommandReplication, n: str) -> CommandReplication:
        fields = {name: getattr(world, name) for name in world.__struct_fields__}
        return CommandReplication(**{**fields, "leader": n, "start": 5})

    found = rejected.replayed(with_actions(command_replication, Lead=lead))
    assert found.result.startswith("hidden state: Lead(")


def test_a_state_that_shows_one_state_of_the_spec_shows_no_other(rejected: Dumped) -> None:
    """What was found to be shown is remembered of both: an answer is not given for another question."""
    spec, code = SpecSide(rejected.spec), CodeSide(rejected.bound())
    first = next(iter(spec.system.initial()))
    others = {step.following for step in spec.steps(first)} - {first}
    (start,) = code.starts(spec.shown(first))
    assert others
    for _ in range(2):
        assert code.shows(start, first, spec.variables)
        assert not any(code.shows(start, other, spec.variables) for other in others)
