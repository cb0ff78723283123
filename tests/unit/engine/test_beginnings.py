"""What is often said of beginnings of sequences is said quickly, and is what the longer formula says."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
from tests.unit.engine.test_long_sequences import walk

from tlastep.compile import everywhere
from tlastep.compile.all_places import AllPlaces
from tlastep.compile.compiled import compile_spec
from tlastep.compile.evaluator import expression
from tlastep.compile.long_runtime import long_helpers
from tlastep.compile.partial import Layout, Partial
from tlastep.engine.follower import Follower
from tlastep.errors import EvaluationError, Place
from tlastep.language.config import Config, Name
from tlastep.language.xml_reader import read_spec
from tlastep.long_sequences import LongSequences
from tlastep.toolchain import sany
from tlastep.values import Fn, Value

BOUNDED = """---- MODULE Bounded ----
EXTENDS Naturals, Sequences
CONSTANT Node
VARIABLES log
Init == log = [n \\in Node |-> <<>>]
Add(n, x) == log' = [log EXCEPT ![n] = Append(@, x)]
Next == \\E n \\in Node, x \\in 0 .. 9 : Add(n, x)
Small == \\A n \\in Node : \\A k \\in 1 .. Len(log[n]) : log[n][k] < 9
Bounded == \\A n \\in Node : \\A k \\in 1 .. Len(log[n]) : log[n][k] + Len(log[n]) < 20
====
"""


def quiet(code: str) -> str:
    """Code of the two cells of a state, as it is written out."""
    layout = Layout([("log", "a"), ("log", "b")])
    partial = Partial(ast.parse(""), long_helpers(LongSequences()), layout)
    return ast.unparse(expression(partial, {}, ast.parse(code, mode="eval").body, {}))


@pytest.mark.parametrize("seed", range(6))
def test_a_sequence_begins_with_another_or_with_a_part_of_it(seed: int) -> None:
    long, known = walk(seed)
    helpers: dict[str, Any] = long_helpers(long)
    is_begun, is_prefix_begun = helpers["is_begun"], helpers["is_prefix_begun"]
    found = set()
    for items, made in known[-40:]:
        for others, its in known[-40:]:
            assert is_begun(made, its) == (others[: len(items)] == items)
            for count in {0, 7, 8, 9, len(items) // 2, len(items)} & set(range(len(items) + 1)):
                holds = others[:count] == items[:count]
                assert is_prefix_begun(made, count, its) == holds
                found.add(holds)
            with pytest.raises(EvaluationError):
                is_prefix_begun(made, len(items) + 1, its)
    assert found == {True, False}


def test_these_formulas_are_found_where_they_are_written() -> None:
    its, ours = "length(s.log['a'])", "length(s.log['b'])"
    begins = f"at_most({its}, {ours}) and equal(subsequence(s.log['b'], 1, {its}), s.log['a'])".replace(
        "s.log['a']", "apply(s.log, 'a')"
    ).replace("s.log['b']", "apply(s.log, 'b')")
    assert quiet(begins) == "is_begun(s[0], s[1])"
    assert "is_begun" not in quiet(begins.replace("at_most", "at_least"))
    assert "is_begun" not in quiet(begins.replace("'b'), 1", "'a'), 1"))


def test_it_is_seen_how_far_a_formula_reads() -> None:
    def reads_up_to(code: str) -> bool:
        return everywhere.reads_up_to(ast.parse(code, mode="eval").body, "k")

    assert reads_up_to("apply(t[1], k) == 3 or alike(t[1], k, t[2], k)")
    assert reads_up_to("length(prefix(t[1], k)) < apply(t[2], k)")
    for further in ("length(t[1])", "apply(t[1], k + 1)", "apply(t[1], j)", "alike(t[1], k, t[2], j)", "t[1] is t[2]"):
        assert not reads_up_to(f"apply(t[1], k) == 3 or {further}")


def test_what_is_said_of_each_place_is_looked_at_once() -> None:
    long = LongSequences()
    places, known, looked = AllPlaces(long), {}, []  # type: ignore[var-annotated]  # filled below

    def small(log: Any) -> bool:
        def body(place: int) -> bool:
            looked.append(place)
            return bool(tuple(log)[place - 1] < 50)

        return places.each(known, len(log), body, (log,))

    log = long.of(range(20))
    assert small(log)
    assert small(long.appended(log, 20))
    assert looked == list(range(1, 22))
    assert not small(long.appended(long.prefix(log, 15), 50))
    assert looked[21:] == [16]
    assert not small((60, 1))


def followed(folder: Path) -> list[str]:
    """What is broken after each of some steps."""
    path = folder / "Bounded.tla"
    path.write_text(BOUNDED, encoding="utf-8")
    place = Place(str(path))
    names = [Name("Small", place), Name("Bounded", place)]
    constants: dict[Name, Value] = {Name("Node", place): frozenset({"a", "b"})}
    config = Config(path, constants, init=Name("Init", place), next=Name("Next", place), invariants=names)
    follower = Follower(compile_spec(read_spec(sany.parse(path)), config, long_helpers(LongSequences())))
    follower.begin({"log": Fn({"a": (), "b": ()})})
    found = []
    for item in (1, 2, 8, 1, 1, 1, 1, 1, 1, 1, 1, 1, 9):
        before = follower.cells
        assert follower.step("Add", ("a", item), None) is None
        broken = follower.broken(before, follower.changed)
        found.append(broken.result if broken else "")
    return found


def test_an_invariant_that_looks_at_the_whole_is_asked_again_at_each_place(tmp_path: Path) -> None:
    assert followed(tmp_path) == [""] * 11 + ["invariant Bounded", "invariant Small"]


def test_and_would_be_missed_if_it_were_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(everywhere, "reads_up_to", lambda *_: True)
    assert followed(tmp_path)[11] == ""


def test_a_set_of_constants_is_made_once_and_no_other_is_taken_for_it() -> None:
    partial = Partial(
        ast.parse(""), {**long_helpers(LongSequences()), "A": frozenset({1}), "B": frozenset({2})}, Layout(())
    )

    def made(of: str) -> str:
        found = partial.folded("sequences_of", [ast.parse(of, mode="eval").body])
        assert found is not None
        return ast.unparse(found)

    assert made("A") == made("A")
    assert made("A") != made("B")
    assert partial.namespace[made("B")].contains((2,))
    assert not partial.namespace[made("A")].contains((2,))
