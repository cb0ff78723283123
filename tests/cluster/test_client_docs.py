"""What docs/client.md and the README show of `quorumlog client` and curl is what happens, in order, at one cluster."""

from __future__ import annotations

import re
import shlex
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
from tests.cluster.http_client import connected, routers
from typer.testing import CliRunner

from quorumlog import Cluster
from quorumlog.cli import app
from quorumlog.runtime import feed

ROOT: Final = Path(__file__).resolve().parents[2]
DOCS: Final = (ROOT / "docs" / "client.md").read_text(encoding="utf-8")
README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS: Final = re.findall(r"^```console\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
OF_README: Final = re.findall(r"^<!-- at a cluster -->\n```console\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
PYTHON: Final = re.findall(r"^```python\n(.*?)^```", DOCS, re.MULTILINE | re.DOTALL)
ROUTER: Final = "127.0.0.1:7080"
PATIENCE: Final = 100
"""How often a command is run that prints less than is shown."""


def examples(blocks: list[str]) -> Iterator[tuple[str, list[str]]]:
    """The commands, and what they print."""
    for block in blocks:
        for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
            command, *printed = part.rstrip("\n").split("\n")
            yield command, printed


def compared(lines: list[str]) -> list[str]:
    """Lines without what differs between runs: ages, and the keys and names that are made up."""
    found = [re.sub(r"as of \d+ ms", "as of # ms", line) for line in lines]
    return [re.sub(r'"(key|router):[0-9a-f]{16}"', r'"\1:#"', line) for line in found]


def lags(got: str, wanted: list[str]) -> bool:
    """Whether lines are missing at the end, as where a server is asked for events that does not know the last ones."""
    lines = compared(got.rstrip("\n").split("\n"))
    return len(lines) < len(wanted) and lines == compared(wanted)[: len(lines)]


def printed(command: str) -> str:
    """What a command prints: `quorumlog` here, curl and what stands behind a bar in a shell."""
    if not command.startswith("quorumlog client "):
        return subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=True, timeout=60).stdout
    first, bar, rest = command.partition(" | ")
    output = CliRunner().invoke(app, shlex.split(first)[1:]).output
    if not bar:
        return output
    return subprocess.run(["bash", "-c", rest], input=output, capture_output=True, text=True, check=True).stdout


def file_of(cluster: Cluster, folder: Path) -> Path:
    """The configuration of a cluster in this process, for those who want a file."""
    file = folder / "cluster.toml"
    servers = [f'{name} = "{host}:{port}"' for name, (host, port) in cluster.servers.items()]
    file.write_text("\n".join(["[groups.a]", *servers, ""]), encoding="utf-8")
    return file


def differences(blocks: list[str], folder: Path) -> list[str]:
    """The commands that print something else than what is shown."""
    found = []
    with Cluster() as cluster, routers(cluster.config) as (running,), connected(running) as (http,):
        assert http.get("/v1/total?timeout=30").status == 200
        file = file_of(cluster, folder)
        for command, wanted in examples(blocks):
            here = command.replace(ROUTER, f"127.0.0.1:{running.address[1]}").replace("cluster.toml", str(file))
            got = printed(here)
            for _ in range(PATIENCE):
                if not lags(got, wanted):
                    break
                time.sleep(0.1)
                got = printed(here)
            if compared(got.rstrip("\n").split("\n")) != compared(wanted):
                found.append(f"{command}\n{got}")
    return found


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a busy machine a copy may be older than it is in the text."""
    monkeypatch.setattr(feed, "PATIENCE", 30.0)


def test_what_is_shown_happens(tmp_path: Path) -> None:
    assert differences(BLOCKS, tmp_path) == []


def test_what_the_readme_shows_happens(tmp_path: Path) -> None:
    assert OF_README
    assert differences(OF_README, tmp_path) == []


def test_something_else_would_be_noticed(tmp_path: Path) -> None:
    """A mutant: one number in the text is another one."""
    changed = [OF_README[0].replace('"balance":12', '"balance":13')]
    assert changed != OF_README[:1]
    (found,) = differences(changed, tmp_path)
    assert found.startswith(f"curl -s {ROUTER}/v1/accounts/bob\n")


def test_the_python_of_the_text_is_that_of_an_example() -> None:
    example = (ROOT / "examples" / "read_model.py").read_text(encoding="utf-8")
    assert [block for block in PYTHON[1:] if block.strip() not in example] == []
