"""The command `quorumlog router`: what cannot be used is one line, and the status 2."""

from __future__ import annotations

import socket
import sys
from pathlib import Path
from typing import Final

import pytest
from typer.testing import CliRunner

from quorumlog.cli import app

CLUSTER: Final = '[groups.a]\na1 = "127.0.0.1:7101"\n'


def said(*arguments: str) -> str:
    """What the command says when it does not start."""
    outcome = CliRunner().invoke(app, ["router", *arguments])
    assert outcome.exit_code == 2
    return outcome.output.strip()


@pytest.mark.parametrize(
    ("section", "sentence"),
    [
        ('listen = "here"', "router.listen: expected an address such as \"127.0.0.1:7101\", found 'here'"),
        ("outstanding = 0", "router: expected at least 1 of each, and a timeout of up to 60 seconds"),
        ("timeout = 61", "router: expected at least 1 of each, and a timeout of up to 60 seconds"),
    ],
)
def test_a_section_that_cannot_be_used(tmp_path: Path, section: str, sentence: str) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text(f"{CLUSTER}[router]\n{section}\n", encoding="utf-8")
    assert said("--config", str(file)) == f"quorumlog: {file}: {sentence}"


def test_an_address_that_cannot_be_used(tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text(CLUSTER, encoding="utf-8")
    assert "--listen: expected an address" in said("--config", str(file), "--listen", "here")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        assert said("--config", str(file), "--listen", address).startswith(f"quorumlog: cannot use {address}: ")


def test_what_is_not_installed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [each for each in sys.modules if each == "quorumlog.runtime.router" or each.startswith("starlette")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.delattr("quorumlog.runtime.router", raising=False)
    monkeypatch.setitem(sys.modules, "starlette", None)
    assert "pip install 'quorumlog[router]'" in said("--config", str(tmp_path / "none.toml"))
