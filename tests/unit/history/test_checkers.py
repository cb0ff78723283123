"""The two checkers against each other and against brute force, on histories right and wrong; bugs in one are found."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable
from itertools import product
from pathlib import Path
from time import sleep
from typing import Any

import pytest
from tests.unit.history import brute
from tests.unit.history.generated import OBJECTS, KeyValueObject, LedgerObject, Line, history, spoilt, write

from quorumlog_bindings.histories import Ledger, ledger
from tlastep.history import porcupine
from tlastep.history.amounts import Amounts, Need
from tlastep.history.cell import Effect
from tlastep.history.checker import search
from tlastep.history.format import History, Operation, read_history
from tlastep.history.found import PATIENCE, Found, GaveUp
from tlastep.history.judge import judge
from tlastep.history.models import KeyValue, Model, Register, kv, register
from tlastep.history.porcupine import Run, judge_all
from tlastep.history.sequential import SequentialObject
from tlastep.values import Value

MODELS: dict[str, Model] = {"register": register, "kv": kv, "ledger": ledger}
HISTORIES = 400  # of each model, each once right and twice spoilt


def read(path: Path, model: Model, lines: list[Line]) -> History:
    return read_history(write(path, lines), model.functions, keyed=model.keyed)


def small(name: str, path: Path, count: int) -> list[tuple[bool, tuple[Operation, ...]]]:
    """Histories that brute force can judge, and of each whether it is certainly right."""
    found = []
    for seed, changes in product(range(count), (0, 1, 2)):
        dice = random.Random(seed)
        size, processes, unanswered = dice.randint(3, 9), dice.randint(1, 4), dice.choice([0, 0.2, 0.5])
        lines = history(OBJECTS[name], seed, size, processes, unanswered=unanswered)
        lines = spoilt(OBJECTS[name], seed, lines, changes) if changes else lines
        found.append((not changes, read(path, MODELS[name], lines).operations))
    return found


def own(model: Model, operations: tuple[Operation, ...]) -> int:
    """The line at which every order fails, by our own checker; 0 if there is none."""
    return min((each.stuck for each in search(model, operations) if each.stuck), default=0)


@pytest.mark.parametrize("name", MODELS)
def test_both_checkers_agree_with_brute_force(name: str, tmp_path: Path) -> None:
    cases = small(name, tmp_path / "history.ndjson", HISTORIES)
    truth = [brute.furthest(operations) for _, operations in cases]
    assert [line for (right, _), line in zip(cases, truth, strict=True) if right and line] == []
    assert len([line for line in truth if line]) > len(cases) // 20
    assert [own(MODELS[name], operations) for _, operations in cases] == truth
    judged = judge_all(MODELS[name], [operations for _, operations in cases])
    assert [each.stuck for each in judged] == truth
    assert [each.result for each in judged] == ["violation" if line else "ok" for line in truth]


@pytest.mark.parametrize("name", MODELS)
def test_both_checkers_agree_on_longer_histories(name: str, tmp_path: Path) -> None:
    cases = []
    for seed, changes in product(range(20), (0, 1)):
        lines = history(OBJECTS[name], seed, 120, 4, unanswered=0.03)
        lines = spoilt(OBJECTS[name], seed, lines, changes) if changes else lines
        cases.append(read(tmp_path / "history.ndjson", MODELS[name], lines).operations)
    assert [own(MODELS[name], each) for each in cases] == [each.stuck for each in judge_all(MODELS[name], cases)]


class Plain(Register):
    """A register of whose operations nothing is known but what its text says, so that it is searched as any object."""

    def effect(self, operation: Operation) -> Effect | None:
        return None


class _SwapsAll(Plain):
    """A model that says that any two operations may change places."""

    def swaps(self, first: Operation, second: Operation) -> bool:
        return True


class _LooksAlways(Plain):
    """A model that says that no operation changes anything."""

    def only_looks(self, operation: Operation) -> bool:
        return True


class _LosesAll(Plain):
    """A model that says that nothing is left of an operation once another one happens."""

    def is_lost(self, first: Operation, second: Operation) -> bool:
        return True


class _ForgetsLacks(Ledger):
    """A ledger whose withdrawals are said not to look at what deposits change."""

    def swaps(self, first: Operation, second: Operation) -> bool:
        return super().swaps(first, second) or {first.f, second.f} == {"deposit", "withdraw"}

    def amounts(self, operation: Operation) -> Amounts | None:
        return None  # or nobody would ask what may change places


class _Fades(Plain):
    """A register in which nothing but reads is said to look at the value, though a compare-and-set does."""

    fades = True


class _LeavesNothing(Plain):
    """A register in which no operation is said to leave a value of its own."""

    def leaves(self, operation: Operation) -> Value | None:
        return None


class _EndsThere(KeyValue):
    """Keys whose questions are said to need the very value that is there, though more may be appended."""

    def leads_to(self, value: Value, question: Operation) -> bool:
        return self.request(question).answer == value


class _GivesAway(Ledger):
    """A ledger whose transfers are said to leave alone the account that they go to."""

    def amounts(self, operation: Operation) -> Amounts | None:
        found = super().amounts(operation)
        return found and Amounts({name: added for name, added in found.adds.items() if added < 0}, found.needs)


class _NeedsMore(Ledger):
    """A ledger whose totals are said to need one more than they find."""

    def amounts(self, operation: Operation) -> Amounts | None:
        found = super().amounts(operation)
        if found is None or operation.f != "total":
            return found
        return Amounts({}, tuple(Need(each.name, each.least + 1, each.most + 1) for each in found.needs))


CLAIMS = (
    _GivesAway(),
    _NeedsMore(),
    _SwapsAll(),
    _LooksAlways(),
    _LosesAll(),
    _ForgetsLacks(),
    _Fades(),
    _LeavesNothing(),
    _EndsThere(),
)


@pytest.mark.parametrize("model", CLAIMS, ids=lambda each: type(each).__name__)
def test_a_model_that_claims_too_much_is_found_out(model: Model, tmp_path: Path) -> None:
    cases = small(model.name, tmp_path / "history.ndjson", 250)
    assert any(own(model, operations) != brute.furthest(operations) for _, operations in cases)


Patch = Callable[[pytest.MonkeyPatch], None]


def _forgets_states(patch: pytest.MonkeyPatch) -> None:
    """What was reached once counts as explored, whatever state it was in."""
    patch.setattr("tlastep.history.checker._Search._is_new", lambda self, node: _once(self, node.base, node.done))


def _once(self: Any, *key: int) -> bool:
    seen: set[tuple[int, ...]] = self.__dict__.setdefault("once", set())
    new = key not in seen
    seen.add(key)
    return new


def _takes_any_answer(patch: pytest.MonkeyPatch) -> None:
    """The object does whatever it is told that it did."""
    after = SequentialObject.after
    patch.setattr(SequentialObject, "after", lambda self, state, *asked: after(self, state, *asked) or state)


def _drops_open(patch: pytest.MonkeyPatch) -> None:
    """Operations that nobody has heard the answer of are left out."""
    patch.setattr("tlastep.history.checker._Search._open_done", lambda self, node: iter(()))


@pytest.mark.parametrize("bug", [_forgets_states, _takes_any_answer, _drops_open], ids=lambda each: each.__name__)
def test_a_bug_in_our_checker_is_found(bug: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bug(monkeypatch)
    cases = small("register", tmp_path / "history.ndjson", 250)
    assert any(own(Plain(), operations) != brute.furthest(operations) for _, operations in cases)


def test_checkers_that_disagree_are_a_bug_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _takes_any_answer(monkeypatch)
    wrong = [
        {"process": 0, "type": "invoke", "f": "read", "value": None},
        {"process": 0, "type": "ok", "f": "read", "value": 1},
    ]
    with pytest.raises(AssertionError, match="disagree"):
        judge(Plain(), read(tmp_path / "history.ndjson", register, wrong))


def test_whoever_is_done_first_is_believed(tmp_path: Path) -> None:
    """Our own checker is told to stop once porcupine has been done for a while, and porcupine's word stands."""

    def slow(model: Model, operations: tuple[Operation, ...], stop: Callable[[], bool]) -> list[Found]:
        while not stop():
            sleep(0.01)
        raise GaveUp

    right = read(tmp_path / "history.ndjson", register, history(OBJECTS["register"], 1, 30, 3))
    verdict = judge(register, right, own=slow)
    assert (verdict.result, dict(verdict.checkers)) == ("ok", {"porcupine": "ok", "own": "unknown"})


