"""The commands `quorumlog client ...`: a cluster is asked from the command line. `docs/client.md` shows all of them.

The status says what has come of it: 0 there is an answer; 1 it was declined, or nothing has happened for another reason
that the line tells; 2 what was asked makes no sense; 3 nobody has answered in time. What is needed is loaded when one
of the commands is called.
"""

from __future__ import annotations

import json
import secrets
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, Never, cast

import typer
from rich.console import Console
from rich.table import Table
from typer.core import TyperGroup

from quorumlog.runtime.lines import one_line

if TYPE_CHECKING:
    from quorumlog.runtime import api
    from quorumlog.runtime.asking import Asking

HAPPENED_NOTHING: Final = 1
WRONG: Final = 2
UNANSWERED: Final = 3

WIDTH: Final = 160
"""Of a table where nobody looks at a terminal."""
STATUSES: Final[Mapping[int, int]] = {
    409: HAPPENED_NOTHING,
    410: HAPPENED_NOTHING,
    422: HAPPENED_NOTHING,
    429: UNANSWERED,
    503: UNANSWERED,
}
"""What the statuses of HTTP are here; all others say that the question was wrong."""

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", envvar="QUORUMLOG_CONFIG", help="The servers, in TOML.")
]
Url = Annotated[
    str | None, typer.Option("--url", metavar="URL", envvar="QUORUMLOG_URL", help="A router, instead of the servers.")
]
Timeout = Annotated[float, typer.Option("--timeout", metavar="S", help="Seconds to go on asking.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON, in the words of the router.")]
Key = Annotated[
    str | None, typer.Option("--key", metavar="KEY", help="The same key is the same command, at every call.")
]
Expected = Annotated[
    int | None, typer.Option("--expected", metavar="N", min=0, help="How many events there must be before it.")
]
Through = Annotated[
    str, typer.Option("--through", metavar="WAY", help="By index (asking a quorum), log (an event), or model (a copy).")
]
Group = Annotated[str | None, typer.Option("--group", metavar="NAME", help="Which group, if there are several.")]

USAGE: Final = cast(type[Exception], typer.BadParameter.__mro__[1])
"""What says that a command is called in a wrong way. It has no name in `typer` that all versions of it share."""
SIGNED: Final = {"ignore_unknown_options": True}
"""Of commands with an amount: what looks like an option may be one that is below zero, and is told so."""


