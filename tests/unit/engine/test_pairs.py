"""What says the same of two values in either order is asked once of them; what does not is asked twice."""

from __future__ import annotations

import pytest
from tests.unit.engine.followed import compiled

from tlastep.compile.cells import Asked
from tlastep.compile.compiled import CompiledSpec
from tlastep.compile.symmetric import Pairs
from tlastep.engine.follower import Follower
from tlastep.values import Fn

OPERATORS = """
def Minimum(a, b):
    if less(a, b):
        return a
    return b

def Second(a, b):
    if less(a, b):
        return b
    return b

def Other(a, b):
    if less(a, 1):
        return a
    return b
"""


@pytest.mark.parametrize(
    ("code", "can_be"),
    [
        ("equal(apply(s.x, i), apply(s.x, j))", True),
        ("equal(Minimum(apply(s.x, i), apply(s.x, j)), 3)", True),
        ("all((not equal(Part(i, k), Part(j, k)) or equal(i, j)) for k in numbers(1, Minimum(N(i), N(j))))", True),
        ("less(apply(s.x, i), apply(s.x, j))", False),
        ("equal(apply(s.x, i), apply(s.y, j))", False),
        ("equal(Second(i, j), 3)", False),
        ("equal(Other(i, j), 3)", False),
        ("equal(plus(i, j), 3)", False),
        ("(equal(i, 1) or equal(j, 1))", False),
        ("(equal(i, 1) and equal(j, 1))", False),
        ("equal(apply(s.x, i), 1)", False),
        ("all(equal(apply(s.x, i), apply(s.x, j)) for i in numbers(1, 2))", False),
    ],
)
def test_that_values_can_be_exchanged_is_seen_from_the_text(code: str, can_be: bool) -> None:
    assert (Pairs(OPERATORS).exchanged(code, ("i", "j")) is not None) == can_be


def test_of_a_pair_it_is_asked_once() -> None:
    said, other = "equal(apply(s.x, i), apply(s.x, j))", "less(apply(s.x, i), apply(s.x, j))"
    bound = [{"i": one, "j": two, "k": three} for one in (1, 2) for two in (1, 2) for three in (1, 2)]
    both = [Asked(each, code) for code in (said, other) for each in bound]
    left = Pairs(OPERATORS).once(both)
    assert len(both) == 16
    assert [each for each in both if each not in left] == [
        Asked({"i": 2, "j": 1, "k": 1}, said),
        Asked({"i": 2, "j": 1, "k": 2}, said),
    ]
    of_steps = [Asked(each, said, of_step=True) for each in bound]
    assert len(Pairs(OPERATORS).once([*both, *of_steps])) == 14 + 6


TEXT = """---- MODULE Pairs ----
EXTENDS Naturals
CONSTANT Node
VARIABLE held
Init == held = [n \\in Node |-> 0]
Hold(n, x) == held' = [held EXCEPT ![n] = x]
Next == \\E n \\in Node, x \\in 0 .. 9 : Hold(n, x)
Apart == \\A m, n \\in Node : held[m] = held[n] \\/ ~ (held[m] + 0 = held[n] + 3)
Near == \\A m, n \\in Node : held[m] <= held[n] + 5
====
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> CompiledSpec:
    """A spec with an invariant that is false of pairs in one order only."""
    return compiled(tmp_path_factory.mktemp("pairs"), "Pairs", TEXT, "mn", ["Apart", "Near"])


def broken(spec: CompiledSpec, node: str, value: int) -> str:
    """What does not hold after one step."""
    follower = Follower(spec)
    follower.begin({"held": Fn({"m": 0, "n": 0})})
    before = follower.cells
    assert follower.step("Hold", (node, value), [("held", node, value)]) is None
    found = follower.broken(before, follower.changed)
    return found.result if found else ""


@pytest.mark.parametrize("node", ["m", "n"])
def test_what_is_false_of_a_pair_in_one_order_is_found(spec: CompiledSpec, node: str) -> None:
    assert broken(spec, node, 4) == ""
    assert broken(spec, node, 3) == "invariant Apart"
    assert broken(spec, node, 6) == "invariant Near"


def test_it_would_not_be_found_if_all_could_be_exchanged(spec: CompiledSpec, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Pairs, "_can_be", lambda *_: True)
    assert "" in {broken(spec, node, 6) for node in ("m", "n")}
