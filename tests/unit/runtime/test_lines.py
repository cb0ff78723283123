"""What others have written stands in one line, and can be read."""

from __future__ import annotations

import pytest
import typer

from quorumlog.runtime import client_commands, running
from quorumlog.runtime.lines import one_line
from quorumlog.runtime.trouble import bad


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("a plain line, wörter und 字", "a plain line, wörter und 字"),
        ("two\nlines", r"two\nlines"),
        ("a\r\tb\x1b[2J", r"a\r\tb\x1b[2J"),
        ("\u2028\ud800\x85", r"\u2028\ud800\x85"),
        ("", ""),
    ],
)
def test_what_cannot_be_seen_is_written(text: str, line: str) -> None:
    assert one_line(text) == line
    assert len(one_line(text).splitlines()) <= 1


def test_whoever_dials_adds_no_lines_of_his_own(capsys: pytest.CaptureFixture[str]) -> None:
    running.say("a connection was closed: this is a server of group a, not b\nquorumlog: all is well")
    assert capsys.readouterr().err.count("\n") == 1


def test_what_a_server_has_said_is_one_line_for_whoever_asked(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(typer.Exit):
        client_commands.fail("the application refuses this: a reason\nof two lines")
    assert capsys.readouterr().err.count("\n") == 1


def test_a_field_of_any_name_is_told_in_one_line() -> None:
    assert bad("body", "there is no field \n").error == r"body: there is no field \n"
