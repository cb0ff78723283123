"""The search in which a value changes only when an answer needs it: against brute force and the search for any object,
on small histories and where many write at once; its bugs are found."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.unit.history import brute
from tests.unit.history.generated import KeyValueObject, Line, Object, RegisterObject, history, spoilt
from tests.unit.history.test_checkers import STEPS, Patch, Plain, own, own_within, read

from tlastep.errors import EvaluationError
from tlastep.history.cell import Cell, Effect
from tlastep.history.checker import search
from tlastep.history.format import INFO, OK, Operation
from tlastep.history.found import NEVER, GaveUp
from tlastep.history.lazily import _Outcome, _Search
from tlastep.history.models import Model, Register, kv, register
from tlastep.history.sequential import SequentialObject
from tlastep.history.values import Json, text_of


class Chained(RegisterObject):
    """A register of three values, mostly compared and set."""

    def ask(self) -> Line:
        f = self.dice.choice(["read", "write", "cas", "cas", "cas"])
        values = [self.dice.randrange(3) for _ in range(2)]
        return {"f": f, "value": {"read": None, "write": values[0], "cas": values}[f]}


class Once(RegisterObject):
    """A register to which no value is written twice; `fs` is what is asked of it."""

    fs: tuple[str, ...] = ("read", "read", "write", "cas")
    asked = 0

    def ask(self) -> Line:
        self.asked += 1
        f = self.dice.choice(self.fs)
        values = [self.value or 0, self.asked]
        return {"f": f, "value": {"read": None, "write": self.asked, "cas": values}[f]}

    def other(self, asked: Line, answer: Any) -> Any:
        return not answer if asked["f"] == "cas" else self.dice.randrange(10)


class OnceWritten(Once):
    """As `Once`, without compare-and-set."""

    fs = ("read", "write")


class Puts(KeyValueObject):
    """A key that is replaced, and never appended to."""

    def ask(self) -> Line:
        asked = super().ask()
        return {**asked, "f": "put" if asked["f"] == "append" else asked["f"], "key": "x"}


MAKERS: dict[str, tuple[Model, Callable[[random.Random], Object]]] = {
    "few values": (register, RegisterObject),
    "chains": (register, Chained),
    "values written once": (register, Once),
    "puts": (kv, Puts),
}


def small(name: str, path: Path, seeds: int) -> list[tuple[Operation, ...]]:
    """Histories that brute force can judge, right and wrong."""
    model, maker = MAKERS[name]
    found = []
    for seed, changes in product(range(seeds), (0, 1, 2)):
        dice = random.Random(seed)
        size, clients, unanswered = dice.randint(2, 8), dice.randint(1, 5), dice.choice([0, 0.2, 0.5])
        lines = history(maker, seed, size, clients, unanswered=unanswered)
        found.append(read(path, model, spoilt(maker, seed, lines, changes) if changes else lines).operations)
    return found


@pytest.mark.parametrize("short", [1_000, 0])
@pytest.mark.parametrize("name", MAKERS)
def test_it_agrees_with_brute_force(name: str, short: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where it is always asked first whether there is an order without what failed."""
    monkeypatch.setattr("tlastep.history.lazily.SHORT", short)
    monkeypatch.setattr("tlastep.history.lazily.SHORT_EACH", short)
    cases = small(name, tmp_path / "history.ndjson", 250)
    truth = [brute.furthest(each) for each in cases]
    assert len(cases) // 10 < len([line for line in truth if line]) < len(cases) * 9 // 10
    assert [own(MAKERS[name][0], each) for each in cases] == truth


@pytest.mark.parametrize("name", ["few values", "chains", "values written once"])
def test_it_agrees_with_the_search_for_any_object(name: str, tmp_path: Path) -> None:
    for seed, changes in product(range(15), (0, 1)):
        maker = MAKERS[name][1]
        lines = history(maker, seed, 60, 4, unanswered=0.05)
        lines = spoilt(maker, seed, lines, changes) if changes else lines
        operations = read(tmp_path / "history.ndjson", register, lines).operations
        assert own(register, operations) == own(Plain(), operations)


