"""The command `quorumlog demo`. What it needs is loaded when it is called."""

from __future__ import annotations

import shutil
import signal
import sys
import tempfile
import time
from enum import StrEnum
from json import dumps
from pathlib import Path
from random import SystemRandom
from typing import TYPE_CHECKING, Annotated, Final, Never

import typer
from rich.console import Console
from rich.text import Text

if TYPE_CHECKING:
    from quorumlog.demo.play import Result, Wanted

WIDTH: Final = 200
"""Of a line where nobody looks at a terminal."""


class Network(StrEnum):
    """What carries what servers say to each other."""

    links = "links"
    namespaces = "namespaces"


def register(app: typer.Typer) -> None:
    """Add the command to those of `quorumlog`."""
    app.command()(demo)


def demo(
    shards: Annotated[int, typer.Option(min=1, max=9, help="Shards; of several there is a coordinator, too.")] = 2,
    replicas: Annotated[int, typer.Option(min=1, max=9, help="Servers of each shard, and of the coordinator.")] = 3,
    seconds: Annotated[float, typer.Option(min=1, help="How long there is load.")] = 30,
    faults: Annotated[bool, typer.Option(help="Kill, pause and cut off servers meanwhile.")] = True,
    seed: Annotated[int | None, typer.Option(help="For what is drawn at random; by default a new one.")] = None,
    workers: Annotated[int, typer.Option(min=2, help="Clients at once.")] = 32,
    network: Annotated[
        Network, typer.Option(help="Between servers: links of the demo's own, or namespaces, as root on Linux.")
    ] = Network.links,
    keep: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Where history, recordings and data are kept: a new folder.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document and nothing else.")] = False,
) -> None:
    """Run shards and a coordinator, three servers each, under load and faults; say whether all was as specified."""
    begun = time.monotonic()
    try:
        from quorumlog.demo import show
        from quorumlog.demo.demo import run
        from quorumlog.demo.namespaces import missing
        from quorumlog.demo.play import Wanted, groups
    except ImportError as error:
        fail(f"expected {error.name} to be installed, as by: pip install 'quorumlog[cluster]'")
    if keep is not None and keep.exists():
        fail(f"{keep}: expected a folder that is not there yet")
    if network is Network.namespaces and (why := missing()) is not None:
        fail(f"--network namespaces: {why}")
    signal.signal(signal.SIGTERM, interrupted)
    folder = keep if keep is not None else Path(tempfile.mkdtemp(prefix="quorumlog-demo-"))
    chosen = seed if seed is not None else SystemRandom().randrange(10_000)
    wanted = Wanted(seconds, chosen, faults, folder, workers, hosted=groups(shards), replicas=replicas)
    if not json:
        announce(wanted, network)
    # What goes on is shown to whoever looks at a terminal, and what comes of it is printed to whoever reads.
    watching = Console(stderr=True) if sys.stderr.isatty() else None
    try:
        result = run(wanted, watching, network.value)
    except RuntimeError as error:
        fail(str(error))
    if json:
        kept = None if keep is None and result.holds else str(folder)
        typer.echo(dumps(show.document(result, time.monotonic() - begun, kept), indent=2))
    else:
        say(result, folder)
    if not result.holds:
        raise typer.Exit(1)
    if keep is None:
        shutil.rmtree(folder)


def announce(wanted: Wanted, network: Network) -> None:
    """What is going to happen, for people."""
    kind = "with faults" if wanted.faults else "without faults"
    servers = f"{len(wanted.hosted) * wanted.replicas} servers for {wanted.seconds:g} s {kind}"
    says = f"{servers}, connected by {network}, seed {wanted.seed}, in {wanted.folder}"
    printed().print(says, markup=False, highlight=False)


def interrupted(*_: object) -> None:
    """Whoever asks this to end gets what an interrupt gets: servers, passages and namespaces are gone afterwards.

    A shell has those that it runs in the background ignore interrupts, and they end all the same if they are asked to.
    """
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        raise KeyboardInterrupt
    signal.raise_signal(signal.SIGINT)


def say(result: Result, folder: Path) -> None:
    """What has come of a run, for people."""
    from quorumlog.demo import show

    out = printed()
    out.print(show.faults(result.happened), show.ends(result.verdicts))
    out.print(
        f"{result.answered:,} operations answered; at most {result.longest:.1f} s without an answer", highlight=False
    )
    if result.holds:
        out.print(Text("everything holds", "bold green"))
    else:
        out.print(Text(f"not everything holds; everything is kept in {folder}", "bold red"))


def printed() -> Console:
    """Where it is printed."""
    return Console() if sys.stdout.isatty() else Console(width=WIDTH)


def fail(says: str) -> Never:
    """One line, and the status of what cannot be used."""
    typer.echo(f"quorumlog demo: {says}", err=True)
    raise typer.Exit(2)
