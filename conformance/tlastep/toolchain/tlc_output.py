"""What TLC prints under `-tool`, and the files of its simulations → messages, numbers, behaviours."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from tlastep.behaviour import Behaviour, Step
from tlastep.errors import UnusableInput
from tlastep.toolchain.tlc_values import Reader

_MARK: Final = re.compile(r"@!@!@(?:STARTMSG (?P<code>\d+):(?P<severity>\d+)|ENDMSG \d+) @!@!@\n?")
_PROGRESS: Final = re.compile(
    r"Progress\((?P<depth>[\d,]+)\) at [^:]*:\d\d:\d\d: (?P<generated>[\d,]+) states generated[^,]*(?:\([^)]*\))?, "
    r"(?P<distinct>[\d,]+) distinct states found[^,]*(?:\([^)]*\))?, (?P<queue>[\d,]+) states left on queue"
)
_TOTALS: Final = re.compile(r"([\d,]+) states generated, ([\d,]+) distinct states found, ([\d,]+) states left on queue")
_DEPTH: Final = re.compile(r"depth of the complete state graph search is ([\d,]+)")
_VERSION: Final = re.compile(r"TLC2 Version (.+)")
_COVERAGE: Final = re.compile(r"<(?P<action>[\w!]+) line .*>: (?P<distinct>\d+):(?P<generated>\d+)")
_TRACE_STATE: Final = re.compile(r"(?P<number>\d+): <(?P<label>.*?)>\n(?P<state>.*)", re.DOTALL)
_LOOP: Final = re.compile(r"(?P<number>\d+): Back to state")
_POSITION: Final = re.compile(r"\d+\. Line (\d+), column (\d+) to line \d+, column \d+ in (\w+)")
_FILE_STATE: Final = re.compile(r"(?:^\\\* <(?P<label>.*)>[ \t]*\n)?^STATE_\d+ ==[ \t]*\n", re.MULTILINE)

VERSION, COMPLETED, PROGRESS, TOTALS, DEPTH, POSITIONS = 2262, 2193, 2200, 2199, 2194, 2103
COVERAGE_BEGINS, COVERED_ACTION = 2201, 2772
_STATE, _STUTTERING, _BACK_TO_STATE = 2217, 2218, 2122
_FALSE_AT_START = frozenset({2107, 2108})
ERROR_SEVERITY = 1


class Message(NamedTuple):
    """One message of TLC. Nested ones are part of the text of the outer one, and their codes of its codes."""

    code: int
    severity: int
    text: str
    nested: tuple[int, ...] = ()


class Counts(NamedTuple):
    """How far TLC has come."""

    generated: int = 0
    distinct: int = 0
    queue: int = 0
    depth: int = 0


def messages(output: str) -> list[Message]:
    """The messages in the order of their beginnings. One that TLC did not end (it died) ends with the output."""
    found: list[Message] = []
    open_codes: list[tuple[int, int]] = []
    nested: list[int] = []
    text: list[str] = []
    last = 0

    def close() -> None:
        code, severity = open_codes[0]
        found.append(Message(code, severity, "".join(text).strip(), tuple(nested)))
        text.clear()
        nested.clear()

    output = output.replace("\r\n", "\n")
    for mark in _MARK.finditer(output):
        if open_codes:
            text.append(output[last : mark.start()])
        last = mark.end()
        if mark["code"] is None:
            if len(open_codes) == 1:
                close()
            if open_codes:
                open_codes.pop()
            continue
        if open_codes:
            nested.append(int(mark["code"]))
        open_codes.append((int(mark["code"]), int(mark["severity"])))
    if open_codes:
        text.append(output[last:])
        close()
    return found


def progress(line: str) -> Counts | None:
    """The counts of a line of progress; None for every other line."""
    found = _PROGRESS.match(line) if line.startswith("Progress(") else None
    if found is None:
        return None
    numbers = {name: _number(text) for name, text in found.groupdict().items()}
    return Counts(numbers["generated"], numbers["distinct"], numbers["queue"], numbers["depth"])


def counts(found: Iterable[Message]) -> Counts:
    """The last counts that TLC gave."""
    last = Counts()
    for message in found:
        if message.code == PROGRESS:
            last = progress(message.text) or last
        elif message.code == TOTALS and (totals := _TOTALS.search(message.text)):
            generated, distinct, queue = map(_number, totals.groups())
            last = Counts(generated, distinct, queue, last.depth)
        elif message.code == DEPTH and (depth := _DEPTH.search(message.text)):
            last = last._replace(depth=_number(depth[1]))
    return last


def version(found: Iterable[Message]) -> str:
    """TLC's version in its own words; empty when it did not say."""
    for message in found:
        if message.code == VERSION and (words := _VERSION.search(message.text)):
            return words[1].strip()
    return ""


