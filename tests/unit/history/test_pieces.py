"""Appends whose pieces are told apart by the answers: against brute force, and where many append to one key at once."""

from __future__ import annotations

import random
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from tests.unit.history import brute
from tests.unit.history.generated import KeyValueObject, Line, Maker, history, spoilt
from tests.unit.history.test_checkers import STEPS, Patch, own, own_within, read

from tlastep.errors import EvaluationError
from tlastep.history import lazily
from tlastep.history.format import Operation
from tlastep.history.found import GaveUp, Patience
from tlastep.history.models import KeyValue, kv
from tlastep.history.pieces import Pieces


class Appends(KeyValueObject):
    """A key that is appended to, each time another piece, and sometimes replaced."""

    puts: tuple[str, ...] = ("", "x", "1;")
    share = 0.1
    pieces: tuple[str, ...] = ()
    """What is appended; none: a number that nobody else appends."""
    asked = 0

    def ask(self) -> Line:
        self.asked += 1
        (f,) = self.dice.choices(["get", "put", "append"], (0.4, self.share, 0.6 - self.share))
        value = self.dice.choice(self.puts or (f"p{self.asked};",))
        if f == "append":
            value = self.dice.choice(self.pieces or (f"{self.asked};",))
        return {"f": f, "key": "x", "value": None if f == "get" else value}

    def other(self, asked: Line, answer: Any) -> Any:
        parts = [f"{part};" for part in (answer or "").split(";")[:-1]]
        if len(parts) < 2 or self.dice.random() < 0.3:
            parts.append(f"{self.dice.randrange(1, 8)};")
        elif self.dice.random() < 0.5:
            parts.pop(self.dice.randrange(len(parts)))
        else:
            at = self.dice.randrange(len(parts) - 1)
            parts[at : at + 2] = reversed(parts[at : at + 2])
        return "".join(parts)


class Told(Appends):
    """What is put is told apart, too."""

    puts = ()


class Twice(Appends):
    """A few pieces, one of which is two others; what they join may be nothing."""

    pieces = ("1;", "2;", "1;2;", "3;", "")


MAKERS: tuple[Maker, ...] = (Appends, Told, Twice)


def small(path: Path, maker: Maker, seeds: int) -> list[tuple[Operation, ...]]:
    """Histories that brute force can judge, right and wrong."""
    found = []
    for seed, changes in product(range(seeds), (0, 1, 2)):
        dice = random.Random(seed)
        size, clients, unanswered = dice.randint(3, 9), dice.randint(1, 6), dice.choice([0, 0.2, 0.5])
        lines = history(maker, seed, size, clients, unanswered=unanswered)
        found.append(read(path, kv, spoilt(maker, seed + changes, lines, changes) if changes else lines).operations)
    return found


@pytest.mark.parametrize("maker", MAKERS)
def test_it_agrees_with_brute_force(maker: Maker, tmp_path: Path) -> None:
    cases = small(tmp_path / "history.ndjson", maker, 250)
    truth = [brute.furthest(each) for each in cases]
    assert len(cases) // 10 < len([line for line in truth if line]) < len(cases) * 9 // 10
    assert [own(kv, each) for each in cases] == truth


@pytest.mark.parametrize(
    ("asked", "is_clear"),
    [
        ((("append", "1"), ("append", "2"), ("get", "12")), True),
        ((("append", "1"), ("append", "2"), ("append", "12"), ("get", "12")), False),
        ((("append", "1"), ("append", "1"), ("get", "1")), False),
        ((("append", "1"), ("append", "1"), ("get", "")), True),
        ((("put", "1"), ("append", "1"), ("get", "1")), False),
        ((("put", "1"), ("put", "1"), ("get", "1")), True),
        ((("append", ""), ("append", ""), ("append", "1"), ("get", "1")), True),
        ((("append", "1"), ("get", "11")), True),
        ((("append", "1"), ("get", 1)), True),
    ],
)
def test_only_answers_that_came_about_in_one_way_are_clear(
    asked: tuple[tuple[str, str], ...], is_clear: bool, tmp_path: Path
) -> None:
    """Each on behalf of another client, and all at once."""
    lines: list[Line] = []
    for kind in ("invoke", "ok"):
        for process, (f, value) in enumerate(asked):
            said = value if (kind == "invoke") != (f == "get") else None
            lines.append({"process": process, "type": kind, "f": f, "key": "x", "value": said})
    operations = read(tmp_path / "history.ndjson", kv, lines).operations
    assert Pieces(kv, "", operations, Patience(lambda: False)).is_clear == is_clear
    assert own(kv, operations) == brute.furthest(operations)


