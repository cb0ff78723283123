"""What docs/router.md shows is what happens: every command with curl is run, in order, against a cluster."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.cluster.http_client import connected, routers

from quorumlog import Cluster
from quorumlog.runtime import feed, router
from quorumlog.runtime.routes import Routes

DOCS: Final = (Path(__file__).resolve().parents[2] / "docs" / "router.md").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"^```console\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
SHOWN: Final = "127.0.0.1:7080"
TIMED_OUT: Final = 28
"""How curl ends if it was to take up to so many seconds."""


def examples(blocks: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The commands with curl, and what they print."""
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *printed = part.rstrip("\n").split("\n")
            if command.startswith("curl "):
                yield command, printed


def compared(lines: list[str]) -> list[str]:
    """Lines without what differs between runs: ages, and the names of sessions that a router makes up."""
    found = [re.sub(r'"complete_ms_ago":\d+', '"complete_ms_ago":#', line) for line in lines]
    found = [re.sub(r'"source":"a\d"', '"source":"a#"', line) for line in found]
    return [re.sub(r"router:[0-9a-f]{16}", "router:#", line) for line in found]


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a copy may be older than it is in the text."""
    monkeypatch.setattr(feed, "PATIENCE", 30.0)


def differences(blocks: list[str]) -> list[str]:
    """The commands that print something else than what is shown."""
    found = []
    with Cluster() as cluster, routers(cluster.config) as (running,), connected(running) as (http,):
        assert http.get("/v1/total?timeout=30").status == 200
        for command, printed in examples(blocks):
            here = command.replace(SHOWN, f"127.0.0.1:{running.address[1]}")
            ran = subprocess.run(["bash", "-c", here], capture_output=True, text=True, check=False, timeout=60)
            assert ran.returncode in (0, TIMED_OUT), ran.stderr
            if compared(ran.stdout.rstrip("\n").split("\n")) != compared(printed):
                found.append(f"{command}\n{ran.stdout}")
    return found


def test_what_is_shown_happens() -> None:
    assert differences(BLOCKS) == []


def test_something_else_would_be_noticed() -> None:
    """A mutant: one number in the text is another one."""
    changed = [block.replace('"balance":60,"through":"index"', '"balance":61,"through":"index"') for block in BLOCKS]
    assert changed != BLOCKS
    (found,) = differences(changed)
    assert found.startswith(f"curl -s {SHOWN}/v1/accounts/ann\n")


def test_every_route_has_an_example() -> None:
    class Nowhere:
        """Has every route."""

        def __getattr__(self, name: str) -> None:
            return None

    nowhere: Routes = Nowhere()  # type: ignore[assignment]  # only the addresses are looked at
    paths = [each.path for each in router.entrances(nowhere)] + ["/openapi.json"]
    shown = [command for command, _ in examples(BLOCKS)]
    patterns = [re.compile(re.escape(SHOWN) + re.sub(r"{\w+}", r"[\\w-]+", path) + r"(?=[\s'?]|$)") for path in paths]
    assert [each.pattern for each in patterns if not any(each.search(command) for command in shown)] == []
