"""The command `quorumlog`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Never

import typer
from rich.console import Console
from rich.table import Table

from quorumlog.core.consensus.roles import SILENCES, TABLE
from quorumlog.core.consensus.state import ROLES, Replica
from quorumlog.demo import command as demo
from quorumlog.runtime import commands
from quorumlog.runtime.recorder import Recorder, bare
from quorumlog.simulation.composed.claims import Claims
from quorumlog.simulation.composed.moves import KINDS
from quorumlog.simulation.composed.scripts import script
from quorumlog.simulation.composed.walks import LENGTH, shortest
from quorumlog.simulation.composed.walks import walk as random_walk
from quorumlog.simulation.faults import Schedule
from quorumlog.simulation.profiles import PROFILES
from quorumlog.simulation.run import Run, run, summary, swept
from quorumlog.simulation.run import transcript as transcript_of
from quorumlog.simulation.schedule_text import UnusableSchedule, read, text_of
from quorumlog.simulation.strategies import shrunk
from quorumlog.simulation.world import World
from quorumlog.virtual import command as virtual

app = typer.Typer(no_args_is_help=True, add_completion=False, help="An event log replicated by quorum.")
commands.register(app)
demo.register(app)
virtual.register(app)


def say_version(wanted: bool) -> None:
    """Print the version and leave."""
    if wanted:
        typer.echo(f"quorumlog {version('quorumlog')}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=say_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """An event log replicated by quorum."""


@app.command()
def roles() -> None:
    """Print what a server does with each input in each role; silences are in capitals and explained below."""
    console = Console()
    console.print(roles_table())
    for silence in SILENCES:
        console.print(f"[bold]{silence.__name__}[/bold]: {silence.__doc__}")


def roles_table() -> Table:
    """The table of roles, drawn from the one that the core obeys."""
    table = Table("input", *ROLES)
    for kind, row in TABLE.items():
        table.add_row(kind.__name__, *(row[role].__name__.replace("_", " ") for role in ROLES))
    return table


@app.command()
def simulate(
    seed: Annotated[int, typer.Option(metavar="S", help="The first seed; each schedule has the next one.")] = 0,
    schedules: Annotated[int, typer.Option(metavar="N", min=1, help="How many schedules.")] = 200,
    servers: Annotated[int, typer.Option(metavar="N", min=2, max=9, help="How many servers.")] = 3,
    profile: Annotated[str, typer.Option(metavar="NAME", help=f"One of {', '.join(PROFILES)}.")] = "mixed",
    schedule: Annotated[Path | None, typer.Option(metavar="FILE", help="Run the schedule in this file.")] = None,
    sweep: Annotated[bool, typer.Option("--sweep", help="Run each again with a crash at every durable write.")] = False,
    transcript: Annotated[bool, typer.Option("--transcript", help="Print every step.")] = False,
    record: Annotated[
        Path | None, typer.Option(metavar="FOLDER", help="Write recordings there, for `tlastep validate`.")
    ] = None,
) -> None:
    """Run a cluster in virtual time under faults that come from a seed, and judge every step.

    With --record each server's steps are written to a file; of several schedules each has a folder, named by its seed.
    Schedules that begin in the middle of a story are left out then: no recording tells how it began.
    """
    try:
        if profile not in PROFILES:
            raise UnusableSchedule("--profile", 0, f"expected one of {', '.join(PROFILES)}, found {profile}")
        chosen = read(schedule) if schedule is not None else None
    except UnusableSchedule as error:
        typer.echo(f"quorumlog: {error}", err=True)
        raise typer.Exit(2) from error
    made = [chosen] if chosen is not None else [PROFILES[profile](seed + each, servers) for each in range(schedules)]
    if record is not None:
        made = recorded(made, record)
    runs = steps = 0
    for each in made:
        if transcript:
            typer.echo(f"{text_of(each)}\n{transcript_of(each)}", nl=False)
        for done in swept(each) if sweep else [run(each)]:
            runs, steps = runs + 1, steps + done.steps
            if done.finding is not None:
                report(done)
                raise typer.Exit(1)
    typer.echo(f"all holds: {runs} schedules, {steps} steps")


def recorded(schedules: list[Schedule], folder: Path) -> list[Schedule]:
    """Records the schedules that can be, and gives them back."""
    whole = [each for each in schedules if each.start == "Init"]
    if not whole:
        typer.echo("quorumlog: --record: expected a schedule that starts from Init; these start later", err=True)
        raise typer.Exit(2)
    for each in whole:
        own = folder / str(each.seed) if len(schedules) > 1 else folder
        try:
            with recording(own, each.names) as scribe:
                run(each, judge=None, world=lambda schedule, observers: World(schedule, observers, scribe))
        except OSError as error:
            typer.echo(f"quorumlog: {own}: can't be written: {error.strerror}", err=True)
            raise typer.Exit(2) from error
    return whole


@contextmanager
def recording(folder: Path, names: Iterable[str]) -> Iterator[Callable[[str], Recorder[Replica, Never]]]:
    """Recorders of servers that write into a folder, where earlier recordings of theirs are replaced."""
    folder.mkdir(parents=True, exist_ok=True)
    scribes: dict[str, Recorder[Replica, Never]] = {}
    for name in names:
        path = folder / f"{name}.ndjson"
        path.unlink(missing_ok=True)
        scribes[name] = Recorder.open(path, bare)
    try:
        yield scribes.__getitem__
    finally:
        for scribe in scribes.values():
            scribe.close()


def report(failed: Run) -> None:
    """Print a finding: what it is, the schedule, and the smallest one that Hypothesis makes of it, if it is there."""
    typer.echo(f"finding: {summary(failed)}\nseed {failed.schedule.seed}, schedule:\n{text_of(failed.schedule)}")
    try:
        smaller = shrunk(failed, run)
    except ImportError:
        typer.echo("Install hypothesis to have the schedule made smaller.")
        return
    typer.echo(f"made smaller: {summary(smaller)}\n{text_of(smaller.schedule)}", nl=False)


@app.command()
def walk(
    seed: Annotated[int, typer.Option(metavar="S", help="The first seed; each walk has the next one.")] = 0,
    walks: Annotated[int, typer.Option(metavar="N", min=1, help="How many walks.")] = 20,
    length: Annotated[int, typer.Option(metavar="N", min=1, help="How many moves each may take.")] = LENGTH,
) -> None:
    """Walk through the whole system at random (shards, coordinator, clients, read models), and judge every move."""
    taken: Counter[str] = Counter()
    for each in range(seed, seed + walks):
        found = random_walk(each, Claims(), length)
        taken.update(found.taken)
        if found.wrong is not None:
            least = shortest(found.moves, Claims)
            typer.echo(f"finding: {found.wrong}\nseed {each}, {len(found.moves)} moves; made smaller: {least.wrong}")
            typer.echo(script(least.moves), nl=False)
            raise typer.Exit(1)
    table = Table("move", "taken", "")
    for name in dict.fromkeys(kind.move for kind in KINDS.values()):
        table.add_row(name, f"{taken[name]:,}", "fault" if KINDS[name].fault else "")
    Console().print(table)
    typer.echo(f"all holds: {walks} walks, {taken.total()} moves")


def main() -> None:
    """Run the command line."""
    app()
