"""A behaviour is followed as the oracle would: on random recordings both say the same, and errors are found."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.unit.engine.followed import compiled

from tlastep.compile.compiled import CompiledSpec
from tlastep.compile.direct import directly
from tlastep.engine.follower import Follower
from tlastep.engine.step_judge import EVERYTHING
from tlastep.long_sequences import LongSequences
from tlastep.recorded import Update
from tlastep.values import Fn, Value

TEXT = """---- MODULE Followed ----
EXTENDS Naturals, Sequences
CONSTANT Node
VARIABLES log, count, bag, told
Init == log = [n \\in Node |-> <<>>] /\\ count = 0 /\\ bag = [x \\in {} |-> 0] /\\ told = 0
Add(n, x) ==
    LET last == log[n][Len(log[n])] IN
    /\\ log' = [log EXCEPT ![n] = Append(@, IF Len(log[n]) > 0 THEN x + last - last ELSE x)]
    /\\ count' = count + 1
    /\\ UNCHANGED <<bag, told>>
Put(x) == bag' = [y \\in DOMAIN bag \\cup {x} |-> 1] /\\ UNCHANGED <<log, count, told>>
Broken(n) == count' = log[n][1] + 1 /\\ UNCHANGED <<log, bag, told>>
Tell(x) == told' = x /\\ UNCHANGED <<log, count, bag>>
Next == (\\E n \\in Node, x \\in 0 .. 9 : Add(n, x)) \\/ (\\E x \\in 0 .. 9 : Put(x)) \\/ (\\E n \\in Node : Broken(n))
        \\/ (\\E x \\in {"x"} : Tell(x))
Alike == \\A m, n \\in Node : \\A k \\in 1 .. (IF Len(log[m]) < Len(log[n]) THEN Len(log[m]) ELSE Len(log[n])) :
    log[m][k] = log[n][k] \\/ log[m][k] + log[n][k] < 12
