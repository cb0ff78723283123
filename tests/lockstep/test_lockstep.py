"""Spec and code in lock-step: with and without memory, under any hash seed, and what is found where they differ."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import pytest

from quorumlog.core.consensus.messages import ServerId
from quorumlog.simulation.cluster import Cluster
from quorumlog_bindings.replication import replication
from tlastep.binding import Binding
from tlastep.check.direct import lockstep_directly
from tlastep.check.explore import load
from tlastep.check.lockstep import lockstep
from tlastep.check.models import find_project
from tlastep.check.reproduce import differences, labels_of, write_test
from tlastep.check.verdict import Finding, Lockstep
from tlastep.engine.code_system import BoundModel
from tlastep.errors import UnusableInput
from tlastep.language.config import read_config

PROJECT = find_project(Path(__file__).parent)


def stepped(name: str, binding: Binding[Any] = replication, *, directly: bool = False) -> Lockstep:
    """Spec and code of a model, stepped together."""
    model = PROJECT.model(name)
    spec = load(PROJECT.spec(model), PROJECT.config(model))
    bound = BoundModel(binding, read_config(PROJECT.config(model)))
    return (lockstep_directly if directly else lockstep)(name, spec, bound)


def changed(**actions: Callable[..., Cluster]) -> Binding[Cluster]:
    """The binding of Replication with other functions for some actions."""
    other = copy(replication)
    other.actions = {**replication.actions, **actions}
    return other


def finding(name: str, binding: Binding[Any]) -> Finding:
    """What lock-step finds; it must find something."""
    found = stepped(name, binding).finding
    assert found is not None
    return found


@pytest.mark.parametrize("name", ["ReplicationOldVote", "ReplicationElection"])
def test_with_and_without_memory_the_counts_and_the_digest_are_the_same(name: str) -> None:
    fast, direct = stepped(name), stepped(name, directly=True)
    assert fast.result == direct.result == "ok"
    assert fast.spec_states == fast.code_states == direct.spec_states == PROJECT.model(name).distinct
    assert fast.spec_transitions == fast.code_transitions == direct.code_transitions
    assert (fast.boundary, fast.refusals, fast.digest) == (direct.boundary, direct.refusals, direct.digest)
    assert fast.actions == direct.actions


def test_the_digest_does_not_depend_on_the_hash_seed() -> None:
    program = "import test_lockstep; print(test_lockstep.stepped('ReplicationOldVote', directly=True).digest)"
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            cwd=Path(__file__).parent,
            stdout=subprocess.PIPE,
            check=True,
            text=True,
            timeout=300,
        ).stdout.strip()
        for seed in ("0", "1", "2")
    }
    assert found == {stepped("ReplicationOldVote").digest}


def test_the_codes_own_digest_is_made_without_the_compiler_of_specs() -> None:
    config = PROJECT.config(PROJECT.model("ReplicationOldVote"))
    side = [sys.executable, "-m", "tlastep.check.code_side", "quorumlog_bindings.replication", "Replication"]
    lines = subprocess.run([*side, str(config)], stdout=subprocess.PIPE, check=True, timeout=120).stdout.splitlines()
    said = json.loads(lines[-1])
    assert said["compiler_imported"] is False
    assert said["digest"] == stepped("ReplicationOldVote").digest


def test_an_action_that_does_too_little_is_found_with_the_conjunct_that_it_breaks() -> None:
    found = finding("ReplicationTiny", changed(Sync=lambda cluster, i: cluster))
    assert found.kind == "difference"
    assert found.label is not None
    assert found.label.action == "Sync"
    assert len(found.behaviour) <= 2
    assert found.conjuncts
    assert all(place.startswith("Replication.tla:") for place in found.conjuncts)


def test_an_action_that_is_refused_where_the_spec_allows_it_is_found() -> None:
    def refuse(cluster: Cluster, i: ServerId) -> Cluster:
        raise replication.refused  # type: ignore[misc]  # one exception here, not several

    found = finding("ReplicationTiny", changed(Timeout=refuse))
    assert found.summary == "the spec takes Timeout(a), the code does not"


def test_an_action_that_is_taken_where_the_spec_refuses_it_is_found() -> None:
    found = finding("ReplicationTiny", changed(Sync=lambda cluster, i: cluster.crash(i)))
    assert found.label is not None
    assert found.summary == f"the code takes {found.label}, the spec does not"
    assert found.conjuncts


def test_a_result_that_is_wrong_once_is_caught_and_named_as_impure() -> None:
    calls = 0

    def unreliable(cluster: Cluster, i: ServerId) -> Cluster:
        nonlocal calls
        calls += 1
        return cluster if calls == 101 else cluster.crash(i)

    found = finding("ReplicationTiny", changed(Crash=unreliable))
    assert found.kind == "exception"
    assert "Impure in Crash(" in found.summary


def test_code_that_remembers_what_it_was_asked_before_is_impure() -> None:
    asked: set[ServerId] = set()

    def forgetful(cluster: Cluster, i: ServerId) -> Cluster:
        # The first time it looks at another server than later, and gives the same result.
        other = cluster.servers[0 if i in asked else 1]
        asked.add(i)
        return cluster.crash(i) if cluster.replicas[other].term >= 0 else cluster

    found = finding("ReplicationTiny", changed(Crash=forgetful))
    assert "Impure in Crash(" in found.summary


def test_an_exception_of_the_code_is_a_finding() -> None:
    def broken(cluster: Cluster, i: ServerId, m: object) -> Cluster:
        raise IndexError("log")

    found = finding("ReplicationOldVote", changed(OnVoteReply=broken))
    assert found.kind == "exception"
    assert "IndexError in OnVoteReply(" in found.summary


def test_two_states_of_the_code_that_show_the_same_are_found() -> None:
    # A server that remembers the size of its batches behaves, and shows, as one that does not: as long as it is 2.
    def remember(cluster: Cluster, i: ServerId) -> Cluster:
        crashed = cluster.crash(i)
        replica = crashed.replicas[i]
        return crashed.change(replicas=crashed.replicas.set(i, type(replica)(**{**_fields(replica), "batch": 3})))

    found = finding("ReplicationTiny", changed(Crash=remember))
    assert found.kind == "hidden state"
    assert "replicas" in found.summary


def _fields(replica: Any) -> dict[str, Any]:
    return {name: getattr(replica, name) for name in replica.__struct_fields__}


def test_a_finding_becomes_a_test_that_fails_until_it_is_mended(tmp_path: Path) -> None:
    found = finding("ReplicationTiny", changed(Sync=lambda cluster, i: cluster))
    test = write_test("ReplicationTiny", found, tmp_path)
    run = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(test)]
    mended = subprocess.run(run, cwd=PROJECT.root, stdout=subprocess.PIPE, text=True, timeout=120)
    assert mended.returncode == 0, mended.stdout
    broken = changed(Sync=lambda cluster, i: cluster)
    said = differences("ReplicationTiny", labels_of(found), binding=broken)
    assert said
    assert "Sync(" in said[0]


def test_a_binding_that_lacks_an_action_is_unusable() -> None:
    other = copy(replication)
    other.actions = {name: each for name, each in replication.actions.items() if name != "Sync"}
    with pytest.raises(UnusableInput, match="binding of Replication: lacks the action Sync of MCReplication"):
        stepped("ReplicationTiny", other)


def test_a_binding_that_observes_an_unknown_variable_is_unusable() -> None:
    other = copy(replication)
    other.observe_parts = {**replication.observe_parts, "decided": lambda decided: {"decidd": decided}}
    with pytest.raises(UnusableInput, match="observes decidd, which is no variable of MCReplication"):
        stepped("ReplicationTiny", other)
