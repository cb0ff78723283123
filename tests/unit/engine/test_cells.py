"""What is made for one server and runs on cells says what the spec's generators say, and knows when it can't say it."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, cast

import pytest
from tests.property.tampered import record, write
from tests.property.test_recordings import project, schedule
from tests.unit.engine.followed import compiled

from quorumlog_bindings.replication import replication
from tlastep.check import recording
from tlastep.check.recording_files import read_recording
from tlastep.compile import peephole
from tlastep.compile.compiled import CompiledSpec
from tlastep.compile.evaluator import expression
from tlastep.compile.long_runtime import long_helpers
from tlastep.compile.partial import Layout, Partial, located
from tlastep.engine.follower import Claims, Differs, Follower
from tlastep.engine.step_judge import EVERYTHING
from tlastep.errors import UnusableInput
from tlastep.language.standard_modules.arithmetic import NAT
from tlastep.long_sequences import LongSequences
from tlastep.values import Fn, Value, model_value


class Twice(Follower):
    """Takes each step a second time with care, and compares."""

    with_care = 0

    def step(self, action: str, arguments: tuple[Value, ...], claims: Claims | None) -> Differs | None:
        before = self.cells
        differs = super().step(action, arguments, claims)
        after, changed, count = self.cells, self.changed, Twice.with_care
        self.cells = before
        assert super()._with_care(action, arguments, claims) == differs
        assert self.values(self.cells) == self.values(after)
        assert self.changed == changed
        Twice.with_care, self.cells = count, after
        return differs

    def _with_care(self, action: str, arguments: tuple[Value, ...], claims: Claims | None) -> Differs | None:
        Twice.with_care += 1
        return super()._with_care(action, arguments, claims)


@pytest.fixture
def written(tmp_path: Path) -> list[Path]:
    """The recordings of a short run with two crashes."""
    return write(record(schedule(0), tmp_path / "written"), tmp_path)


@pytest.fixture(autouse=True)
def twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """All recordings are followed twice."""
    monkeypatch.setattr(recording, "Follower", Twice)
    monkeypatch.setattr(Twice, "with_care", 0)


def test_every_line_runs_on_cells_and_does_what_generators_do(written: list[Path]) -> None:
    found = recording.validate_files(project(), replication, written)
    assert found.rejection is None, found.rejection.text()
    assert Twice.with_care == 0
    assert {"Crash", "Timeout", "OnAppendReply", "Lose"} <= found.actions.keys()


def test_what_is_said_wrongly_on_cells_is_said_rightly_with_care(
    written: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(cast("dict[str, ast.cmpop]", peephole.ORDER), "at_least", ast.Gt())
    found = recording.validate_files(project(), replication, written)
    assert found.rejection is None, found.rejection.text()
    assert Twice.with_care > 0


# -- expressions -----------------------------------------------------------------------------------------------------

A, B = model_value("a"), model_value("b")
LAYOUT = Layout([("role", A), ("role", B), ("log", A), ("log", B), ("net", None)], [str, str, None, None, frozenset])


@pytest.mark.parametrize(
    ("code", "becomes"),
    [
        ("equal(s.role.mapping[i], 'leader')", "s[0] == 'leader'"),
        ("equal(apply(s.log, i), apply(s.log, i))", "True"),
        ("equal(i, j)", "False"),
        (
            "plus(length(s.log.mapping[i]), 1)",
            "(s[2].count if type(s[2]) is Long else len(s[2]) if type(s[2]) is tuple else slow_length(s[2])) + 1",
        ),
        ("plus(x, y)", "plus(x, y)"),
        ("less(x, 3)", "x < 3"),
        ("union(s.net, set_of(x))", "s[4] | frozenset((x,))"),
        ("all(equal(s.role.mapping[n], 'leader') for n in members(Node))", "s[0] == 'leader' and s[1] == 'leader'"),
        ("member(x, s.net)", "x in s[4]"),
        ("at_least(x, y)", "x >= y if type(x) is int else slow_at_least(x, y)"),
        ("truth(x)", "x is TRUE if type(x) is Bool else slow_truth(x)"),
        (
            "equal(domain(apply(s.log, i)), Node)",
            "s[2].mapping.keys() == Node if type(s[2]) is Fn else slow_equal(domain(s[2]), Node)",
        ),
    ],
)
def test_what_is_known_is_put_in(code: str, becomes: str) -> None:
    partial = Partial(ast.parse(""), {**long_helpers(LongSequences()), "Node": frozenset({A, B})}, LAYOUT)
    made = expression(partial, {"i": A, "j": B}, ast.parse(code, mode="eval").body, {"x": "value", "y": "value"})
    said = ast.unparse(made)
    for name, value in partial.namespace.items():
        said = said.replace(name, str(value)) if name.startswith("known__") else said
    assert set(said.split(" and ")) == set(becomes.split(" and "))


def in_messages(item: Value) -> bool:
    """Whether a value is a message, as the code that is made of it says."""
    namespace = long_helpers(LongSequences())
    made: Any = namespace["RecordSet"]
    votes = made({"type": frozenset({"vote"}), "term": NAT})
    answers = made({"type": frozenset({"answer"}), "to": frozenset({A, B})})
    either: Any = namespace["union"]
    partial = Partial(ast.parse(""), {**namespace, "Messages": lambda: either(votes, answers)}, LAYOUT)
    code = ast.parse("member(x, Messages())", mode="eval").body
    said = expression(partial, {}, code, {"x": "value"})
    assert "contains" not in ast.unparse(said)
    test = partial.made("test", ["x"], [located(ast.Return(said))])
    assert bool(test(item)) == (votes.contains(item) or answers.contains(item))
    return bool(test(item))


@pytest.mark.parametrize(
    ("fields", "is_one"),
    [
        ({"type": "vote", "term": 0}, True),
        ({"type": "answer", "to": A}, True),
        ({"type": "vote", "term": -1}, False),
        ({"type": "vote", "to": A}, False),
        ({"type": "answer", "to": "a"}, False),
        ({"type": "answer", "term": 3}, False),
        ({"type": "vote", "term": 3, "to": A}, False),
        ({"type": "vote"}, False),
        ({"kind": "vote", "term": 3}, False),
    ],
)
def test_messages_of_several_kinds_are_told_from_other_records(fields: dict[Value, Value], is_one: bool) -> None:
    assert in_messages(Fn(fields)) == is_one
    assert not in_messages(("vote", 3))


TEXT = """---- MODULE Kinds ----
EXTENDS Naturals
CONSTANT Node
VARIABLES held, set
Init == held = [n \\in Node |-> 0] /\\ set = {}
Count(n) == held' = [held EXCEPT ![n] = @ + 1] /\\ UNCHANGED set
Name(n) == held' = [held EXCEPT ![n] = "name"] /\\ UNCHANGED set
Choose(n) == \\/ held' = [held EXCEPT ![n] = 7] /\\ UNCHANGED set
             \\/ held' = [held EXCEPT ![n] = 8] /\\ set' = {n}
