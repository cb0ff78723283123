"""Reading histories: what is wrong is one line with the place, and JSON values are compared as JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from quorumlog_bindings.histories import ledger
from tlastep.errors import UnusableInput
from tlastep.history.format import History, read_history
from tlastep.history.models import Model, kv, register
from tlastep.history.values import parse, text_of

READ = {"process": 0, "type": "invoke", "f": "read", "value": None}
DONE = {"process": 0, "type": "ok", "f": "read", "value": None}


def read(folder: Path, model: Model, *lines: dict[str, Any] | str | bytes) -> History:
    path = folder / "history.ndjson"
    texts = [each if isinstance(each, (str, bytes)) else json.dumps(each) for each in lines]
    path.write_bytes(b"\n".join(each if isinstance(each, bytes) else each.encode() for each in texts))
    return read_history(path, model.functions, keyed=model.keyed)


def test_operations_carry_their_lines_answers_and_outcomes(tmp_path: Path) -> None:
    lines: list[Any] = [READ, "", {**READ, "process": 1, "node": "a"}, {**DONE, "value": 7}, {**READ, "process": 4}]
    found = read(tmp_path, register, *lines, {**DONE, "process": 1, "type": "fail", "error": "gone"}, "")
    assert [(each.line, each.completed, each.outcome, each.answer) for each in found.operations] == [
        (1, 4, "ok", 7),
        (3, 6, "fail", None),
        (5, 0, "info", None),
    ]


@pytest.mark.parametrize(
    ("lines", "line", "expected"),
    [
        (["{"], 1, "expected a JSON object in UTF-8"),
        ([b"\xff"], 1, "expected a JSON object in UTF-8"),
        (["[" * 100_000], 1, "expected a JSON object in UTF-8"),
        (['{"process": NaN}'], 1, "NaN is no JSON"),
        ([READ, DONE, "7"], 3, "expected a JSON object, not 7"),
        ([{**READ, "process": -1}], 1, "expected an integer of at least 0 as process"),
        ([{**READ, "process": True}], 1, "expected an integer of at least 0 as process"),
        ([{**READ, "process": "nemesis"}], 1, "expected an integer of at least 0 as process"),
        ([{**READ, "type": "start"}], 1, "expected invoke, ok, fail or info as type"),
        ([{**READ, "f": "get"}], 1, "expected read, write or cas as f"),
        ([{"process": 0, "type": "invoke"}], 1, "expected a field f"),
        ([{**READ, "time": "soon"}], 1, "expected an integer as time"),
        ([{**READ, "time": 3}, {**DONE, "time": 2}], 2, "expected a time of at least 3"),
        ([DONE], 1, "expected an invocation before this ok"),
        ([READ, READ], 2, "expected the completion of read, which process 0 invoked in 1"),
        ([READ, {**DONE, "type": "info"}, READ], 3, "expected a new process"),
        ([READ, {**DONE, "type": "info"}, DONE], 3, "expected an invocation before this ok"),
        ([READ, {**DONE, "f": "write"}], 2, "expected read as f"),
        ([READ, {"process": 0, "type": "ok", "f": "read"}], 2, "expected the answer of read"),
        ([{**READ, "f": "cas", "value": [1]}], 1, "expected a list of two values"),
        ([{"process": 0, "type": "invoke", "f": "write"}], 1, "expected a field value"),
        ([], 1, "no operation"),
        (["", ""], 1, "no operation"),
    ],
)
def test_what_is_wrong_is_named_with_its_line(tmp_path: Path, lines: list[Any], line: int, expected: str) -> None:
    with pytest.raises(UnusableInput) as caught:
        read(tmp_path, register, *lines)
    assert str(caught.value).startswith(f"{tmp_path / 'history.ndjson'}:{line}: ")
    assert expected in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("model", "fields", "expected"),
    [
        (kv, {"f": "get", "value": None}, "expected a field key"),
        (kv, {"f": "put", "key": "k", "value": 1}, "expected a string"),
        (kv, {"f": "put", "key": 1, "value": ""}, "expected a string as key"),
        (ledger, {"f": "deposit", "value": {"account": "a"}}, "an integer above 0"),
        (ledger, {"f": "deposit", "value": {"account": "a", "amount": 0}}, "an integer above 0"),
        (ledger, {"f": "deposit", "value": {"account": "a", "amount": True}}, "an integer above 0"),
        (ledger, {"f": "transfer", "value": {"from": "a", "to": "a", "amount": 1}}, "two different accounts"),
        (ledger, {"f": "balance", "value": None}, 'expected an object with "account"'),
    ],
)
def test_arguments_are_those_of_the_model(tmp_path: Path, model: Model, fields: dict[str, Any], expected: str) -> None:
    with pytest.raises(UnusableInput, match=expected):
        read(tmp_path, model, {"process": 0, "type": "invoke", **fields})


def test_a_key_is_completed_as_it_was_invoked(tmp_path: Path) -> None:
    get = {"process": 0, "type": "invoke", "f": "get", "key": "k", "value": None}
    with pytest.raises(UnusableInput, match="expected the key k"):
        read(tmp_path, kv, get, {**get, "type": "ok", "key": "l", "value": ""})


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("1", "1.0", True),
        ("1", "10e-1", True),
        ("0", "-0.0", True),
        ("1.50", "15e-1", True),
        ("1", '"1"', False),
        ("1", "true", False),
        ("0", "false", False),
        ("null", '""', False),
        ('{"a": 1, "b": 2}', '{"b": 2, "a": 1.0}', True),
        ("[1, 2]", "[2, 1]", False),
        ("1e999999999", "1e999999998", False),
    ],
)
def test_values_are_compared_as_json(one: str, other: str, equal: bool) -> None:
    assert (text_of(parse(one)) == text_of(parse(other))) is equal
