"""A performance of a script: the lines with what belongs below them, and every step that was tried."""

from __future__ import annotations

from msgspec import Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.simulation.transcript.script import INDENT, Line, Script
from quorumlog.simulation.transcript.stage import Stage, Step


class Performance(Struct, frozen=True):
    """What became of a script: `lines` with the output that belongs to each, and `steps` with their lines' numbers."""

    script: Script
    lines: tuple[Line, ...]
    steps: tuple[tuple[int, Step], ...]

    @property
    def text(self) -> str:
        """The script with this output."""
        return "".join([f"{text}\n" for line in self.lines for text in (line.text, *line.output)])

    @property
    def servers(self) -> tuple[ServerId, ...]:
        """All servers."""
        return self.script.cluster.servers

    @property
    def batch(self) -> int:
        """How many entries a request may carry."""
        return self.script.cluster.batch

    @property
    def events(self) -> frozenset[str]:
        """The events that are proposed."""
        commands = [command for line in self.script.lines for command in line.commands]
        return frozenset([event for command in commands if command.verb == "propose" for event in command.words])


def perform(script: Script) -> Performance:
    """Runs a script from its beginning to its end."""
    stage = Stage(script.cluster)
    lines: list[Line] = []
    beginning = next(line.number for line in script.lines if line.commands)
    steps = [(beginning, step) for step in stage.steps]
    for line in script.lines:
        done = len(stage.steps)
        said = [said for command in line.commands for said in stage.perform(command)]
        output = tuple([f"{INDENT}{each}".rstrip() for each in said])
        lines.append(Line(line.number, line.text, line.commands, output))
        steps += [(line.number, step) for step in stage.steps[done:]]
    return Performance(script, tuple(lines), tuple(steps))
