"""A behaviour is read from whatever form it was written in."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.errors import UnusableInput
from tlastep.report import behaviour_file, itf

GO = "<Go line 5, col 7 to line 5, col 25 of module L>"
PRINTED = f"""TLC2 Version 2.15
Error: Temporal properties were violated.

State 1: <Initial predicate>
x = 0

State 2: {GO}
x = 1

State 3: {GO}
/\\ x = 2

"""
TOOL = f"""@!@!@STARTMSG 2217:4 @!@!@
1: <Initial predicate>
x = 0

@!@!@ENDMSG 2217 @!@!@
@!@!@STARTMSG 2217:4 @!@!@
2: {GO}
x = 1

@!@!@ENDMSG 2217 @!@!@
"""
SIMULATED = """---- MODULE behaviour ----
STATE_1 ==
/\\ x = 0

STATE_2 ==
/\\ x = 1

====
"""
GONE = Label("Go")


def steps(count: int, label: Label | None = GONE) -> tuple[Step, ...]:
    return tuple(Step(label if x else None, {"x": x}) for x in range(count))


@pytest.mark.parametrize(
    ("text", "behaviour"),
    [
        (PRINTED + f"Back to state 2: {GO}\n", Behaviour(steps(3), loop=1)),
        (PRINTED + "State 4: Stuttering\nFinished in 00s", Behaviour(steps(3), stutters=True)),
        (PRINTED.replace("\n", "\r\n"), Behaviour(steps(3))),
        (TOOL, Behaviour(steps(2))),
        (SIMULATED, Behaviour(steps(2, None))),
        (itf.dumps(Behaviour(steps(2), loop=0)), Behaviour(steps(2), loop=0)),
    ],
)
def test_every_form_is_read(tmp_path: Path, text: str, behaviour: Behaviour) -> None:
    file = tmp_path / "told"
    file.write_bytes(text.encode())
    assert behaviour_file.read(file) == behaviour


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"nothing of the kind", "expected a behaviour in ITF"),
        (b"{}", "expected a trace in ITF"),
        (b"STATE_1 ==\n/\\ x = <<1\n", "in a value of TLC"),
        (b"\xff\xfe", "is not text in UTF-8"),
    ],
)
def test_what_is_no_behaviour_is_unusable(tmp_path: Path, content: bytes, message: str) -> None:
    file = tmp_path / "told"
    file.write_bytes(content)
    with pytest.raises(UnusableInput, match=message) as raised:
        behaviour_file.read(file)
    assert str(raised.value).startswith(str(file))


def test_a_file_that_is_not_there_is_unusable(tmp_path: Path) -> None:
    with pytest.raises(UnusableInput, match="can't be read"):
        behaviour_file.read(tmp_path / "none")
