"""Contracts: what the solver proves of the core, what it only searches, and what it finds where something is wrong."""

from __future__ import annotations

import inspect
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quorumlog.core.consensus import log
from quorumlog_bindings.contracts import contracts
from tlastep.binding import nothing_remembered, remembered
from tlastep.check.contract import Contract, Contracts, Operators, Unfit, operators, operators_of
from tlastep.check.explore import load
from tlastep.check.models import find_project
from tlastep.check.symbolic import explore, judge
from tlastep.cli.main import run
from tlastep.errors import UnusableInput

PROJECT: Final = find_project(Path(__file__).parent)
SPEC: Final = operators(PROJECT, contracts)
NAMED: Final = {contract.name: contract for contract in contracts.all}
PATIENCE: Final = 60.0  # seconds for one proof; each of these takes about one

# For each function a mutant that its contract finds; `kept` has one that is planted below.
FOUND_IN: Final = {
    "majority": "majority-off-by-one",
    "is_quorum": "needs-more-than-a-majority",
    "reached": "reached-by-one-less",
    "term_at": "first-entry-has-no-term",
    "last_term": "compares-with-first-term",
    "is_as_complete": "votes-for-any-log",
    "merge": "truncates-without-conflict",
    "fits": "skips-previous-term-check",
    "hand_on": "sends-one-entry-too-many",
    "commit_rule": "commits-old-terms-by-counting",
    "term_rule": "vote-outlives-term",
    "vote_rule": "two-votes-in-a-term",
    "count_vote": "no-no-op",
    "advance_peer": "match-moves-back",
    "replicated": "leader-counts-itself-twice",
    "accept_entries": "believes-commit-beyond-request",
    "late": "accepts-entries-of-earlier-terms",
    "stand": "vote-request-before-disk",
    "sync": "vote-not-stored",
    "restart": "term-reset-on-restart",
}

KILLS: Final = """
import json, sys
from pathlib import Path
from tlastep.check.explore import load
from tlastep.check.models import find_project
from tlastep.check.mutants import in_child, read_mutants
from tlastep.check.symbolic import kill_by_symbolic

wanted = json.loads(sys.argv[1])
project = find_project(Path(sys.argv[2]))
model = project.model("ReplicationTiny")
compiled = load(project.spec(model), project.config(model))
mutants = {each.name: each for each in read_mutants(project) if each.side == "code"}
found = {}
for contract, name in wanted.items():
    killers = in_child(lambda: list(filter(None, [kill_by_symbolic(project, mutants[name], compiled, [contract], 60)])))
    found[contract] = [[each.layer, each.property, each.depth > 0] for each in killers]
print(json.dumps(found))
"""


def of_test(test: Callable[..., bool]) -> Contract:
    """A contract on nothing in particular."""
    own = Contracts("Replication", model="ReplicationTiny")
    own.of(log.last_index, operator="")(test)
    return own.all[0]


@pytest.mark.parametrize(
    "name", ["majority", "term_at", "last_term", "is_as_complete", "fits", "term_rule", "vote_rule", "advance_peer"]
)
def test_what_is_proved_holds_on_all_paths(name: str) -> None:
    judged = judge(NAMED[name], SPEC, PATIENCE)
    assert (judged.result, judged.counterexample) == ("proved", "")
    assert judged.paths > 1
    assert (judged.beyond > 0) == bool(NAMED[name].limits)


def test_beyond_the_limits_of_a_proof_there_is_only_a_search() -> None:
    searched = explore(NAMED["term_at"], SPEC, 0.5, limited=False)
    assert not searched.broken
    assert searched.fitting > 1
    assert not searched.exhausted


def test_every_function_has_a_mutant_that_its_contract_finds() -> None:
    assert FOUND_IN.keys() | {"kept"} == NAMED.keys()
    ran = subprocess.run(
        [sys.executable, "-c", KILLS, json.dumps(FOUND_IN), str(PROJECT.root)],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ran.stdout) == {name: [["crosshair", name, True]] for name in FOUND_IN}


def test_a_beginning_that_is_said_to_be_shorter_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """What need not be written to a disk again has no variable in the spec, so no lock-step sees this one."""
    monkeypatch.setattr(log, "kept", lambda old, new: min(len(old), len(new), 1))
    judged = judge(NAMED["kept"], SPEC, PATIENCE)
    assert judged.result == "found"
    assert judged.counterexample.startswith("kept(old=")
    assert judged.counterexample.endswith("is false")


def test_an_exception_is_found_with_its_input() -> None:
    def breaks(spec: Operators, number: int) -> bool:
        return 1 // (number - 1234) < 2

    judged = judge(of_test(breaks), SPEC, PATIENCE)
    assert judged.result == "found"
    assert judged.counterexample.startswith("breaks(number=1234) raises ZeroDivisionError")


def test_a_contract_that_speaks_of_no_input_is_not_proved() -> None:
    def silent(spec: Operators, number: int) -> bool:
        raise Unfit

    assert judge(of_test(silent), SPEC, PATIENCE).result == "searched"


@pytest.mark.parametrize("name", NAMED)
def test_contracts_hold_for_random_inputs(name: str) -> None:
    """A second way to the same answer, without a solver, and with lists longer than any proof."""
    contract = NAMED[name]
    parameters = list(inspect.signature(contract.test, eval_str=True).parameters.values())[1:]
    numbers, truths = st.integers(-1, 6), st.booleans()
    kinds: dict[Any, st.SearchStrategy[Any]] = {
        int: numbers,
        list[int]: st.lists(numbers, max_size=7),
        bool: truths,
        list[bool]: st.lists(truths, max_size=7),
    }
    strategies = {each.name: kinds[each.annotation] for each in parameters}
    spoke: list[bool] = []

    @settings(max_examples=150, database=None, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.fixed_dictionaries(strategies))
    def holds(given_values: dict[str, Any]) -> None:
        try:
            answer = contract.test(SPEC, **given_values)
        except Unfit:
            return
        spoke.append(answer)
        assert answer, given_values

    holds()
    assert spoke


def test_an_operator_that_the_spec_lacks_is_one_line() -> None:
    others = Contracts("Replication", model="ReplicationTiny")
    others.of(log.last_index, operator="NoSuchOperator")(lambda spec: True)
    model = PROJECT.model(others.model)
    with pytest.raises(UnusableInput, match="names NoSuchOperator, which MCReplication does not define"):
        operators_of(load(PROJECT.spec(model), PROJECT.config(model)), others)


def test_without_crosshair_there_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "crosshair", None)
    monkeypatch.chdir(PROJECT.root)
    assert run(["symbolic"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("tlastep: tlastep symbolic: needs the package crosshair-tool")
    assert said.count("\n") == 1


def test_the_command_says_what_is_proved_and_what_is_searched(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(PROJECT.root)
    monkeypatch.setattr(contracts, "all", [NAMED["majority"], NAMED["accept_entries"]])
    assert run(["symbolic", "--json", "--seconds", "0.3"]) == 0
    rows = {row["contract"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["majority"]["result"] == "proved"
    assert rows["accept_entries"]["result"] == "searched"
    assert (
        rows["accept_entries"]["within"]
        == "terms of up to 2, received of up to 2, in one term, commit indexes of up to 4"
    )


def test_what_a_solver_makes_is_not_remembered() -> None:
    made: list[int] = []

    @remembered
    def translate(value: object) -> int:
        made.append(len(made))
        return made[-1]

    value = object()
    with nothing_remembered():
        assert (translate(value), translate(value)) == (0, 1)
    assert (translate(value), translate(value)) == (2, 2)
    with nothing_remembered():
        assert translate(value) == 3
