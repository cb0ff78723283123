"""The command line of quorumlog."""

from __future__ import annotations

from importlib.metadata import version

from typer.testing import CliRunner

from quorumlog.cli import app
from quorumlog.core.consensus.roles import SILENCES, TABLE


def test_the_version_is_that_of_the_distribution() -> None:
    outcome = CliRunner().invoke(app, ["--version"])
    assert (outcome.exit_code, outcome.output.strip()) == (0, f"quorumlog {version('quorumlog')}")


def test_the_table_of_roles_names_every_input_and_every_silence() -> None:
    outcome = CliRunner().invoke(app, ["roles"])
    assert outcome.exit_code == 0
    assert [kind.__name__ for kind in TABLE if kind.__name__ not in outcome.output] == []
    assert [silence.__name__ for silence in SILENCES if f"{silence.__name__}:" not in outcome.output] == []