@pytest.mark.parametrize("name", MODELS)
def test_ten_thousand_operations_are_judged(name: str, tmp_path: Path) -> None:
    maker = (lambda dice: LedgerObject(dice, "abcdefgh", 50)) if name == "ledger" else OBJECTS[name]
    lines = history(maker, 3, 10_000, 4, unanswered=0, failing=0.01)
    found = read(tmp_path / "history.ndjson", MODELS[name], lines)
    assert own(MODELS[name], found.operations) == 0
    last = max(
        index for index, line in enumerate(lines) if line["type"] == "ok" and line["f"] in ("read", "get", "total")
    )
    lines[last] = {**lines[last], "value": "never"}
    assert own(MODELS[name], read(tmp_path / "history.ndjson", MODELS[name], lines).operations) == last + 1


STEPS = 60_000


@pytest.mark.parametrize("wrong", [False, True])
def test_appends_of_many_clients_at_once_are_judged(wrong: bool, tmp_path: Path) -> None:
    """Without looking ahead, or knowing pieces, each key has as many orders as its appends, and no search ends."""
    cases = [crowded(seed, wrong, tmp_path / "history.ndjson") for seed in range(3)]
    assert [own_within(STEPS, kv, each) > 0 for each in cases] == [wrong] * len(cases)


