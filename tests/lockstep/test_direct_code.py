"""The code alone, executed at every offer: the same counts and digest as lock-step, whatever the hash seed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any, Final

import pytest

from quorumlog.core.consensus.messages import ServerId
from quorumlog.simulation.cluster import Cluster
from quorumlog_bindings.command_replication import command_replication
from quorumlog_bindings.replication import replication
from tlastep.binding import Binding
from tlastep.check.direct import lockstep_directly
from tlastep.check.direct_code import DirectCode, execute
from tlastep.check.explore import load
from tlastep.check.lockstep import lockstep
from tlastep.check.models import find_project
from tlastep.check.verdict import Lockstep
from tlastep.check.verify import COUNTED, Row, disagreements
from tlastep.engine.code_system import BoundModel
from tlastep.language.config import read_config

PROJECT: Final = find_project(Path(__file__).parent)
BINDINGS: Final[dict[str, Binding[Any]]] = {"Replication": replication, "CommandReplication": command_replication}
MODELS: Final = (
    "CommandReplicationFixed",
    "ReplicationOldVote",
    "ReplicationElection",
    "ReplicationLonger",
    "ReplicationLate",
    "ReplicationDeposed",
)
SEEDS: Final = ("0", "1", "2")


def bound(name: str, binding: Binding[Any] | None = None) -> BoundModel[Any]:
    """A model's code; the real one, unless another binding is given."""
    model = PROJECT.model(name)
    return BoundModel(binding or BINDINGS[model.module], read_config(PROJECT.config(model)))


def stepped(name: str) -> Lockstep:
    """The model in lock-step, with memory."""
    model = PROJECT.model(name)
    return lockstep(name, load(PROJECT.spec(model), PROJECT.config(model)), bound(name))


def changed(**actions: Callable[..., Cluster]) -> Binding[Cluster]:
    """The binding of Replication with other functions for some actions."""
    other = copy(replication)
    other.actions = {**replication.actions, **actions}
    return other


def executed_apart(name: str, seed: str) -> dict[str, Any]:
    """What a process of its own counts under this hash seed."""
    model = PROJECT.model(name)
    binding = BINDINGS[model.module]
    module = next(each for each in PROJECT.bindings if binding in vars(sys.modules[each]).values())
    ran = subprocess.run(
        [sys.executable, "-m", "tlastep.check.direct_code", module, model.module, str(PROJECT.config(model))],
        env={**os.environ, "PYTHONHASHSEED": seed},
        stdout=subprocess.PIPE,
        check=True,
        timeout=300,
    )
    found: dict[str, Any] = json.loads(ran.stdout)
    return found


@pytest.mark.parametrize("name", MODELS)
def test_under_any_hash_seed_the_code_counts_what_lockstep_counts(name: str) -> None:
    fast = stepped(name)
    for seed in SEEDS:
        found = executed_apart(name, seed)
        assert {ours: found[ours] for ours in COUNTED} == {ours: getattr(fast, COUNTED[ours]) for ours in COUNTED}, seed
        assert found["actions"] == {action: count for action, count in fast.actions.items() if count}, seed
        assert found["result"] == "ok"


def test_code_that_is_taken_as_a_whole_has_the_same_digest() -> None:
    """Without parts, nothing can be looked up by part, and a state is shown anew as a whole."""
    whole = copy(command_replication)
    whole.parts = ()
    whole.observe_state = command_replication.observed
    found = execute(bound("CommandReplicationFixed", whole))
    assert found.states == PROJECT.model("CommandReplicationFixed").distinct
    assert found.digest == stepped("CommandReplicationFixed").digest


def wrong_once(at: int) -> Callable[[Cluster, ServerId], Cluster]:
    """A crash that does not happen at one call among thousands."""
    calls = 0

    def crash(cluster: Cluster, i: ServerId) -> Cluster:
        nonlocal calls
        calls += 1
        return cluster if calls == at else cluster.crash(i)

    return crash


def test_a_result_that_is_wrong_once_among_thousands_is_seen() -> None:
    """Lock-step with memory executes some dozens of crashes here; only execution everywhere meets the wrong one."""
    right = execute(bound("ReplicationDeposed"))
    assert right.actions["Crash"] > 10_000
    wrong = execute(bound("ReplicationDeposed", changed(Crash=wrong_once(9_001))))
    assert wrong.result == "ok"
    assert wrong.digest != right.digest
    model = PROJECT.model("ReplicationDeposed")
    remembered = lockstep(
        model.name,
        load(PROJECT.spec(model), PROJECT.config(model)),
        bound(model.name, changed(Crash=wrong_once(9_001))),
    )
    assert remembered.result == "ok"
    assert remembered.digest == right.digest


def test_an_exception_of_the_code_is_a_result() -> None:
    def broken(cluster: Cluster, i: ServerId, m: object) -> Cluster:
        raise IndexError("log")

    assert execute(bound("ReplicationOldVote", changed(OnVoteReply=broken))).result == "exception IndexError: log"


def row(part: str, found: dict[str, Any]) -> Row:
    """A row of `verify`."""
    return Row(part, "ReplicationOldVote", True, "ok", 0.0, found)


def test_verify_reports_where_the_code_without_memory_counts_otherwise() -> None:
    executed: DirectCode = execute(bound("ReplicationOldVote"))
    ours = {name: getattr(executed, name) for name in COUNTED}
    theirs = {theirs: ours[name] for name, theirs in COUNTED.items()}
    assert disagreements([row("executed", ours), row("lockstep", theirs)]) == []
    said = disagreements([row("executed", ours), row("lockstep", {**theirs, "refusals": 1})])
    assert said == ["ReplicationOldVote: the code executed without memory differs in refusals from lock-step"]


def test_a_beginning_outside_the_bound_is_counted_by_nobody(tmp_path: Path) -> None:
    model = PROJECT.model("ReplicationDeposed")
    text = PROJECT.config(model).read_text(encoding="utf-8")
    narrow = tmp_path / "Narrow.cfg"
    narrow.write_text(text.replace("MaxTerm = 2", "MaxTerm = 1"), encoding="utf-8")
    spec, code = load(PROJECT.spec(model), narrow), BoundModel(replication, read_config(narrow))
    together, directly = lockstep("Narrow", spec, code), lockstep_directly("Narrow", spec, code)
    assert (together.result, directly.result) == ("ok", "ok")
    assert (together.spec_states, together.code_states, directly.spec_states, execute(code).states) == (0, 0, 0, 0)


def test_verify_reports_where_tlc_counts_otherwise_than_lockstep() -> None:
    sizes = {"distinct": 813, "generated": 7774, "depth": 16}
    tlc = {"result": "ok", **sizes}
    assert disagreements([row("tlc", tlc), row("lockstep", sizes)]) == []
    said = disagreements([row("tlc", tlc), row("lockstep", {**sizes, "generated": 7773})])
    assert said == ["ReplicationOldVote: TLC and the Python engine differ in generated"]
