"""Behaviours in files: what TLC prints or writes when it simulates or finds a counterexample, and ITF."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from tlastep.behaviour import Behaviour, Step
from tlastep.errors import UnusableInput
from tlastep.report import itf
from tlastep.toolchain import tlc_output
from tlastep.toolchain.tlc_values import Reader

_TOOL: Final = "@!@!@STARTMSG"
_SIMULATED: Final = re.compile(r"^STATE_1 ==", re.MULTILINE)
_PRINTED: Final = re.compile(
    r"^State (?P<number>\d+): (?:<(?P<label>.*?)>[ \t]*\n(?P<state>(?:.*\S.*\n?)+)|(?P<stutters>Stuttering))"
    r"|^Back to state (?P<loop>\d+)",
    re.MULTILINE,
)


def read(path: Path) -> Behaviour:
    """The behaviour in a file, whichever form it has. Raises `UnusableInput` with the file where there is none."""
    try:
        text = path.read_text(encoding="utf-8").replace("\r\n", "\n")
    except OSError as error:
        raise UnusableInput(f"can't be read: {error.strerror}", str(path)) from error
    except UnicodeDecodeError as error:
        raise UnusableInput("is not text in UTF-8", str(path)) from error
    if text.lstrip().startswith("{"):
        return itf.loads(text, str(path))
    try:
        found = _of_tlc(text)
    except UnusableInput as error:
        raise UnusableInput(error.message, str(path)) from error
    if found is None:
        expected = "a behaviour in ITF, a file of TLC's -simulate, or a counterexample as TLC prints it"
        raise UnusableInput(f"expected {expected}", str(path))
    return found


def _of_tlc(text: str) -> Behaviour | None:
    if _TOOL in text:
        return tlc_output.counterexample(tlc_output.messages(text))
    if _SIMULATED.search(text):
        return tlc_output.simulated(text)
    return _printed(text)


def _printed(text: str) -> Behaviour | None:
    """A counterexample as TLC prints it without `-tool`."""
    reader = Reader()
    steps: list[Step] = []
    loop: int | None = None
    stutters = False
    for found in _PRINTED.finditer(text):
        if found["state"] is not None:
            label = reader.label(found["label"]) if steps else None
            steps.append(Step(label, reader.state(found["state"])))
        elif found["stutters"]:
            stutters = True
        else:
            loop = int(found["loop"]) - 1
    return Behaviour(tuple(steps), loop, stutters) if steps else None