def test_effects_are_those_of_the_text() -> None:
    """Each operation with each answer, at each value."""
    values: list[Json] = [None, 0, 1]
    asked: list[tuple[str, Json, Json]] = [("read", None, answer) for answer in values]
    asked += [("write", value, None) for value in values]
    asked += [("cas", list(pair), said) for pair in product(values, values) for said in (True, False, "odd")]
    sequential = SequentialObject(register.spec, register.constants(()))
    for (f, argument, answer), outcome, value in product(asked, (OK, INFO), map(text_of, values)):
        operation = Operation(0, f, "", argument, 1, outcome, 2, answer)
        effect, request = register.effect(operation), register.request(operation)
        if effect is None or (f == "read" and outcome == INFO):
            continue  # a question that nobody has heard the answer of is left out before
        can = effect.needs in (None, value) and effect.refuses != value
        after = request.answer and sequential.after((value,), request.operation, request.answer)
        assert after == ((effect.leaves or value,) if can else None)


def _has_no_horizon(patch: pytest.MonkeyPatch) -> None:
    """Nobody is thought to look at what a write leaves."""
    patch.setattr(Cell, "is_looked_at", lambda self, number, place: False)


def _forgets_who_refuses(patch: pytest.MonkeyPatch) -> None:
    """No compare-and-set is thought to have failed because of a write that nobody reads."""
    patch.setattr(Cell, "is_evaded", lambda self, number, place, waiting: False)


def _forgets_who_is_open_and_looks(patch: pytest.MonkeyPatch) -> None:
    """What nobody has heard of is thought to look at nothing."""
    made = Cell.__init__

    def forgetful(self: Cell, *given: Any) -> None:
        made(self, *given)
        self._first_wanted.clear()

    patch.setattr(Cell, "__init__", forgetful)


def _overwrites_at_once(patch: pytest.MonkeyPatch) -> None:
    """What a write leaves is thought to be gone when the write returns."""
    patch.setattr(Cell, "_horizons", lambda self: self.returns)


def _repeats_what_happened_once(patch: pytest.MonkeyPatch) -> None:
    """What nobody has heard of may happen as often as one likes."""
    run = _Search.run

    def once(self: _Search, steps: int) -> _Outcome | None:
        found = run(self, steps)
        return found and _Outcome(found.order, found.is_found, found.reached, found.beyond, repeats=False)

    patch.setattr(_Search, "run", once)


def _forgets_what_is_open(patch: pytest.MonkeyPatch) -> None:
    """What nobody has heard of is left out."""
    patch.setattr(_Search, "_open_now", lambda self, node: [])


def _forgets_the_value(patch: pytest.MonkeyPatch) -> None:
    """The same operations done count as explored, whatever the value is."""
    new = _Search._is_new
    patch.setattr(_Search, "_is_new", lambda self, node: new(self, node._replace(value=0)))


def _loses_what_is_left_again(patch: pytest.MonkeyPatch) -> None:
    """A value that was left never comes back."""
    patch.setattr(Cell, "is_left", lambda self, value, before, place, used: place == 0)


EVADED: list[Line] = [
    {"process": 0, "type": "invoke", "f": "write", "value": 1},
    {"process": 1, "type": "invoke", "f": "write", "value": 2},
    {"process": 1, "type": "ok", "f": "write", "value": None},
    {"process": 1, "type": "invoke", "f": "cas", "value": [2, 3]},
    {"process": 1, "type": "ok", "f": "cas", "value": False},
    {"process": 0, "type": "ok", "f": "write", "value": None},
]
"""The write that nobody reads comes second, or the compare-and-set would not fail."""
OPENED: list[Line] = [
    {"process": 0, "type": "invoke", "f": "write", "value": 1},
    {"process": 1, "type": "invoke", "f": "cas", "value": [1, 2]},
    {"process": 2, "type": "invoke", "f": "read", "value": None},
    {"process": 2, "type": "ok", "f": "read", "value": 2},
    {"process": 0, "type": "ok", "f": "write", "value": None},
]
"""Only the compare-and-set that nobody has heard of looks at what is written."""


def _leaves_writes_out(patch: pytest.MonkeyPatch) -> None:
    """With what failed what was only written is left out."""
    patch.setattr("tlastep.history.lazily.SHORT", 0)
    patch.setattr("tlastep.history.lazily.SHORT_EACH", 0)
    effect = Register.effect

    def refuses(self: Register, operation: Operation) -> Effect | None:
        return effect(self, operation) if operation.f != "write" else Effect(refuses="", leaves=self.leaves(operation))

    patch.setattr(Register, "effect", refuses)


