"""The application of the README: it does what it says, within 40 lines, and replays itself."""

from __future__ import annotations

import runpy
from pathlib import Path
from typing import Any, Final

import pytest

from quorumlog.core.event_sourcing import Machine, replayed, serve

EXAMPLE: Final = Path(__file__).resolve().parents[2] / "examples" / "raffle.py"


def test_it_is_short() -> None:
    assert len(EXAMPLE.read_text(encoding="utf-8").splitlines()) <= 40


def test_it_prints_what_the_readme_shows(capsys: pytest.CaptureFixture[str]) -> None:
    runpy.run_path(str(EXAMPLE), run_name="__main__")
    printed = capsys.readouterr().out.splitlines()
    assert printed[-1] == "after a crash: ('cyd',)"
    readme = (EXAMPLE.parents[1] / "README.md").read_text(encoding="utf-8")
    assert "\n".join(printed) in readme


def test_what_was_drawn_is_not_drawn_again() -> None:
    """The commands, decided anew with other luck, have another winner; the events have not."""
    raffle = runpy.run_path(str(EXAMPLE))["raffle"]
    winners = set()
    for luck in (0.1, 0.5, 0.9):
        machine: Machine[Any, str, Any, str, float] = Machine.of(raffle)
        for command in ("ann", "bob", "cyd", ""):
            machine, answer = serve(machine.submit(command), luck)
        assert replayed(machine.restart()) == machine
        winners.add(answer)
    assert len(winners) == 3
