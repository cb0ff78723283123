"""The command `quorumlog router`: what cannot be used is one line, and the status 2."""

from __future__ import annotations

import asyncio
import socket
import sys
from pathlib import Path
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from quorumlog.cli import app
from quorumlog.runtime import config, router
from quorumlog.runtime.supervisor import free_addresses

SECONDS: Final = 10.0
SERVE: Final = router.serve
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


@pytest.mark.parametrize(("goes_wrong", "says"), [(True, "RuntimeError('out of order')"), (False, "None")])
def test_a_router_that_takes_no_requests_any_more_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *, goes_wrong: bool, says: str
) -> None:
    """It would be there without an end, and nobody would know."""

    async def tick(server: router.Server, counter: int) -> bool:
        if goes_wrong:
            raise RuntimeError("out of order")
        return True

    async def bounded(*arguments: Any) -> None:
        async with asyncio.timeout(SECONDS):
            await SERVE(*arguments)

    monkeypatch.setattr(router.Server, "on_tick", tick)
    monkeypatch.setattr(router, "serve", bounded)
    host, port = free_addresses(1)[0]
    assert router.run(config.alone(tmp_path), f"{host}:{port}") == 1
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"quorumlog: the router stops, for something has gone wrong inside: {says}"