class OneLine(TyperGroup):
    """Commands that say in one line what is wrong with a call."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except USAGE as error:
            wrong = cast(Any, error)
            path = wrong.ctx.command_path if wrong.ctx is not None else "quorumlog client"
            fail(f"{str(wrong.format_message()).rstrip('.')}, see {path} --help")


app: Final = typer.Typer(cls=OneLine, no_args_is_help=True, help="Ask a cluster: commands, questions, events, status.")


class Where(NamedTuple):
    """Who is asked, for how long, and how the answer is shown."""

    config: Path | None
    url: str | None
    timeout: float
    as_json: bool


# -- commands ----------------------------------------------------------------------------------------------------


@app.command(context_settings=SIGNED)
def deposit(
    account: str,
    amount: str,
    config: Config = None,
    url: Url = None,
    timeout: Timeout = 10,
    as_json: AsJson = False,
    key: Key = None,
    expected: Expected = None,
) -> None:
    """Put money into an account."""
    command = {"f": "deposit", "account": account, "amount": number(amount)}
    execute(Where(config, url, timeout, as_json), command, key, expected)


@app.command(context_settings=SIGNED)
def withdraw(
    account: str,
    amount: str,
    config: Config = None,
    url: Url = None,
    timeout: Timeout = 10,
    as_json: AsJson = False,
    key: Key = None,
    expected: Expected = None,
) -> None:
    """Take money out of an account that holds it."""
    command = {"f": "withdraw", "account": account, "amount": number(amount)}
    execute(Where(config, url, timeout, as_json), command, key, expected)


@app.command(context_settings=SIGNED)
def transfer(
    source: Annotated[str, typer.Argument(metavar="FROM")],
    to: str,
    amount: str,
    config: Config = None,
    url: Url = None,
    timeout: Timeout = 10,
    as_json: AsJson = False,
    key: Key = None,
    expected: Expected = None,
) -> None:
    """Move money from one account to another, on one shard or two."""
    command = {"f": "transfer", "from": source, "to": to, "amount": number(amount)}
    execute(Where(config, url, timeout, as_json), command, key, expected)


@app.command(context_settings=SIGNED)
def exchange(
    source: Annotated[str, typer.Argument(metavar="FROM")],
    to: str,
    amount: str,
    config: Config = None,
    url: Url = None,
    timeout: Timeout = 10,
    as_json: AsJson = False,
    key: Key = None,
    expected: Expected = None,
) -> None:
    """Move money at the rate of the moment."""
    command = {"f": "exchange", "from": source, "to": to, "amount": number(amount)}
    execute(Where(config, url, timeout, as_json), command, key, expected)


@app.command()
def submit(
    command: Annotated[str, typer.Argument(metavar="JSON")],
    config: Config = None,
    url: Url = None,
    timeout: Timeout = 10,
    as_json: AsJson = False,
    key: Key = None,
    expected: Expected = None,
    group: Group = None,
) -> None:
    """Have any command of the application executed, as JSON."""
    execute(Where(config, url, timeout, as_json), loaded(command, "command"), key, expected, group)


# -- questions ---------------------------------------------------------------------------------------------------


@app.command()
def balance(
    account: str,
    config: Config = None,
    url: Url = None,
    timeout: Timeout = 10,
    as_json: AsJson = False,
    through: Through = "index",
) -> None:
    """Print what an account holds."""
    ask_for(Where(config, url, timeout, as_json), {"f": "balance", "account": account}, through)


@app.command()
def total(
    config: Config = None,
    url: Url = None,
    timeout: Timeout = 10,
    as_json: AsJson = False,
    through: Through = "index",
) -> None:
    """Print what all accounts hold together."""
    ask_for(Where(config, url, timeout, as_json), {"f": "total"}, through)


@app.command()
def ask(
    question: Annotated[str, typer.Argument(metavar="JSON")],
    config: Config = None,
    url: Url = None,
    timeout: Timeout = 10,
    as_json: AsJson = False,
    through: Through = "index",
    group: Group = None,
) -> None:
    """Print the answer to any question of the application, a command that changes nothing, as JSON."""
    ask_for(Where(config, url, timeout, as_json), loaded(question, "question"), through, group)


@app.command()
def events(
    config: Config = None,
    url: Url = None,
    timeout: Timeout = 10,
    as_json: AsJson = False,
    group: Group = None,
    after: Annotated[int, typer.Option(metavar="N", min=0, help="How many events are known already.")] = 0,
    limit: Annotated[int | None, typer.Option(metavar="N", min=1, help="How many events at most.")] = None,
    follow: Annotated[bool, typer.Option("--follow", help="Go on with what is decided, until Control-C.")] = False,
) -> None:
    """Print the events of a group, a line each; the number in front is the cursor for the next call."""
    with asking(Where(config, url, timeout, as_json)) as cluster:
        found = cluster.follow(group, after) if follow else iter(cluster.events(group, after, limit or 1 << 53).events)
        for each in islice(found, limit):
            if as_json:
                typer.echo(encoded(each))
            else:
                what = json.loads(encoded(each.event))
                was = what.pop("was", "") if isinstance(what, dict) else ""
                fields = " ".join(f"{name}={value}" for name, value in what.items()) if isinstance(what, dict) else what
                typer.echo(f"{each.position} {was} {fields}".rstrip())


@app.command()
def status(config: Config = None, url: Url = None, timeout: Timeout = 10, as_json: AsJson = False) -> None:
    """Print how each server is."""
    with asking(Where(config, url, timeout, as_json)) as cluster:
        found = cluster.status()
        if as_json:
            typer.echo(encoded(found))
            return
        table = Table("group", "server", "role", "term", "commit", "applied", "events", "behind")
        for group, servers in found.items():
            for name, each in servers.items():
                if each is None:
                    table.add_row(group, name, "silent")
                    continue
                behind = " ".join(f"{peer}:{lag}" for peer, lag in each.lag.items() if lag)
                counts = (each.term, each.commit, each.applied, each.events)
                table.add_row(group, name, each.role, *(f"{count:,}" for count in counts), behind)
        (Console() if sys.stdout.isatty() else Console(width=WIDTH)).print(table)


# -- inside ------------------------------------------------------------------------------------------------------


def execute(where: Where, command: Any, key: str | None, expected: int | None, group: str | None = None) -> None:
    """Have a command executed and print what has come of it."""
    named = secrets.token_hex(8) if key is None else key
    with asking(where, f"a command may have been executed, or may still be: ask again with --key {named}") as cluster:
        done = cluster.submit(json.dumps(command).encode(), group, named, expected)
    typer.echo(encoded(done) if where.as_json else told(done.answer))
    if done.answer is False:
        raise typer.Exit(HAPPENED_NOTHING)


def ask_for(where: Where, question: Any, through: str, group: str | None = None) -> None:
    """Ask a question and print the answer."""
    if through not in ("index", "log", "model"):
        fail(f"--through: expected index, log or model, found {through!r}")
    way = cast(Literal["index", "log", "model"], through)
    with asking(where) as cluster:
        found = cluster.question(json.dumps(question).encode(), group, way)
    if where.as_json:
        typer.echo(encoded(found))
    else:
        typer.echo(f"{told(found.answer)}{aged(found.staleness)}")


@contextmanager
def asking(where: Where, unanswered: str = "") -> Iterator[Asking]:
    """A way to the cluster; what cannot be answered is one line, and a status that says why."""
    try:
        from quorumlog.runtime import asking as ways
        from quorumlog.runtime import config
        from quorumlog.runtime.trouble import Trouble
    except ImportError as error:
        fail(f"expected {error.name} to be installed, as by: pip install 'quorumlog[cluster]'")
    if where.config is not None and where.url is not None:
        fail("--url: expected it without --config, for one of them says who is asked")
    if not 0 < where.timeout <= 86_400:
        fail(f"--timeout: expected seconds, more than 0, found {where.timeout:g}")
    try:
        cluster: Asking
        if where.url is not None:
            cluster = ways.OverHttp(where.url, where.timeout)
        else:
            file = config.alone(Path()) if where.config is None else config.read(where.config)
            cluster = ways.Native(file, where.timeout)
        try:
            yield cluster
        finally:
            cluster.close()
    except config.UnusableConfig as error:
        fail(str(error))
    except Trouble as trouble:
        status = STATUSES.get(trouble.status, WRONG if trouble.status < 500 else UNANSWERED)
        said = trouble.error.partition("; a command may")[0].partition(": ask again")[0]
        if status == UNANSWERED:
            said = f"{said} ({where.timeout:g} s)" + (f"; {unanswered}" if unanswered else "")
        fail(said, status)
    except KeyboardInterrupt:
        raise typer.Exit(130) from None


def number(text: str) -> int:
    """An amount."""
    if not (text.isascii() and text.isdecimal() and 0 < int(text) < 2**53):
        fail(f"amount: expected a whole number greater than 0, found {text!r}")
    return int(text)


def loaded(text: str, name: str) -> Any:
    """A value in JSON."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        fail(f"{name}: expected JSON ({error})")


def told(answer: Any) -> str:
    """An answer, for somebody who reads it."""
    match answer:
        case True:
            return "done"
        case False:
            return "declined"
        case {"received": received}:
            return f"received {received}"
        case None:
            return "in doubt"
        case _:
            return answer if isinstance(answer, str) else json.dumps(answer)


def aged(staleness: api.Staleness | None) -> str:
    """How old an answer of a copy is."""
    if staleness is None:
        return ""
    age = staleness.complete_ms_ago
    return f" (complete as of {age} ms ago)" if staleness.known else f" (unknown since {age} ms ago)"


def encoded(value: object) -> str:
    """A value as JSON."""
    import msgspec

    return msgspec.json.encode(value).decode()


def fail(says: str, status: int = WRONG) -> Never:
    """One line, and a status."""
    typer.echo(f"quorumlog: {one_line(says)}", err=True)
    raise typer.Exit(status)
