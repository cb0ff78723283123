"""Commands that the documents name exist, with all options that they are given there; those that are quoted are run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import pytest
import typer
from tests.house.project import relative, tracked
from typer.core import TyperGroup

from quorumlog.cli import app
from tlastep.cli.main import application

FENCED: Final = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
INDENTED: Final = re.compile(r"(?:^    .*\n)+", re.MULTILINE)
SHELL: Final = ("", "console", "text")
INLINE: Final = re.compile(r"`([^`]+)`", re.DOTALL)
COMMAND: Final = re.compile(r"(?:^|[ $(])(?:uv run )?(quorumlog|tlastep) ([a-z][a-z-]*)\b([^|;&]*)")
OR: Final = re.compile(r"(?<=\w)\|(?=\w)")
OPTION: Final = re.compile(r"(?<![\w-])(--[a-z][a-z-]*)")
PROGRAMS: Final = {"quorumlog": typer.main.get_command(app), "tlastep": typer.main.get_command(application())}
DOCUMENTS: Final = [each for each in tracked() if each.suffix == ".md" and each.parent.name != "changes"]


class Command(NamedTuple):
    """A command as a document shows it."""

    program: str
    name: str
    rest: str


def shown(text: str) -> Iterator[Command]:
    """The commands in blocks and spans of code; what they print is none."""
    fenced = [block for language, block in FENCED.findall(text) if language in SHELL]
    prose = FENCED.sub("", text)
    lines = [line for block in (*fenced, *INDENTED.findall(prose)) for line in block.splitlines()]
    spans = [" ".join(span.split()) for span in INLINE.findall(INDENTED.sub("", prose))]
    for line in [*lines, *spans]:
        for program, name, rest in COMMAND.findall(OR.sub("/", line.strip())):
            yield Command(program, name, rest)


def wrong(command: Command) -> str | None:
    """What of a command is not there."""
    program = PROGRAMS[command.program]
    assert isinstance(program, TyperGroup), "it has commands"
    found = program.commands.get(command.name)
    words = command.rest.split()
    while isinstance(found, TyperGroup) and words and not words[0].startswith("-"):
        found = found.commands.get(words.pop(0))
    if found is None:
        return f"{command.program} {command.name}: no such command"
    known = {each for option in found.params for each in (*option.opts, *option.secondary_opts)}
    missing = [each for each in OPTION.findall(command.rest) if each not in known | {"--help"}]
    return f"{command.program} {command.name}: no option {', '.join(missing)}" if missing else None


@pytest.mark.parametrize("path", DOCUMENTS, ids=relative)
def test_commands_and_their_options_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert [said for command in shown(text) if (said := wrong(command)) is not None] == []


def test_what_does_not_exist_is_found() -> None:
    text = """
Ask `quorumlog demo --shards 2 [--network links|namespaces] [--keeps DIR]`, or `uv run tlastep
valid --json`.

    quorumlog client balances ann --json

```console
$ uv run tlastep check --fast | grep ok
```

```python
from quorumlog import demo
```
"""
    assert [wrong(command) for command in shown(text)] == [
        "tlastep check: no option --fast",
        "quorumlog client: no such command",
        "quorumlog demo: no option --keeps",
        "tlastep valid: no such command",
    ]