def test_looking_ahead_is_what_ends_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeyValue, "joins", lambda self, operation: None)
    assert own_within(STEPS, kv, crowded(0, True, tmp_path / "history.ndjson")) > 0
    monkeypatch.setattr(KeyValue, "one_value", False)
    with pytest.raises(GaveUp):
        own_within(STEPS, kv, crowded(0, True, tmp_path / "history.ndjson"))


@pytest.mark.parametrize("wrong", [False, True])
def test_money_moved_by_many_clients_at_once_is_judged(wrong: bool, tmp_path: Path) -> None:
    """Of twenty-four operations that are open at once, those are found that an answer needs before it."""
    cases = [moved(seed, wrong, tmp_path / "history.ndjson") for seed in range(2)]
    assert [own_within(STEPS, ledger, each) > 0 for each in cases] == [wrong] * len(cases)


def test_knowing_why_is_what_ends_the_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    case = moved(0, False, tmp_path / "history.ndjson")
    monkeypatch.setattr(Ledger, "amounts", lambda self, operation: None)
    with pytest.raises(GaveUp):
        own_within(STEPS, ledger, case)


def test_porcupine_finds_the_key_without_an_order_however_long_others_take(tmp_path: Path) -> None:
    crowd = history(Crowd, 0, 600, 24, unanswered=0, failing=0)
    wrong = {"process": 99, "f": "get", "key": "other"}
    lines = [*crowd, {**wrong, "type": "invoke", "value": None}, {**wrong, "type": "ok", "value": "never"}]
    run = Run(kv, read(tmp_path / "history.ndjson", kv, lines).operations, 60)
    try:
        assert run.result(60).result == "violation"
    finally:
        run.end()


def test_porcupine_is_not_asked_about_more_than_it_has_room_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = read(tmp_path / "history.ndjson", register, history(OBJECTS["register"], 1, 30, 3, unanswered=0, failing=0))
    monkeypatch.setattr(porcupine, "LARGEST", 29)
    verdict = judge(register, right)
    assert (verdict.result, dict(verdict.checkers)) == ("ok", {"porcupine": "missing", "own": "ok"})
    assert verdict.missing == "porcupine is not asked: 30 operations on one object are more than 29"
    monkeypatch.setattr(porcupine, "LARGEST", 30)
    assert judge(register, right).missing == ""


def test_porcupine_ends_where_it_would_take_all_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(porcupine, "ROOM", 2 << 20)
    operations = moved(0, False, tmp_path / "history.ndjson")
    verdict = judge(ledger, History(tmp_path, operations, 2 * len(operations)))
    assert verdict.missing == "porcupine gave no verdict: it would take more than 2 MB"
    assert (verdict.result, verdict.checkers["porcupine"]) == ("ok", "missing")


class Crowd(KeyValueObject):
    """A few keys, to which everybody appends something else, and which are seldom replaced."""

    asked = 0

    def ask(self) -> Line:
        self.asked += 1
        f = self.dice.choice(["get"] * 9 + ["append"] * 10 + ["put"])
        return {"f": f, "key": self.dice.choice("xyz"), "value": None if f == "get" else f"({self.asked})"}


def crowded(seed: int, wrong: bool, path: Path) -> tuple[Operation, ...]:
    """Twenty-four clients at three keys, all at once; a read in the middle is maybe wrong."""
    lines = history(Crowd, seed, 600, 24, unanswered=0, failing=0)
    reads = [index for index, each in enumerate(lines) if each["type"] == "ok" and each["f"] == "get"]
    if wrong:
        at = reads[len(reads) // 2]
        lines[at] = {**lines[at], "value": lines[at]["value"] + "d"}
    return read(path, kv, lines).operations


def moved(seed: int, wrong: bool, path: Path) -> tuple[Operation, ...]:
    """Many clients at six accounts, all at once; a balance in the middle is maybe wrong, and that takes longer."""
    clients = 12 if wrong else 24
    lines = history(lambda dice: LedgerObject(dice, "abcdef", 40), seed, 2_000, clients, unanswered=0, failing=0)
    balances = [index for index, each in enumerate(lines) if each["type"] == "ok" and each["f"] == "balance"]
    if wrong:
        at = balances[len(balances) // 2]
        lines[at] = {**lines[at], "value": lines[at]["value"] + 100_000}
    return read(path, ledger, lines).operations


def own_within(steps: int, model: Model, operations: tuple[Operation, ...]) -> int:
    """As `own`, in so many steps, of which a search counts some at a time."""
    looks = itertools.count(1)
    parts = search(model, operations, lambda: next(looks) * PATIENCE > steps)
    return min((each.stuck for each in parts if each.stuck), default=0)


def test_a_search_stops_when_it_is_told_to(tmp_path: Path) -> None:
    lines = history(OBJECTS["register"], 1, 2_000, 8)
    with pytest.raises(GaveUp):
        search(register, read(tmp_path / "history.ndjson", register, lines).operations, lambda: True)
