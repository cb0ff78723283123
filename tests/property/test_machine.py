"""Random walks of spec and code: a planted bug is found, shrunk, printed and written down; a seed decides all."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Callable
from copy import copy
from functools import cache
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

from quorumlog.core.consensus.messages import Message
from quorumlog.simulation.cluster import Cluster
from quorumlog_bindings.replication import replication
from tlastep.behaviour import Label
from tlastep.binding import Binding
from tlastep.check.machine import Prepared, Walked, prepare, shortcomings, walk
from tlastep.check.models import MACHINE, find_project
from tlastep.check.random_machine import machine_class
from tlastep.check.reproduce import differences, write_script
from tlastep.check.walk import Script
from tlastep.language.config import read_config
from tlastep.values import model_value

PROJECT = find_project(Path(__file__).parent)
FIVE = "ReplicationFive"
QUIET = settings(
    max_examples=60, stateful_step_count=30, deadline=None, derandomize=True, database=None,
    suppress_health_check=list(HealthCheck), print_blob=False,
)  # fmt: skip


@cache
def ready() -> Prepared:
    return prepare(PROJECT, PROJECT.model(FIVE))


def changed(**actions: Callable[..., Cluster]) -> Binding[Cluster]:
    """The binding of Replication with other functions for some actions."""
    other = copy(replication)
    other.actions = {**replication.actions, **actions}
    return other


def Timeout(cluster: Cluster, i: str) -> Cluster:
    """Stands for election, and forgets to vote for itself in every term after the second."""
    after = cluster.timeout(i)
    replica = after.replicas[i]
    if replica.term <= 2:
        return after
    return after.change(replicas=after.replicas.set(i, replica.change(voted_for=None)))


def Crash(cluster: Cluster, i: str) -> Cluster:
    """Restarts with an exception where anything was owed."""
    if cluster.replicas[i].owed:
        raise RuntimeError("owed")
    return cluster.crash(i)


def Lose(cluster: Cluster, m: Message) -> Cluster:
    """Loses nothing."""
    return cluster


def walked(binding: Binding[Cluster] = replication, *, steps: int = 1_500, seed: int = 3) -> Walked:
    pair = ready().pair(PROJECT, binding)
    return walk(pair, steps=steps, seed=seed, name=FIVE, explored=ready().explored)


def test_a_walk_of_the_right_code_finds_nothing_and_counts_what_it_did() -> None:
    found = walked()
    assert found.result == "ok"
    assert found.steps == sum(found.actions.values()) == 1_500
    assert min(found.actions.values()) > 0
    assert found.offered > found.steps
    assert 0 < found.outside <= found.states


def test_what_a_walk_reaches_is_what_it_visited_and_not_what_it_only_looked_at() -> None:
    bound = {name.text: value for name, value in read_config(PROJECT.config(PROJECT.model(FIVE))).constants.items()}
    reached = walked().largest
    assert reached["term"] <= int(str(bound["MaxTerm"]))
    assert reached["log"] <= int(str(bound["MaxLog"]))


@pytest.mark.parametrize(
    ("binding", "kind", "last"),
    [(changed(Timeout=Timeout), "difference", "Timeout"), (changed(Crash=Crash), "exception", "Crash"),
     (changed(Lose=Lose), "difference", "Lose")],
)  # fmt: skip
def test_a_planted_bug_is_found_and_shrunk_to_its_last_step_or_two(
    binding: Binding[Cluster], kind: str, last: str
) -> None:
    found = walked(binding)
    assert found.finding is not None
    assert found.script is not None
    assert found.finding.kind == kind
    assert found.script.labels[-1].action == last
    assert len(found.script.labels) <= 2


def test_the_written_test_fails_on_the_bug_and_passes_on_the_right_code(tmp_path: Path) -> None:
    found = walked(changed(Timeout=Timeout))
    assert found.script is not None
    assert found.problem is not None
    labels = [str(label) for label in found.script.labels]
    wrong = differences(FIVE, labels, start=found.script.start, binding=changed(Timeout=Timeout))
    assert wrong
    assert "votedFor" in wrong[0]
    assert differences(FIVE, labels, start=found.script.start) == []
    path = write_script(FIVE, *found.problem, found.script, tmp_path)
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)],
        cwd=PROJECT.root, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout


def test_the_state_machine_finds_the_bug_prints_a_script_and_writes_a_test(tmp_path: Path) -> None:
    machine = machine_class(FIVE, binding=changed(Timeout=Timeout), project=PROJECT, folder=tmp_path)
    with pytest.raises(AssertionError, match="leads to different states: votedFor") as raised:
        run_state_machine_as_test(machine, settings=QUIET)
    said = str(raised.value)
    assert "from start" in said
    assert said.count("Timeout(") >= 2  # in the summary, and in the script
    assert "LABELS" in (tmp_path / f"test_{FIVE}.py").read_text()


def test_the_state_machine_has_a_rule_for_every_action() -> None:
    machine = machine_class(FIVE, project=PROJECT)
    assert {step.action for step in ready().spec.steps} <= {*dir(machine)}


def test_a_script_passes_over_what_both_sides_refuse() -> None:
    pair = ready().pair(PROJECT, replication)
    a = model_value("a")
    refused = Label("Propose", (a, model_value("x")))
    assert pair.run(Script(0, (refused, Label("Timeout", (a,)), refused))) is None


def test_the_same_seed_gives_the_same_walk_under_any_hash_seed() -> None:
    program = (
        "from pathlib import Path; from tlastep.check.bindings import binding_of; "
        "from tlastep.check.machine import prepare, walk; from tlastep.check.models import find_project; "
        "p = find_project(Path.cwd()); r = prepare(p, p.model('ReplicationFive')); "
        "f = walk(r.pair(p, binding_of(p, 'Replication')), steps=400, seed=5, explored=r.explored).fields(); "
        "f.pop('seconds'); print(f)"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program], cwd=PROJECT.root, env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_what_counts_as_explored_is_the_bounds_of_the_models_that_are_explored() -> None:
    """The predicate Explored of MCReplicationWide lists the bounds of all models of three servers, or larger ones."""
    names = ("MaxTerm", "MaxLog", "MaxOwed", "MaxNetwork")
    explored = {(1, 2, 1, 2), (2, 1, 3, 2), (2, 3, 1, 1), (4, 2, 1, 1)}
    text = (PROJECT.specs / "MCReplicationWide.tla").read_text()
    assert "{" + ", ".join(f"<<{', '.join(map(str, each))}>>" for each in sorted(explored)) + "}" in text
    for model in PROJECT.models:
        if model.spec == "MCReplication.tla" and model.kind != MACHINE:
            constants = {name.text: value for name, value in read_config(PROJECT.config(model)).constants.items()}
            bound = tuple(int(str(constants[name])) for name in names)
            assert any(all(mine <= most for mine, most in zip(bound, each, strict=True)) for each in explored), bound


def test_what_counts_as_explored_of_pre_votes_is_what_every_model_stays_within() -> None:
    """The predicate Explored of MCPreVoteWide says the least bounds that hold in all models of three servers."""
    most = dict.fromkeys(("MaxTerm", "MaxLog", "MaxOwed", "MaxNetwork", "MaxAttempt", "MaxCanvass"), 0)
    for model in PROJECT.models:
        if model.spec == "MCPreVote.tla":
            constants = {name.text: value for name, value in read_config(PROJECT.config(model)).constants.items()}
            most = {name: max(highest, int(str(constants[name]))) for name, highest in most.items()}
    text = (PROJECT.specs / "MCPreVoteWide.tla").read_text()
    explored = text.partition("Explored ==")[2].partition("----")[0]
    assert re.findall(r"<= (\d+)", explored) == [str(each) for each in most.values()]


def test_a_walk_that_shows_too_little_says_why() -> None:
    model = PROJECT.model(FIVE)
    short = Walked(FIVE, True, 1, steps=10, states=10, outside=4, actions={"Sync": 3}, largest={"term": 2})
    said = "; ".join(shortcomings(model, short))
    assert "10 steps" in said
    assert "Sync only 3 times" in said
    assert "only 4 of 10 states" in said
    assert "term reaches 2" in said