Counted == count < 30
CountGrows == [][count' >= count]_count
====
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> CompiledSpec:
    """The spec, for states with long sequences."""
    folder = tmp_path_factory.mktemp("followed")
    return compiled(folder, "Followed", TEXT, "ab", ["Alike", "Counted"], ["CountGrows"])


@pytest.fixture
def follower(spec: CompiledSpec) -> Follower:
    """At the beginning."""
    found = Follower(spec)
    found.begin({"log": Fn({"a": (), "b": ()}), "count": 0, "bag": (), "told": 0})
    return found


def add(follower: Follower, node: str, item: int) -> str:
    """Adds an item, and what is broken then."""
    before = follower.state
    log = (*before.log.mapping[node], item)
    cells, count = follower.cells, before.count + 1
    assert follower.step("Add", (node, item), None) is None
    assert tuple(follower.state.log.mapping[node]) == log
    assert follower.state.count == count
    broken = follower.broken(cells, follower.changed)
    return broken.result if broken else ""


LONG = LongSequences()


def test_steps_are_compared_with_what_is_claimed(follower: Follower) -> None:
    assert follower.step("Add", ("a", 3), [("log", "a", (3,)), ("count", None, 1)]) is None
    assert follower.step("Add", ("a", 4), [("log", "a", (3, 4)), ("count", None, 2), ("log", "b", ())]) is None
    cells = follower.cells
    wrong: list[list[Update]] = [
        [("log", "a", (3, 4, 5)), ("count", None, 2)],
        [("log", "a", (3, 4, 5))],
        [("log", "a", (3, 4, 5)), ("count", None, 3), ("log", "b", (1,))],
        [("log", "a", (3, 4, 5)), ("count", None, 3), ("other", None, 1)],
    ]
    for claims in wrong:
        differs = follower.step("Add", ("a", 5), claims)
        assert differs is not None
        assert len(differs.allowed) == 1
        assert follower.cells is cells
    refused = follower.step("Add", ("z", 5), [])
    assert refused is not None
    assert refused.allowed == []


def test_a_step_without_a_value_says_so(follower: Follower) -> None:
    differs = follower.step("Broken", ("b",), [("count", None, 1)])
    assert differs is not None
    assert "Followed:" in differs.error
    assert add(follower, "b", 4) == ""
    assert follower.step("Broken", ("b",), [("count", None, 5)]) is None


@pytest.mark.parametrize("unsaid", [(), ("count", "told")])
def test_what_changes_is_known_whether_it_is_claimed_or_nobody_says_it(
    spec: CompiledSpec, unsaid: tuple[str, ...]
) -> None:
    """Properties that read it are asked, and its class is no longer taken to be what it was."""
    follower = Follower(spec, unsaid)
    follower.begin({"log": Fn({"a": (), "b": ()}), "count": 0, "bag": (), "told": 0})

    def steps(action: str, arguments: tuple[Value, ...], *claims: Update) -> str:
        cells = follower.cells
        said = [each for each in claims if each[0] not in unsaid]
        assert follower.step(action, arguments, said) is None
        broken = follower.broken(cells, follower.changed)
        return broken.result if broken else ""

    for count, log in enumerate([(0,), (0, 0), (0, 0, 0)], start=1):
        assert steps("Add", ("a", 0), ("log", "a", log), ("count", None, count)) == ""
    assert steps("Broken", ("a",), ("count", None, 1)) == "property CountGrows"
    place = follower.places["told"][None]
    assert follower.layout.kinds[place] is int
    assert steps("Tell", ("x",), ("told", None, "x")) == ""
    assert follower.layout.kinds[place] is None


def test_a_function_that_gets_another_domain_is_one_part_from_then_on(follower: Follower) -> None:
    assert follower.step("Put", (5,), [("bag", None, Fn({5: 1}))]) is None
    assert follower.step("Put", (6,), [("bag", None, Fn({5: 1, 6: 1}))]) is None
    assert follower.step("Put", (7,), [("bag", None, Fn({5: 1, 6: 1}))]) is not None


def test_an_invariant_about_all_places_is_found_false_at_a_new_one(follower: Follower) -> None:
    for item in (1, 2, 3, 4, 5, 6, 1, 2, 3, 9):
        assert add(follower, "a", item) == ""
    for item in (1, 2, 3, 4, 5, 6, 1, 2, 3):
        assert add(follower, "b", item) == ""
    assert add(follower, "b", 8) == "invariant Alike"


def test_every_state_is_judged(follower: Follower) -> None:
    for _ in range(29):
        assert add(follower, "a", 1) == ""
    assert add(follower, "a", 1) == "invariant Counted"
    assert follower.broken(follower.cells, EVERYTHING) is not None


def test_direct_code_makes_no_promises(spec: CompiledSpec) -> None:
    code = directly(spec.source, "exec")
    assert "Lazy" in spec.source
    assert "Lazy" not in code
    assert "now(" not in code


MEMBERS = """---- MODULE Members ----
EXTENDS Naturals
CONSTANT Node
VARIABLES few, many
Init == few = {} /\\ many = {}
Add(x, y) == few' = few \\cup {x} /\\ many' = many \\cup {y}
Next == \\E x, y \\in 0 .. 99 : Add(x, y)
Small == \\A x \\in few : x < 10
Even == \\A x \\in few : x % 2 = 0
Large == \\A x \\in many : x < 50
Lucky == \\A y \\in many : y # 13
====
"""


def test_what_is_said_of_the_members_of_sets_is_asked_of_the_new_ones_of_each(tmp_path: Path) -> None:
    spec = compiled(tmp_path, "Members", MEMBERS, "ab", ["Small", "Large", "Even", "Lucky"])
    for wrong, name in [
        ((10, 1), "Small"),
        ((3, 1), "Even"),
        ((6, 50), "Large"),
        ((6, 13), "Lucky"),
        ((2, 13), "Lucky"),
        ((8, 49), ""),
    ]:
        follower = Follower(spec)
        follower.begin({"few": frozenset(), "many": frozenset()})
        for number, pair in enumerate([(2, 3), (2, 5), (4, 3), (4, 3), wrong], start=1):
            cells = follower.cells
            assert follower.step("Add", pair, None) is None
            broken = follower.broken(cells, follower.changed)
            assert (broken.result if broken else "") == (f"invariant {name}" if number == 5 and name else "")
