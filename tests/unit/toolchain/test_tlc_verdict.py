"""Every exit status of TLC is told apart: a result, a mistake in spec or configuration, or a failure of TLC's own."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlastep.errors import ToolFailure, UnusableInput
from tlastep.toolchain import tlc_output, tlc_verdict
from tlastep.toolchain.java import Finished

ASSERTION = 'The first argument of Assert evaluated to FALSE; the second argument was:\n"no"'


def said(code: int, text: str, severity: int = 1) -> str:
    return f"@!@!@STARTMSG {code}:{severity} @!@!@\n{text}\n@!@!@ENDMSG {code} @!@!@\n"


def unexpected(code: int, text: str, exception: str = "tlc2.tool.EvalException") -> str:
    return said(
        1000,
        "TLC threw an unexpected exception.\nThis was probably caused by an error in the spec or model.\n"
        "See the User Output or TLC Console for clues to what happened.\n"
        f"The exception was a {exception}\n: {said(code, text, 0)}",
    )


def judged(tmp_path: Path, status: int, output: str, config: str = "", errors: str = "") -> tuple[str, str]:
    (tmp_path / "M.cfg").write_text(config, encoding="utf-8")
    (tmp_path / "M.tla").touch()
    run = Finished(status, output.encode(), errors, 1.0)
    found = tlc_output.messages(output)
    return tlc_verdict.judge(run, found, tmp_path / "M.tla", tmp_path / "M.cfg", [tmp_path])


@pytest.mark.parametrize(
    ("status", "output", "result"),
    [
        (0, said(2193, "Model checking completed.", 0), "ok"),
        (0, said(2102, "Attempted to apply tuple"), "error"),
        (10, said(2104, "Assumption line 4, col 8 to line 4, col 12 of module M is false."), "assumption"),
        (11, said(2114, "Deadlock reached."), "deadlock"),
        (12, said(2110, "Invariant Safe is violated."), "invariant Safe"),
        (12, said(2107, "Invariant Safe is violated by the initial state:\nx = 1"), "invariant Safe"),
        (12, said(2110, "Invariant Always is violated."), "property Always"),
        (13, said(2112, "Action property Rises is violated."), "property Rises"),
        (13, said(2112, "Action property line 1, col 2 to line 3, col 4 of module M is violated."), "property"),
        (13, said(2108, "Property Init is violated by the initial state:\nx = 1"), "property Init"),
        (13, said(2116, "Temporal properties were violated."), "property"),
        (13, said(2116, "Temporal property Ends was violated."), "property Ends"),
        (14, unexpected(2132, ASSERTION), "error"),
        (75, unexpected(2132, ASSERTION), "error"),
        (76, said(2111, f"Evaluating invariant Safe failed.\n{said(2132, ASSERTION, 0)}"), "error"),
        (151, said(2230, "The invariant of No is equal to FALSE"), "invariant No"),
        (255, unexpected(2132, ASSERTION), "error"),
    ],
)
def test_a_verdict(tmp_path: Path, status: int, output: str, result: str) -> None:
    assert judged(tmp_path, status, output, "INVARIANT Safe\nPROPERTY Always")[0] == result


def test_an_error_says_what_and_where(tmp_path: Path) -> None:
    positions = "0. Line 8, column 13 to line 8, column 60 in M\n1. Line 8, column 36 to line 8, column 60 in M\n"
    output = unexpected(2132, ASSERTION) + said(2103, f"The error occurred when TLC …:\n{positions}")
    message = 'The first argument of Assert evaluated to FALSE; the second argument was: "no" (M:8:36)'
    assert judged(tmp_path, 75, output) == ("error", message)


@pytest.mark.parametrize(
    ("status", "output", "where"),
    [
        (151, said(2222, "The constant parameter N is not assigned a value"), "M.cfg: The constant parameter N"),
        (151, said(2229, "The name Speck specified in the configuration file"), "M.cfg: The name Speck"),
        (
            255,
            unexpected(5006, "an error in the configuration file at line 2\nIt was expecting"),
            "M.cfg:2: It was exp",
        ),
        (
            150,
            "*** Errors: 1\n\nline 5, col 14 to line 5, col 15 of module M\n\nUnknown operator: `y'.\n",
            "M.tla:5:14: Unk",
        ),
        (
            150,
            "Cannot find source file for module Nowhere imported in module M.",
            "M.tla: there is no module Nowhere in",
        ),
    ],
)
def test_a_mistake_of_the_user(tmp_path: Path, status: int, output: str, where: str) -> None:
    with pytest.raises(UnusableInput) as caught:
        judged(tmp_path, status, output)
    assert type(caught.value) is UnusableInput
    assert str(caught.value).startswith(f"{tmp_path}/{where}")


@pytest.mark.parametrize(
    ("status", "output", "errors", "words"),
    [
        (1, "", "Exception in thread main: already exists", "status 1: Exception in thread main: already exists"),
        (1, "", "", "status 1: it said nothing"),
        (153, said(2126, "TLC can not write"), "", "status 153: TLC can not write"),
        (255, "", "", "status 255: it said nothing"),
        (255, said(1001, "Java ran out of memory."), "", "out of memory or stack: Java ran out"),
        (75, unexpected(1005, "StackOverflowError"), "", "out of memory or stack"),
        (-9, "", "", "status -9"),
    ],
)
def test_a_failure_of_tlc(tmp_path: Path, status: int, output: str, errors: str, words: str) -> None:
    with pytest.raises(ToolFailure) as caught:
        judged(tmp_path, status, output, errors=errors)
    assert words in str(caught.value)
