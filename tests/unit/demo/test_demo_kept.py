"""Money that was acknowledged is there in the end, and no other; what nobody was told may have happened."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from quorumlog.demo.kept import kept
from quorumlog.demo.verdicts import HOLDS, UNJUDGED, VIOLATED

Step = tuple[int, str, str, Any]

X = {"account": "x"}
Y = {"account": "y"}


def line(process: int, type_: str, f: str, value: Any) -> str:
    """A line of a history."""
    return json.dumps({"process": process, "type": type_, "f": f, "value": value, "time": 1})


def did(f: str, asked: Any, how: str = "ok", answer: Any = True) -> list[Step]:
    """An operation from its first line to its last."""
    return [(1, "invoke", f, asked), (1, how, f, answer)]


def asked(x: int, y: int, total: int) -> list[Step]:
    """The last questions."""
    return [
        *did("balance", X, answer=x),
        *did("balance", Y, answer=y),
        *did("total", None, answer=total),
    ]


def judged(folder: Path, *steps: Step) -> tuple[str, str]:
    """What is said of the total, and of the accounts."""
    history = folder / "history.ndjson"
    history.write_text("\n".join(line(*each) for each in steps) + "\n", encoding="utf-8")
    total, lost = kept(history)
    assert (total.name, lost.name) == ("total", "nothing lost")
    return total.result, lost.result


BEGUN: list[Step] = [
    *did("deposit", {**X, "amount": 50}),
    *did("withdraw", {**X, "amount": 5}),
    *did("withdraw", {**Y, "amount": 7}, answer=False),
    *did("transfer", {"from": "x", "to": "y", "amount": 20}),
    *did("exchange", {"from": "x", "to": "y", "amount": 10}, answer={"received": 13}),
    *did("transfer", {"from": "x", "to": "y", "amount": 3}, "fail", None),
]
"""After this 15 are on x, 33 on y, and 45 are there."""


@pytest.mark.parametrize(
    ("x", "y", "total", "results"),
    [
        (15, 33, 45, (HOLDS, HOLDS)),
        (15, 33, 46, (VIOLATED, HOLDS)),
        (15, 13, 45, (HOLDS, VIOLATED)),  # a transfer whose second half is lost
        (65, 33, 95, (VIOLATED, VIOLATED)),  # a deposit that was executed twice
    ],
)
def test_what_is_there_is_what_was_acknowledged(
    x: int, y: int, total: int, results: tuple[str, str], tmp_path: Path
) -> None:
    assert judged(tmp_path, *BEGUN, *asked(x, y, total)) == results


@pytest.mark.parametrize(
    ("step", "x", "y", "total", "results"),
    [
        (("deposit", {**X, "amount": 9}), 24, 33, 54, (HOLDS, HOLDS)),
        (("deposit", {**X, "amount": 9}), 25, 33, 55, (VIOLATED, VIOLATED)),
        (("withdraw", {**X, "amount": 9}), 6, 33, 36, (HOLDS, HOLDS)),
        (("transfer", {"from": "x", "to": "y", "amount": 9}), 6, 42, 45, (HOLDS, HOLDS)),
        (("transfer", {"from": "x", "to": "y", "amount": 9}), 5, 42, 45, (HOLDS, VIOLATED)),
        (("exchange", {"from": "x", "to": "y", "amount": 9}), 6, 46, 45, (HOLDS, HOLDS)),
        (("exchange", {"from": "x", "to": "y", "amount": 9}), 6, 47, 44, (VIOLATED, VIOLATED)),
    ],
)
@pytest.mark.parametrize("ends", [True, False])
def test_what_nobody_was_told_may_have_happened(
    step: tuple[str, Any], x: int, y: int, total: int, results: tuple[str, str], ends: bool, tmp_path: Path
) -> None:
    f, argument = step
    unknown: list[Step] = [(7, "invoke", f, argument), *([(7, "info", f, None)] if ends else [])]
    if ends:
        assert judged(tmp_path, *BEGUN, *unknown, *asked(15, 33, 45)) == (HOLDS, HOLDS)
        assert judged(tmp_path, *BEGUN, *unknown, *asked(x, y, total)) == results
    else:
        assert judged(tmp_path, *BEGUN, *unknown, *asked(x, y, total)) == (UNJUDGED, UNJUDGED)


def test_what_was_asked_beside_a_command_says_nothing_of_the_end(tmp_path: Path) -> None:
    last = did("deposit", {**X, "amount": 1})
    assert judged(tmp_path, *BEGUN, *asked(15, 33, 45), *last) == (UNJUDGED, UNJUDGED)
    beside: list[Step] = [
        (2, "invoke", "balance", X),
        *last,
        (2, "ok", "balance", 15),
        *did("balance", Y, answer=33),
        *did("total", None, answer=46),
    ]
    assert judged(tmp_path, *BEGUN, *beside) == (UNJUDGED, UNJUDGED)
    assert judged(tmp_path, *BEGUN, *beside, *asked(16, 33, 46)) == (HOLDS, HOLDS)


def test_it_says_what_is_wrong(tmp_path: Path) -> None:
    judged(tmp_path, *BEGUN, *asked(15, 1_033, 45))
    _, lost = kept(tmp_path / "history.ndjson")
    assert lost.says == "y: expected 33, found 1,033"
    judged(tmp_path, *BEGUN)
    total, _ = kept(tmp_path / "history.ndjson")
    assert total.says == "nobody has said in the end what x holds"
