"""Reads histories: newline-delimited JSON, strictly. `docs/histories.md` says what a line may hold.

Whatever is wrong is one line that names the file, the line and what was expected.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final, NamedTuple, NoReturn

from tlastep.errors import Place, UnusableInput
from tlastep.history.values import Json, is_integer, parse, text_of

INVOKE: Final = "invoke"
OK: Final = "ok"
FAIL: Final = "fail"
INFO: Final = "info"
TYPES: Final = (INVOKE, OK, FAIL, INFO)


class Function(NamedTuple):
    """One `f` of a model.

    `expects` says what was expected of an argument that is wrong, and nothing of one that is right. `answers`: whether
    an `ok` has to carry an answer. `question`: whether it never has an effect, so that one without answer says nothing.
    """

    expects: Callable[[Json], str]
    answers: bool = True
    question: bool = False


@dataclass(frozen=True)
class Operation:
    """One call of a client: `line` invokes it, `completed` (0 if no line does) completes it.

    `outcome` is `ok`, `fail` or `info`; of an `ok` the answer is known. Times are for people, and may be missing.
    """

    process: int
    f: str
    key: str
    argument: Json
    line: int
    outcome: str = INFO
    completed: int = 0
    answer: Json = None
    begun: int | None = None
    ended: int | None = None

    def __str__(self) -> str:
        key = f" {self.key}" if self.key else ""
        asked = "" if self.argument is None else f" {text_of(self.argument)}"
        return f"{self.f}{key}{asked}" + (f" → {text_of(self.answer)}" if self.outcome == OK else "")


@dataclass(frozen=True)
class History:
    """The operations of a history, in the order of their invocations."""

    path: Path
    operations: tuple[Operation, ...]
    lines: int


class _Line(NamedTuple):
    process: int
    type: str
    f: str
    fields: dict[str, Json]


def read_history(path: Path, functions: Mapping[str, Function], *, keyed: bool) -> History:
    """The history in a file, of a model with these functions; each operation names a key if the model is `keyed`."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UnusableInput(f"can't be read: {error.strerror}; expected a history", str(path)) from error
    reader = _Reader(path, functions, keyed)
    lines = data.split(b"\n")
    for number, line in enumerate(lines, start=1):
        if line.strip():
            reader.take(number, line)
    if not reader.operations:
        raise UnusableInput("no operation; expected at least one line of type invoke", Place(str(path), 1))
    return History(path, tuple(reader.operations), len(lines) - (not lines[-1]))


class _Reader:
    def __init__(self, path: Path, functions: Mapping[str, Function], keyed: bool) -> None:
        self._path = path
        self._functions = functions
        self._keyed = keyed
        self._open: dict[int, int] = {}  # process → index of its open operation
        self._left: dict[int, int] = {}  # process → the line of the `info` after which it may not go on
        self._time: int | None = None
        self._number = 0
        self.operations: list[Operation] = []

    def take(self, number: int, text: bytes) -> None:
        """Reads one line."""
        self._number = number
        line = self._line(text)
        if line.type == INVOKE:
            self._invoke(line)
        else:
            self._complete(line)

    def _fail(self, message: str) -> NoReturn:
        raise UnusableInput(message, Place(str(self._path), self._number))

    def _line(self, text: bytes) -> _Line:
        try:
            fields = parse(text.decode("utf-8"))
        except ValueError as error:
            self._fail(f"expected a JSON object in UTF-8: {error}")
        if not isinstance(fields, dict):
            self._fail(f"expected a JSON object, not {_short(fields)}")
        process, kind, f = (self._field(fields, name) for name in ("process", "type", "f"))
        if not (isinstance(process, int) and is_integer(process)) or process < 0:
            self._fail(f"expected an integer of at least 0 as process, not {_short(process)}")
        if not isinstance(kind, str) or kind not in TYPES:
            self._fail(f"expected {_choice(TYPES)} as type, not {_short(kind)}")
        if not isinstance(f, str) or f not in self._functions:
            self._fail(f"expected {_choice(self._functions)} as f, not {_short(f)}")
        self._check_time(fields.get("time"), "time" in fields)
        return _Line(process, kind, f, fields)

    def _field(self, fields: dict[str, Json], name: str) -> Json:
        if name not in fields:
            self._fail(f"expected a field {name}")
        return fields[name]

    def _check_time(self, time: Json, given: bool) -> None:
        if not given:
            return
        if not isinstance(time, int) or not is_integer(time):
            self._fail(f"expected an integer as time, not {_short(time)}")
        if self._time is not None and time < self._time:
            self._fail(f"expected a time of at least {self._time}, for time never decreases, not {time}")
        self._time = time

    def _key(self, line: _Line) -> str:
        if not self._keyed:
            return ""
        key = self._field(line.fields, "key")
        if not isinstance(key, str):
            self._fail(f"expected a string as key, not {_short(key)}")
        return key

    def _invoke(self, line: _Line) -> None:
        if line.process in self._left:
            where = self._left[line.process]
            self._fail(
                f"expected a new process, for the operation of process {line.process} has been open since {where}"
            )
        if line.process in self._open:
            before = self.operations[self._open[line.process]]
            self._fail(f"expected the completion of {before.f}, which process {line.process} invoked in {before.line}")
        argument = line.fields.get("value")
        expected = self._functions[line.f].expects(argument)
        if (
            "value" not in line.fields
            and not expected
            and argument is None
            and self._functions[line.f].question is False
        ):
            expected = "a field value"
        if expected:
            given = _short(argument) if "value" in line.fields else "nothing"
            self._fail(f"expected {expected} as the value that {line.f} is invoked with, not {given}")
        self._open[line.process] = len(self.operations)
        begun = line.fields.get("time")
        self.operations.append(
            Operation(line.process, line.f, self._key(line), argument, self._number, begun=_time(begun))
        )

    def _complete(self, line: _Line) -> None:
        index = self._open.pop(line.process, None)
        if index is None:
            self._fail(f"expected an invocation before this {line.type}: process {line.process} has no open operation")
        invoked = self.operations[index]
        if line.f != invoked.f:
            self._fail(f"expected {invoked.f} as f, which the process invoked in line {invoked.line}, not {line.f}")
        if self._key(line) != invoked.key:
            self._fail(f"expected the key {invoked.key} of line {invoked.line}, not {self._key(line)}")
        if line.type == OK and self._functions[line.f].answers and "value" not in line.fields:
            self._fail(f"expected the answer of {line.f} as a field value")
        if line.type == INFO:
            self._left[line.process] = invoked.line
        self.operations[index] = replace(
            invoked,
            outcome=line.type,
            completed=self._number,
            answer=line.fields.get("value") if line.type == OK else None,
            ended=_time(line.fields.get("time")),
        )


def _time(value: Json) -> int | None:
    return value if isinstance(value, int) else None


def _short(value: Json) -> str:
    text = text_of(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def _choice(names: Mapping[str, object] | tuple[str, ...]) -> str:
    *rest, last = names
    return f"{', '.join(rest)} or {last}" if rest else last
