"""Runs schedules: one, the sweep of crashes at all its durable writes, or as many as a profile makes of a seed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import ImpossibleInput
from quorumlog.core.consensus.messages import ServerId
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.disk import MOMENTS
from quorumlog.simulation.faults import CrashAtWrite, Schedule
from quorumlog.simulation.profiles import PROFILES
from quorumlog.simulation.steps import Argument, Finding, Found, Observer, Step, entries_text
from quorumlog.simulation.watch import judge_step
from quorumlog.simulation.world import World

DOWNTIME: Final = 60  # milliseconds that a server is down after a crash of a sweep
MakeWorld: TypeAlias = Callable[[Schedule, Sequence[Observer]], World]


class Run(Struct, frozen=True):
    """What came of a schedule: how far it got, and what was found, if anything."""

    schedule: Schedule
    steps: int
    writes: dict[ServerId, int]
    answered: int
    decided: int
    finding: Finding | None


def run(schedule: Schedule, *observers: Observer, judge: Observer | None = judge_step, world: MakeWorld = World) -> Run:
    """Runs a schedule to its end or to the first finding. `judge` looks at each step before the other observers do."""
    chosen = [judge, *observers] if judge is not None else list(observers)
    made = world(schedule, chosen)
    finding = None
    try:
        made.run()
    except Found as found:
        finding = Finding(found.kind, found.name, found.says, made.steps, made.agenda.now)
    except ImpossibleInput as error:
        finding = Finding("exception", "ImpossibleInput", str(error), made.steps, made.agenda.now)
    except Exception as error:
        # Whatever the core raises, it is a finding about the core, and the schedule shows how to get there.
        finding = Finding("exception", type(error).__name__, str(error), made.steps, made.agenda.now)
    writes = {name: process.disk.writes for name, process in made.processes.items()}
    return Run(schedule, made.steps, writes, len(made.client.answered), len(made.history), finding)


def sweep(schedule: Schedule, writes: dict[ServerId, int]) -> Iterator[Schedule]:
    """The schedule again, with one crash more: before, during and after each durable write of each server."""
    for server, count in sorted(writes.items()):
        for write in range(1, count + 1):
            for moment in MOMENTS:
                yield replace(schedule, faults=(*schedule.faults, CrashAtWrite(server, moment, write, DOWNTIME)))


def swept(schedule: Schedule, *observers: Observer, world: MakeWorld = World) -> Iterator[Run]:
    """Runs a schedule, and then all of its sweep; ends with the first finding."""
    first = run(schedule, *observers, world=world)
    yield first
    if first.finding is None:
        for each in sweep(schedule, first.writes):
            done = run(each, *observers, world=world)
            yield done
            if done.finding is not None:
                return


def transcript(schedule: Schedule, world: MakeWorld = World) -> str:
    """A run as text, the same bytes wherever it is made: each step, what has changed in it, and how the run ended."""
    lines: list[str] = []
    done = run(schedule, judge=lambda step: lines.extend(told(step)), world=world)
    judged = run(schedule, world=world)
    return "\n".join([*lines, summary(judged if judged.finding else done), ""])


def told(step: Step) -> Iterator[str]:
    """A step, and below it what has changed in a server that it is about, or in what is decided."""
    yield step.text()
    for name in step.after.servers:
        old, new = step.before.replicas[name], step.after.replicas[name]
        if old is new:
            continue
        says = [
            f"{word} {getattr(new, field)}"
            for word, field in (("term", "term"), ("is", "role"), ("decided", "commit_index"))
            if getattr(old, field) != getattr(new, field)
        ]
        if old.voted_for != new.voted_for:
            says.append(f"votes for {new.voted_for or 'nobody'}")
        if old.log != new.log:
            says.append(f"log {entries_text(new.log)}")
        if says:
            yield f"           {name}: {', '.join(says)}"
    if step.before.decided != step.after.decided:
        yield f"           decided: {entries_text(step.after.decided)}"


def summary(done: Run) -> str:
    """How a run ended, in a line."""
    if done.finding is not None:
        return done.finding.text()
    writes = ", ".join(f"{name} {count}" for name, count in sorted(done.writes.items()))
    return f"all holds: {done.steps} steps, {done.decided} entries decided, {done.answered} answers, writes {writes}"


# -- beside somebody who knows the spec -------------------------------------------------------------------------

Opinion: TypeAlias = Callable[[str, tuple[Argument, ...], Cluster, Cluster], tuple[str, str] | None]
"""What somebody says of a step, given as action, arguments and the clusters before and after: what is wrong, if so."""


def run_beside(schedule: Schedule, opinion: Opinion) -> Run:
    """Runs a schedule, and asks for an opinion on every step that is sound by the invariants."""

    def observe(step: Step) -> None:
        said = opinion(step.action, step.arguments, step.before, step.after)
        if said is not None:
            raise Found("spec", *said)

    return run(schedule, observe)


def made(seed: int, servers: int, profile: str) -> Schedule:
    """The schedule that a profile makes of a seed."""
    return PROFILES[profile](seed, servers)