def completed(output: str) -> bool:
    """Whether TLC says that it has seen all states and found no error."""
    return f"STARTMSG {COMPLETED}:" in output


def coverage(found: Iterable[Message]) -> dict[str, tuple[int, int]]:
    """Of each action: distinct states that it found first, states that it generated; from TLC's last report."""
    actions: dict[str, tuple[int, int]] = {}
    for message in found:
        if message.code == COVERAGE_BEGINS:
            actions = {}
        elif message.code == COVERED_ACTION and (line := _COVERAGE.match(message.text)):
            distinct, generated = actions.get(line["action"], (0, 0))
            actions[line["action"]] = (distinct + int(line["distinct"]), generated + int(line["generated"]))
    return actions


def counterexample(found: Iterable[Message]) -> Behaviour | None:
    """The behaviour that TLC printed, if any."""
    reader = Reader()
    steps: list[Step] = []
    loop: int | None = None
    stutters = False
    for message in found:
        if message.code == _STATE and (state := _TRACE_STATE.match(message.text)):
            if state["number"] == "1":
                steps, loop, stutters = [], None, False
            label = reader.label(state["label"]) if steps else None
            steps.append(Step(label, reader.state(state["state"])))
        elif message.code in _FALSE_AT_START:
            steps = [Step(None, reader.state(message.text.partition("\n")[2]))]
        elif message.code == _STUTTERING:
            stutters = True
        elif message.code == _BACK_TO_STATE and (back := _LOOP.match(message.text)):
            loop = int(back["number"]) - 1
    return Behaviour(tuple(steps), loop, stutters) if steps else None


def errors(found: Iterable[Message]) -> list[Message]:
    """The messages that report an error."""
    return [message for message in found if message.severity == ERROR_SEVERITY]


def place(found: Iterable[Message]) -> tuple[str, int, int] | None:
    """Module, line and column of the innermost expression that TLC failed to evaluate, if it says."""
    for message in found:
        if message.code == POSITIONS and (positions := _POSITION.findall(message.text)):
            line, column, module = positions[-1]
            return module, int(line), int(column)
    return None


def simulated(text: str, reader: Reader | None = None) -> Behaviour:
    """The behaviour of one file of `-simulate`. An old TLC names no actions: then each label is None."""
    reader = reader or Reader()
    begins = list(_FILE_STATE.finditer(text))
    if not begins:
        raise UnusableInput("expected STATE_1 == …, found no state")
    ends = [*(begin.start() for begin in begins[1:]), len(text)]
    steps: list[Step] = []
    for begin, end in zip(begins, ends, strict=True):
        state = reader.state(text[begin.end() : end].partition("\n====")[0])
        label = reader.label(begin["label"]) if steps and begin["label"] else None
        steps.append(Step(label, state))
    return Behaviour(tuple(steps))


def _number(text: str) -> int:
    return int(text.replace(",", ""))


def first_line(found: Sequence[Message]) -> str:
    """The first error in one line; empty when there is none."""
    return " ".join(found[0].text.split()) if found else ""
