"""What is seen while a demonstration runs, and the tables at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Final

from rich.console import Group
from rich.table import Table
from rich.text import Text

from quorumlog.demo.faults import Happened, Kind
from quorumlog.demo.judging import Standing
from quorumlog.demo.play import Result
from quorumlog.demo.verdicts import HOLDS, UNJUDGED, VIOLATED, Verdict
from quorumlog.demo.workload import History
from quorumlog.runtime.wire import Status

COLOURS: Final[Mapping[str, str]] = {HOLDS: "green", VIOLATED: "bold red"}


def now(
    statuses: Mapping[str, Status | None],
    history: History,
    seconds: float,
    rate: float,
    happened: Sequence[Happened],
    current: tuple[Kind, str] | None,
) -> Group:
    """The cluster at this moment."""
    table = Table(box=None, pad_edge=False)
    for name in ("group", "leader", "term", "committed", "lag"):
        table.add_column(name, justify="left" if name in ("group", "leader") else "right")
    for group, status in statuses.items():
        if status is None:
            table.add_row(group, "nobody", "", "", "")
        else:
            lag = max(status.lag.values(), default=0)
            table.add_row(group, status.identity, str(status.term), f"{status.commit:,}", f"{lag:,}")
    told = history.outcomes
    line = f"{seconds:5.1f} s   {rate:6,.0f} operations a second   {told['ok']:,} answered"
    line += f", {told['fail']:,} failed" * bool(told["fail"]) + f", {told['info']:,} unknown" * bool(told["info"])
    kinds = Counter(each.kind for each in happened)
    faults = "   ".join(f"{kind} {number}" for kind, number in kinds.items()) or "none yet"
    doing = f"   now: {current[0]} {current[1]}" if current else ""
    return Group(table, Text(line), Text(f"faults: {faults}{doing}"))


def faults(happened: Sequence[Happened]) -> Table:
    """Who suffered what."""
    table = Table(box=None, pad_edge=False)
    for name in ("fault", "times", "of leaders", "servers"):
        table.add_column(name, justify="right" if name in ("times", "of leaders") else "left")
    for kind in dict.fromkeys(each.kind for each in happened):
        of_kind = [each for each in happened if each.kind == kind]
        leaders = sum(each.whom == "leader" for each in of_kind)
        servers = " ".join(dict.fromkeys(each.server for each in of_kind))
        table.add_row(kind, str(len(of_kind)), str(leaders), servers)
    return table


def judging(standings: Sequence[Standing], now: float) -> Table:
    """How far the judges are; the time is that of `time.monotonic`."""
    table = Table(box=None, pad_edge=False)
    for name in ("judged by", "", ""):
        table.add_column(name)
    for each in standings:
        if each.verdicts:
            said = " ".join(dict.fromkeys(verdict.result for verdict in each.verdicts))
            table.add_row(each.judge.what, Text(said, COLOURS.get(said, "yellow")), each.verdicts[0].says)
        elif each.begun is None:
            table.add_row(each.judge.what, "waits", f"{each.judge.lines:,} lines" if each.judge.lines else "")
        else:
            of = f"{each.question.lines:,} of {each.judge.lines:,} lines, " if each.judge.lines else ""
            table.add_row(each.judge.what, "judges", f"{of}{now - each.begun:.0f} s")
    return table


def document(result: Result, seconds: float, folder: str | None) -> dict[str, object]:
    """What a script is told of a run that has taken so long, and of which everything is kept in a folder, if it is."""
    results = {each.result for each in result.verdicts}
    return {
        "result": "ok" if result.holds else VIOLATED if VIOLATED in results else UNJUDGED,
        "operations": dict(result.operations),
        "faults": dict(Counter(each.kind for each in result.happened)),
        "verdicts": {each.name or each.what: each.result for each in result.verdicts},
        "seconds": round(seconds, 3),
        "says": {each.name or each.what: each.says for each in result.verdicts},
        "longest": round(result.longest, 3),
        "kept": folder,
    }


def ends(verdicts: Sequence[Verdict]) -> Table:
    """The verdicts."""
    table = Table(box=None, pad_edge=False)
    table.add_column("verdict")
    table.add_column("")
    table.add_column("")
    for each in verdicts:
        table.add_row(each.what, Text(each.result, COLOURS.get(each.result, "yellow")), Text(each.says))
    return table
