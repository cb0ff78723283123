"""The README tells the truth: its commands are run, and what it quotes is what stands in the files."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest
from tests.house.project import ROOT, relative, tracked

README: Final = (ROOT / "README.md").read_text(encoding="utf-8")
RUNS: Final = re.compile(r"^<!-- runs -->\n```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
QUOTES: Final = re.compile(r"^```(?:python|tla|toml)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK: Final = re.compile(r"\]\((?!https?:|#)(?P<path>[^)#]+)(?:#[^)]*)?\)")
SECONDS: Final = re.compile(r"\d+\.\d+")

BLOCKS: Final = [found[1].splitlines() for found in RUNS.finditer(README)]


def commands(block: list[str]) -> list[str]:
    """The commands of a block, without `uv run`: the tools are those of this environment."""
    return [line.removeprefix("$ ").replace("uv run ", "") for line in block if line.startswith("$ ")]


def compared(lines: list[str]) -> list[str]:
    """Lines without what differs between runs: seconds, and how wide a table is on that account."""
    return [re.sub(r"\s+", " ", SECONDS.sub("#", line)) for line in lines]


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: commands(block)[-1])
def test_a_command_prints_what_the_readme_shows(block: list[str]) -> None:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    ran = subprocess.run(
        ["bash", "-euc", "\n".join(commands(block))],
        cwd=ROOT,
        env={**os.environ, "PATH": path},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    printed = compared(ran.stdout.splitlines())
    assert [line for line in compared(block) if not line.startswith("$ ") and line not in printed] == []


def test_the_two_commands_of_the_readme_come_first() -> None:
    first = README.split("```console\n")[1].split("```")[0]
    assert first == "$ pip install uv && uv run tlastep verify\n$ uv run pytest -n auto\n"


def test_quotations_are_quoted() -> None:
    """Each paragraph of quoted code stands, as a whole, in a file of the examples, whatever its indentation."""
    texts = [unindented(path.read_text(encoding="utf-8")) for path in tracked() if is_an_example(path)]
    paragraphs = [part for found in QUOTES.finditer(README) for part in re.split(r"\n{2,}", found[1].strip("\n"))]
    assert paragraphs
    assert [part for part in paragraphs if not any(unindented(part) in text for text in texts)] == []


def is_an_example(path: Path) -> bool:
    """Whether a file belongs to the examples that the README quotes."""
    return path.is_relative_to(ROOT / "examples")


def unindented(text: str) -> str:
    """The text with every line moved to the left."""
    return "\n".join(line.strip() for line in text.splitlines())


@pytest.mark.parametrize("path", [each for each in tracked() if each.suffix == ".md"], ids=relative)
def test_links_within_the_project_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [found["path"] for found in LINK.finditer(text) if not (path.parent / found["path"]).exists()] == []