def _lets_later_answers_speak(patch: pytest.MonkeyPatch) -> None:
    """What is asked of the beginning of a history is told by all of its answers."""
    shown = Pieces._shown
    patch.setattr(Pieces, "_shown", lambda self, last: shown(self, 1 << 62))


def _takes_the_first_line(patch: pytest.MonkeyPatch) -> None:
    """Where an order fails by what a later answer says, the later answer is not blamed."""
    patch.setattr(Pieces, "shown", lambda self, last, line: line)


def _takes_any_way(patch: pytest.MonkeyPatch) -> None:
    """Of the ways in which an answer came about the first one that is found is taken."""
    patch.setattr("tlastep.history.pieces.Counter", lambda added: Counter(dict.fromkeys(added, 1)))


def _hears_nothing(patch: pytest.MonkeyPatch) -> None:
    """No append is shown by an answer."""
    patch.setattr(Pieces, "_shown", lambda self, last: {})


def _forgets_that_there_may_be_nothing(patch: pytest.MonkeyPatch) -> None:
    """What joins nothing is an append that no answer shows."""
    patch.setattr("tlastep.history.pieces.UNHEARD_OF", None)


def _appends_to_nothing(patch: pytest.MonkeyPatch) -> None:
    """An append that no answer shows leaves what was there."""
    patch.setattr("tlastep.history.pieces.UNSEEN", None)


BUGS = (
    _lets_later_answers_speak,
    _takes_the_first_line,
    _takes_any_way,
    _hears_nothing,
    _forgets_that_there_may_be_nothing,
    _appends_to_nothing,
)


@pytest.mark.parametrize("bug", BUGS, ids=lambda each: each.__name__)
def test_a_bug_in_reading_pieces_is_found(bug: Patch, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cases = [each for maker in MAKERS for each in small(tmp_path / "history.ndjson", maker, 250)]
    bug(monkeypatch)
    assert any(_said(each) != brute.furthest(each) for each in cases)


def _said(operations: tuple[Operation, ...]) -> int:
    """The line at which every order fails, or -1 if the search noticed that what it had found is no order."""
    try:
        return own(kv, operations)
    except EvaluationError:
        return -1


def crowd(path: Path, unanswered: float, share: float, wrong: str) -> tuple[Operation, ...]:
    """Fifty clients at one key; an answer after the middle is maybe wrong."""

    def maker(dice: random.Random) -> Told:
        made = Told(dice)
        made.share = share
        return made

    lines = history(maker, 7, 1_500, 50, unanswered=unanswered, failing=0)
    answers = [n for n, each in enumerate(lines) if each["type"] == "ok" and each["f"] == "get"]
    at = next(n for n in answers if n > len(lines) // 2 and lines[n]["value"].count(";") > 3)
    *parts, one, two, three, _ = lines[at]["value"].split(";")
    told = {"": [one, two, three], "lost": [one, three], "swapped": [two, one, three], "twice": [one, two, three, one]}
    lines[at]["value"] = "".join(f"{part};" for part in [*parts, *told.get(wrong, ())])
    if wrong == "late":
        lines[at]["value"] = next(lines[n]["value"] for n in answers if lines[n]["value"])
    return read(path, kv, lines).operations


@pytest.mark.parametrize("share", [0, 0.01, 0.3])
@pytest.mark.parametrize("unanswered", [0, 0.02])
def test_many_who_append_at_once_are_judged(unanswered: float, share: float, tmp_path: Path) -> None:
    path = tmp_path / "history.ndjson"
    assert own_within(STEPS, kv, crowd(path, unanswered, share, "")) == 0
    # With many puts, what is lost or swapped may have been so: nobody else has seen it.
    for wrong in ("twice", "late") if share > 0.1 else ("lost", "swapped", "twice", "late"):
        assert own_within(STEPS, kv, crowd(path, unanswered, share, wrong)) > 0


def test_the_search_for_any_object_does_not_end_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(KeyValue, "joins", lambda self, operation: None)
    with pytest.raises(GaveUp):
        own_within(STEPS, kv, crowd(tmp_path / "history.ndjson", 0, 0.01, ""))


def test_an_answer_that_later_ones_refute_is_found_without_halving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """First it is asked whether there is no order up to where all failed, and whether there is one before."""
    asked = []
    up_to = lazily._Prefixes.up_to

    def noted(self: lazily._Prefixes, last: int) -> lazily._Outcome:
        asked.append(last)
        return up_to(self, last)

    monkeypatch.setattr(lazily._Prefixes, "up_to", noted)
    line = own(kv, crowd(tmp_path / "history.ndjson", 0, 0.01, "late"))
    assert line in asked
    assert len(asked) < 6