BUGS = (
    _leaves_writes_out,
    _has_no_horizon,
    _forgets_who_refuses,
    _forgets_who_is_open_and_looks,
    _overwrites_at_once,
    _repeats_what_happened_once,
    _forgets_what_is_open,
    _forgets_the_value,
    _loses_what_is_left_again,
)


@pytest.mark.parametrize("bug", BUGS, ids=lambda each: each.__name__)
def test_a_bug_in_the_search_is_found(bug: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "history.ndjson"
    cases = [each for name in ("few values", "chains") for each in small(name, path, 250)]
    cases += [read(path, register, lines).operations for lines in (EVADED, OPENED)]
    bug(monkeypatch)
    assert any(_said(each) != brute.furthest(each) for each in cases)


def _said(operations: tuple[Operation, ...]) -> int:
    """The line at which every order fails, or -1 if the search noticed that what it had found is no order."""
    try:
        return own(register, operations)
    except EvaluationError:
        return -1


class _NeedsNothing(Register):
    """A register whose reads are said to find anything."""

    def effect(self, operation: Operation) -> Effect | None:
        return Effect(refuses="never written") if operation.f == "read" else super().effect(operation)


def test_an_order_is_checked_by_the_text(tmp_path: Path) -> None:
    wrong = [
        {"process": 0, "type": "invoke", "f": "read", "value": None},
        {"process": 0, "type": "ok", "f": "read", "value": 1},
    ]
    with pytest.raises(EvaluationError, match="no such order: read → 1 of line 1 can't be here"):
        own(_NeedsNothing(), read(tmp_path / "history.ndjson", register, wrong).operations)


def crowd(
    maker: Callable[[random.Random], Object], unanswered: float, wrong: str, path: Path, size: int = 2_000
) -> tuple[Operation, ...]:
    """Fifty clients at one register, all at once; a read in the middle is maybe wrong."""
    lines = history(maker, 7, size, 50, unanswered=unanswered, failing=0)
    reads = [index for index, each in enumerate(lines) if each["type"] == "ok" and each["f"] == "read"]
    at = reads[len(reads) // 2]
    if wrong:
        lines[at] = {**lines[at], "value": "never" if wrong == "unwritten" else lines[reads[0]]["value"]}
    return read(path, register, lines).operations


@pytest.mark.parametrize("unanswered", [0, 0.02])
@pytest.mark.parametrize("maker", [RegisterObject, Once, OnceWritten])
def test_many_who_write_at_once_are_judged(
    maker: Callable[[random.Random], Object], unanswered: float, tmp_path: Path
) -> None:
    assert own_within(STEPS, register, crowd(maker, unanswered, "", tmp_path / "history.ndjson")) == 0
    assert own_within(STEPS, register, crowd(maker, unanswered, "unwritten", tmp_path / "history.ndjson")) > 0


@pytest.mark.parametrize("unanswered", [0, 0.02])
def test_a_read_that_is_late_is_found(unanswered: float, tmp_path: Path) -> None:
    operations = crowd(OnceWritten, unanswered, "late", tmp_path / "history.ndjson")
    assert own_within(STEPS, register, operations) > 0


def test_the_search_for_any_object_does_not_end_there(tmp_path: Path) -> None:
    with pytest.raises(GaveUp):
        own_within(STEPS, Plain(), crowd(OnceWritten, 0, "", tmp_path / "history.ndjson"))


def test_supposing_that_all_can_happen_often_is_what_refutes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = history(RegisterObject, 3, 400, 10, unanswered=0.2, failing=0)
    reads = [index for index, each in enumerate(lines) if each["type"] == "ok" and each["f"] == "read"]
    lines[reads[-1]]["value"] = "never"
    operations = read(tmp_path / "history.ndjson", register, lines).operations
    monkeypatch.setattr(Cell, "first_impossible", lambda self: NEVER)
    assert own_within(STEPS, register, operations) == reads[-1] + 1


def test_a_search_that_is_stopped_says_how_far_it_got(tmp_path: Path) -> None:
    operations = crowd(OnceWritten, 0, "unwritten", tmp_path / "history.ndjson", 6_000)
    (found,) = search(register, operations, lambda: True)
    assert 0 < found.ordered < found.stuck - 1
    told = {each.line for each in operations if each.outcome == OK and each.completed <= found.ordered}
    assert told <= {each.line for each in found.order}
