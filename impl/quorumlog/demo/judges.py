"""Who judges a run: `tlastep linearizable` what clients were told, and `tlastep validate` what servers wrote down.

What could not be judged is said to be so, and does not count as holding.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import Final

from quorumlog.demo.faults import Happened
from quorumlog.demo.judging import SECONDS, Judge, Question
from quorumlog.demo.kept import kept
from quorumlog.demo.verdicts import HOLDS, UNJUDGED, VIOLATED, Verdict, enough, replicas_agree
from quorumlog.demo.workload import History
from quorumlog.runtime.config import Config

PACE: Final = 1_000
"""Lines a second, of a recording or a history, that a judge has time for beside `SECONDS`: a tenth of what it does."""
LINE: Final = 90
"""Bytes of a line of a history."""
TAIL: Final = 1 << 16
"""Bytes at the end of a recording in which its last line begins, unless it is a very long one."""

OF_RECORDINGS: Final = 3
OF_A_HISTORY: Final = 15
"""Bytes of memory that a judge may need for each byte that it reads; 0.7 to 2.3, and 14, were measured."""

SPECS: Final = ("Replication", "LeaderOutput")
"""What each group is judged by: its consensus, and what its servers took and said, and when."""

OF_ALL: Final = ("ShardedLedger", "ReplicatedTwoPhaseCommit")
"""What all groups together are judged by: what they committed and answered, and what they said to each other."""

_NUMBER: Final = re.compile(rb'\{"n":(\d+)')


def judges(config: Config, history: History, happened: Sequence[Happened], committed: dict[str, int]) -> list[Judge]:
    """Those of a run whose servers have stopped; of each group so many entries are known to be committed."""

    def at_once(what: str, speak: Callable[[], Verdict]) -> Judge:
        return Judge(what, lambda _: [speak()])

    def of_recordings(what: str, servers: Iterable[str], speak: Callable[[Question], Verdict]) -> Judge:
        files = recordings(config, servers)
        needs = OF_RECORDINGS * sum(map(size_of, files))
        return Judge(what, lambda question: [speak(question)], sum(map(lines_of, files)), needs)

    return [
        at_once("enough", partial(enough, history.operations, happened)),
        Judge("accounts", lambda _: kept(history.file)),
        Judge(
            "linearizable",
            lambda question: [linearizable(history.file, question)],
            needs=OF_A_HISTORY * size_of(history.file),
        ),
        *(
            at_once(f"replicas {group}", partial(replicas_agree, config, group, committed.get(group)))
            for group in config.groups
        ),
        *(
            of_recordings(f"{spec} {group}", config.groups[group], partial(recorded, config, group, spec))
            for spec in SPECS
            for group in config.groups
        ),
        *(
            of_recordings(spec, all_servers(config), partial(among_groups, config, spec))
            for spec in (OF_ALL if config.coordinator else ())
        ),
    ]


def linearizable(history: Path, question: Question | None = None) -> Verdict:
    """Whether clients were told what one ledger could have told them; totals and balances at the end are among it."""
    seconds = SECONDS + size_of(history) / LINE / PACE
    words = ["linearizable", str(history), "--model", "ledger", "--timeout", f"{seconds:.0f}"]
    found = (question or Question()).ask(words, 2 * seconds)
    name, what = "linearizable", "what clients were told is linearizable"
    if isinstance(found, str):
        return Verdict(what, UNJUDGED, found, name)
    if found["result"] == "ok":
        return Verdict(what, HOLDS, f"{found['operations']:,} operations of one ledger, {found['seconds']:.1f} s", name)
    if found["result"] == "unknown":
        return Verdict(what, UNJUDGED, f"no order found and none excluded within {seconds:,.0f} s", name)
    return Verdict(what, VIOLATED, f"line {found['line']} of {history}: {found['operation']}", name)


def recorded(config: Config, group: str, spec: str, question: Question | None = None) -> Verdict:
    """Whether what the servers of a group wrote down is a behaviour of a spec."""
    what = f"group {group} ran as {spec} says"
    return validated(config, (f"{spec} {group}", what), spec, config.groups[group], question)


def among_groups(config: Config, spec: str, question: Question | None = None) -> Verdict:
    """Whether what all groups did together, transfers between them included, is a behaviour of a spec."""
    return validated(config, (spec, f"all groups ran as {spec} says"), spec, all_servers(config), question)


def validated(
    config: Config, called: tuple[str, str], spec: str, servers: Iterable[str], question: Question | None
) -> Verdict:
    """What `tlastep validate` says of some recordings; the verdict has this name, and these words."""
    name, what = called
    if config.recordings is None:
        return Verdict(what, UNJUDGED, "nothing was recorded", name)
    files = recordings(config, servers)
    seconds = SECONDS + sum(map(lines_of, files)) / PACE
    words = ["validate", "--progress", "--model", spec, *map(str, files)]
    found = (question or Question()).ask(words, seconds)
    if isinstance(found, str):
        return Verdict(what, UNJUDGED, found, name)
    if found["result"] == "ok":
        says = f"{found['lines']:,} lines of {len(files)} recordings, {found['seconds']:.1f} s"
        return Verdict(what, HOLDS, says, name)
    return Verdict(what, VIOLATED, f"{found['file']}:{found['line']}: {found['action']}: {found['reason']}", name)


def recordings(config: Config, servers: Iterable[str]) -> list[Path]:
    """Where servers write down what they do, if they do."""
    return [] if config.recordings is None else [config.recordings / f"{server}.ndjson" for server in servers]


def all_servers(config: Config) -> list[str]:
    """Those of all groups."""
    return [server for group in config.groups.values() for server in group]


def size_of(file: Path) -> int:
    """Its bytes; none if it is not there."""
    return file.stat().st_size if file.exists() else 0


def lines_of(recording: Path) -> int:
    """How many lines a recording has, as its last whole line says; none if it is not there."""
    if not recording.exists():
        return 0
    with recording.open("rb") as file:
        file.seek(max(0, size_of(recording) - TAIL))
        for line in reversed(file.read().splitlines()):
            if (found := _NUMBER.match(line)) is not None:
                return int(found[1])
    return 0
