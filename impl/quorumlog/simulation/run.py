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

Told: TypeAlias = tuple[str, tuple[Argument, ...], Cluster, Cluster]
"""A step as action, arguments and the clusters before and after."""

Opinion: TypeAlias = Callable[[Sequence[Told]], tuple[int, str, str] | None]
"""What somebody says of steps: which is the first that is wrong, and what is wrong, if anything is."""


def run_beside(schedule: Schedule, opinion: Opinion, judges_properties: bool = False) -> Run:
    """Runs a schedule, and asks for an opinion on its steps, up to the first finding.

    An invariant that is false is found here first. If the opinion `judges_properties`, too, it says so itself, and the
    invariants are only asked about steps up to the one that it is about. The run comes first, and those who look at it
    after it: programs that take turns at every step are slower than one after the other.
    """
    steps: list[Step] = []
    done = run(schedule, steps.append, judge=None)
    if not judges_properties:
        done, steps = _judged(done, steps)
    said = opinion([(step.action, step.arguments, step.before, step.after) for step in steps])
    if said is None:
        return done
    number, *says = said
    found = _ended(done, steps[number], "spec", *says)
    return _judged(found, steps[: number + 1])[0] if judges_properties else found


def _judged(done: Run, steps: list[Step]) -> tuple[Run, list[Step]]:
    """The run as it ends by the invariants, and the steps before that end."""
    for sound, step in enumerate(steps):
        try:
            judge_step(step)
        except Found as found:
            return _ended(done, step, found.kind, found.name, found.says), steps[:sound]
    return done, steps


def _ended(done: Run, step: Step, kind: str, name: str, says: str) -> Run:
    """The run as if it had ended with a step, of which something was found only afterwards."""
    return replace(done, steps=step.number, finding=Finding(kind, name, says, step.number, step.time))


def made(seed: int, servers: int, profile: str) -> Schedule:
    """The schedule that a profile makes of a seed."""
    return PROFILES[profile](seed, servers)
