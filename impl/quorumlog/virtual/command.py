"""The command `quorumlog virtual`. What it needs is loaded when it is called."""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Never

import typer
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from quorumlog.demo.play import Result
    from quorumlog.virtual.run import Figures

WIDTH: Final = 200
"""Of a line where nobody looks at a terminal."""
KEYED: Final = (0.5, 1.0)
"""The part of all operations that have a key of their own, in one run and the next."""


def register(app: typer.Typer) -> None:
    """Add the command to those of `quorumlog`."""
    app.command()(virtual)


def virtual(
    seed: Annotated[int, typer.Option(metavar="S", help="The first seed; each run has the next one.")] = 0,
    runs: Annotated[int, typer.Option(metavar="N", min=1, help="How many runs, up to the first that fails.")] = 1,
    seconds: Annotated[float, typer.Option(min=1, help="How many virtual seconds it lasts.")] = 300,
    faults: Annotated[
        bool, typer.Option(help="Kill, pause and cut off servers, lose and delay messages, slow disks.")
    ] = True,
    workers: Annotated[int, typer.Option(min=1, help="Clients at once, around faults.")] = 8,
    rest: Annotated[float, typer.Option(min=0, help="Seconds that a client rests, on average.")] = 4,
    groups: Annotated[int, typer.Option(min=1, max=3, help="1: one shard; 3: two and their coordinator.")] = 3,
    judge: Annotated[bool, typer.Option(help="Speak the verdicts; otherwise only run.")] = True,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where history, recordings and data are kept: a new folder.")
    ] = None,
) -> None:
    """Run the servers of the demo in virtual time, from a seed; say whether all was as specified.

    The same seed gives the same history and the same recordings, byte for byte. A run that fails is kept.
    """
    try:
        from quorumlog.virtual.run import HOSTED, STAY, VirtualRun, Wanted
    except ImportError as error:
        fail(f"expected {error.name} to be installed, as by: pip install 'quorumlog[cluster]'")
    if groups == 2:
        fail("--groups: expected 1 or 3, for two shards have a coordinator")
    if keep is not None and keep.exists():
        fail(f"{keep}: expected a folder that is not there yet")
    out = Console() if sys.stdout.isatty() else Console(width=WIDTH)
    hosted = dict(list(HOSTED.items())[:groups])
    for each in range(seed, seed + runs):
        folder = Path(tempfile.mkdtemp(prefix="quorumlog-virtual-")) if keep is None else keep
        own = folder / str(each) if runs > 1 else folder
        keyed = KEYED[each % len(KEYED)]
        stay = STAY if faults else 0.0
        run = VirtualRun(
            Wanted(seconds, each, faults, own, workers, hosted=hosted, rest=rest, keyed=keyed, faithful=stay)
        )
        try:
            result = run.run(judge=judge)
        except (RuntimeError, TimeoutError) as error:
            out.print(Text(f"seed {each}: {error}; everything is kept in {own}", "bold red"))
            raise typer.Exit(1) from error
        say(out, each, result, run.figures, own)
        if not result.holds:
            raise typer.Exit(1)
        if keep is None:
            shutil.rmtree(folder)


def say(out: Console, seed: int, result: Result, figures: Figures, folder: Path) -> None:
    """What a run has shown, in a line, or in several if something does not hold."""
    from quorumlog.demo import show

    done = [
        f"seed {seed}: {figures.seconds:,.1f} virtual seconds in {figures.processor:.2f} of the processor",
        f"{figures.times:,.0f} times real time",
        f"{result.answered:,} operations answered, {figures.routed:,} of them by routers",
        f"{result.longest:.1f} s without an answer at most",
        f"{len(result.happened)} faults",
        f"{figures.pieces:,} pieces sent",
    ]
    out.print("; ".join(done), markup=False, highlight=False)
    if result.holds:
        out.print(Text(f"everything holds: {len(result.verdicts)} verdicts", "bold green"))
    else:
        out.print(show.faults(result.happened), show.ends(result.verdicts))
        out.print(Text(f"not everything holds; everything is kept in {folder}", "bold red"))


def fail(says: str) -> Never:
    """One line, and the status of what cannot be used."""
    typer.echo(f"quorumlog virtual: {says}", err=True)
    raise typer.Exit(2)
