"""What is seen while a demonstration runs, and the tables at its end."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from rich.console import Group
from rich.table import Table
from rich.text import Text

from quorumlog.demo.faults import Happened, Kind
from quorumlog.demo.verdicts import Verdict
from quorumlog.demo.workload import History
from quorumlog.runtime.wire import Status


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
    line += "".join(f", {told[how]:,} {said}" for how, said in (("fail", "failed"), ("info", "unknown")) if told[how])
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


def ends(verdicts: Sequence[Verdict]) -> Table:
    """The verdicts."""
    table = Table(box=None, pad_edge=False)
    table.add_column("verdict")
    table.add_column("")
    table.add_column("")
    colours = {"holds": "green", "fails": "bold red"}
    for each in verdicts:
        table.add_row(each.what, Text(each.result, colours.get(each.result, "yellow")), Text(each.says))
    return table