Next == \\E n \\in Node : Count(n) \\/ Name(n) \\/ Choose(n)
Small == \\A n \\in Node : held[n] \\notin {3}
Nine == \\A n \\in set : held[n] # 9
====
"""


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> CompiledSpec:
    """A spec with a variable that becomes a string, and a step that leads to two states."""
    return compiled(tmp_path_factory.mktemp("kinds"), "Kinds", TEXT, "mn", ["Small", "Nine"])


@pytest.fixture
def follower(spec: CompiledSpec) -> Follower:
    """At the beginning."""
    found = Follower(spec)
    found.begin({"held": Fn({"m": 0, "n": 0}), "set": frozenset()})
    return found


def test_a_cell_that_gets_a_value_of_another_class_is_no_number_any_more(follower: Follower) -> None:
    assert follower.step("Count", ("m",), [("held", "m", 1)]) is None
    assert follower.step("Name", ("m",), [("held", "m", "name")]) is None
    differs = follower.step("Count", ("m",), [("held", "m", "name1")])
    assert differs is not None
    assert "expected a number" in differs.error
    assert follower.step("Count", ("n",), None) is None
    assert follower.part("held", "n") == 1


def test_a_step_that_leads_to_two_states_is_the_one_that_is_claimed(follower: Follower) -> None:
    assert follower.step("Choose", ("m",), [("held", "m", 8), ("set", None, frozenset({"m"}))]) is None
    assert follower.step("Choose", ("m",), [("held", "m", 7)]) is None
    differs = follower.step("Choose", ("n",), [("held", "n", 8)])
    assert differs is not None
    assert len(differs.allowed) == 2


def test_an_invariant_is_false_where_it_is_false(follower: Follower) -> None:
    for count in range(1, 4):
        before = follower.cells
        assert follower.step("Count", ("m",), [("held", "m", count)]) is None
        assert follower.changed != EVERYTHING
        broken = follower.broken(before, follower.changed)
        assert (broken is not None) == (count == 3)


@pytest.mark.parametrize("node", ["m", "n"])
def test_what_is_false_of_one_member_of_a_set_is_false(follower: Follower, node: str) -> None:
    assert follower.step("Choose", (node,), [("held", node, 8), ("set", None, frozenset({node}))]) is None
    for other in ("m", "n", "m", "n", "m"):
        before, count = follower.cells, follower.part("held", other) + 1
        assert follower.step("Count", (other,), [("held", other, count)]) is None
        broken = follower.broken(before, follower.changed)
        assert (broken.result if broken else "") == ("invariant Nine" if (other, count) == (node, 9) else "")
        if broken:
            return
    raise AssertionError("it comes to nine")


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "change",
    [
        lambda text: text.replace(b"}\n{", b"} {", 1),
        lambda text: text.replace(b',"i"', b',\n"i"', 1),
        lambda text: text.replace(b"}\n{", b"} {", 1).replace(b',"i":', b',\n"i":', 1),
        lambda text: text.replace(b'"do":"Sync"', b'"do":"Dance"', 1),
    ],
)
def test_lines_that_are_decoded_at_once_are_lines(tmp_path: Path, change: Any) -> None:
    record(schedule(0), tmp_path)
    path = tmp_path / "a.ndjson"
    whole = path.read_bytes()
    read = replication.recording
    assert read is not None
    assert len(read_recording(path, read).lines) == whole.count(b"\n")
    path.write_bytes(change(whole))
    with pytest.raises(UnusableInput, match="no line of a recording"):
        read_recording(path, read)
