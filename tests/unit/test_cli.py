"""The command line of quorumlog."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from typer.testing import CliRunner

from quorumlog.cli import app
from quorumlog.core.consensus.roles import SILENCES, TABLE
from quorumlog.core.two_phase_commit import participant


def test_the_version_is_that_of_the_distribution() -> None:
    outcome = CliRunner().invoke(app, ["--version"])
    assert (outcome.exit_code, outcome.output.strip()) == (0, f"quorumlog {version('quorumlog')}")


def test_the_table_of_roles_names_every_input_and_every_silence() -> None:
    outcome = CliRunner().invoke(app, ["roles"])
    assert outcome.exit_code == 0
    assert [kind.__name__ for kind in TABLE if kind.__name__ not in outcome.output] == []
    assert [silence.__name__ for silence in SILENCES if f"{silence.__name__}:" not in outcome.output] == []


def test_walks_are_judged_and_counted() -> None:
    outcome = CliRunner().invoke(app, ["walk", "--walks", "2", "--length", "200"])
    assert outcome.exit_code == 0
    assert "all holds: 2 walks" in outcome.output
    assert "on_letter" in outcome.output


def test_a_walk_that_finds_something_prints_a_script(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        participant, "decide_prepare", lambda state, transfer: (participant.Staged(transfer, participant.PREPARED),)
    )
    outcome = CliRunner().invoke(app, ["walk", "--walks", "40"])
    assert outcome.exit_code == 1
    assert "finding: Once" in outcome.output
    assert "MOVES = [" in outcome.output
