"""What is to be said of a run: of its history, of its recordings, and of what the servers hold in the end.

The judges are other programs (`tlastep linearizable`, `tlastep validate`), which know nothing of this one. What could
not be judged is said to be so, and does not count as holding.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from quorumlog.core.consensus.messages import Entry
from quorumlog.demo.faults import Happened
from quorumlog.demo.workload import History, Lasted
from quorumlog.runtime.config import Config
from quorumlog.runtime.errors import DiskFailed, UnusableStore
from quorumlog.runtime.storage import Storage

SECONDS: Final = 600.0
"""That a judge may take."""
ANSWERED: Final = 0.9
"""The part of all operations that must be answered, or a run proves too little."""

SPECS: Final = ("Replication", "LeaderOutput")
"""What each group is judged by: its consensus, and what its servers took and said, and when."""

OF_ALL: Final = "ShardedLedger"
"""What all groups together are judged by."""

HOLDS: Final = "holds"
FAILS: Final = "fails"
UNJUDGED: Final = "not judged"


class Verdict(Struct, frozen=True):
    """One thing that should be so, whether it is, and what was looked at."""

    what: str
    result: str
    says: str

    @property
    def holds(self) -> bool:
        """Whether it is so, and was judged."""
        return self.result == HOLDS


def verdicts(
    config: Config, history: History, happened: Sequence[Happened], committed: dict[str, int]
) -> list[Verdict]:
    """All of them. The servers have stopped; of each group so many entries are known to be committed."""
    return [
        enough(history.operations, happened),
        linearizable(history.file),
        *(replicas_agree(config, group, committed.get(group)) for group in config.groups),
        *(recorded(config, group, spec) for spec in SPECS for group in config.groups),
        *([among_groups(config)] if config.coordinator is not None else []),
    ]


def came_back(refused: str | None) -> Verdict:
    """Whether every server that was killed has started again; else what one said that did not."""
    what = "every server that was killed came back"
    return Verdict(what, HOLDS, "") if refused is None else Verdict(what, FAILS, " ".join(refused.split()))


def enough(operations: Sequence[Lasted], happened: Sequence[Happened]) -> Verdict:
    """Whether the run can show anything: most operations were answered, and some were open in each fault."""
    what = "enough happened to be judged"
    answered = sum(each.how == "ok" for each in operations)
    if not operations or answered < ANSWERED * len(operations):
        return Verdict(what, UNJUDGED, f"{answered:,} of {len(operations):,} operations answered")
    for fault in happened:
        open_ = [each for each in operations if each.begun < fault.ended and each.ended > fault.begun]
        if not overlap(open_):
            return Verdict(what, UNJUDGED, f"no two operations at once while {fault.server} suffers {fault.kind}")
    return Verdict(what, HOLDS, f"{answered:,} of {len(operations):,} operations answered, some in every fault")


def overlap(operations: Sequence[Lasted]) -> bool:
    """Whether two of them were open at one time."""
    latest = -1
    for each in sorted(operations, key=lambda operation: operation.begun):
        if each.begun < latest:
            return True
        latest = max(latest, each.ended)
    return False


def linearizable(history: Path) -> Verdict:
    """Whether clients were told what one ledger could have told them; totals and balances at the end are among it."""
    found = asked(["linearizable", str(history), "--model", "ledger", "--timeout", str(SECONDS)])
    what = "what clients were told is linearizable"
    if isinstance(found, str):
        return Verdict(what, UNJUDGED, found)
    if found["result"] == "ok":
        return Verdict(what, HOLDS, f"{found['operations']:,} operations of one ledger, {found['seconds']:.1f} s")
    if found["result"] == "unknown":
        return Verdict(what, UNJUDGED, f"no order found and none excluded within {SECONDS:.0f} s")
    return Verdict(what, FAILS, f"line {found['line']} of {history}: {found['operation']}")


def recorded(config: Config, group: str, spec: str) -> Verdict:
    """Whether what the servers of a group wrote down is a behaviour of a spec."""
    return validated(config, f"group {group} ran as {spec} says", spec, config.groups[group])


def among_groups(config: Config) -> Verdict:
    """Whether what all groups committed and answered, transfers between them included, is a behaviour of a spec."""
    servers = [server for group in config.groups.values() for server in group]
    return validated(config, f"all groups ran as {OF_ALL} says", OF_ALL, servers)


def validated(config: Config, what: str, spec: str, servers: Iterable[str]) -> Verdict:
    """What `tlastep validate` says of some recordings."""
    if config.recordings is None:
        return Verdict(what, UNJUDGED, "nothing was recorded")
    files = [str(config.recordings / f"{server}.ndjson") for server in servers]
    found = asked(["validate", "--model", spec, *files])
    if isinstance(found, str):
        return Verdict(what, UNJUDGED, found)
    if found["result"] == "ok":
        return Verdict(what, HOLDS, f"{found['lines']:,} lines of {len(files)} recordings, {found['seconds']:.1f} s")
    return Verdict(what, FAILS, f"{found['file']}:{found['line']}: {found['action']}: {found['reason']}")


def asked(words: Sequence[str]) -> dict[str, Any] | str:
    """What `tlastep` says, or why it says nothing."""
    program = shutil.which("tlastep", path=str(Path(sys.executable).parent)) or shutil.which("tlastep")
    if program is None:
        return "tlastep is not installed"
    command = [program, *words, "--json"]
    try:
        ran = subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=2 * SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        return f"tlastep {words[0]} has not ended within {2 * SECONDS:.0f} s"
    if ran.returncode in (0, 1) and ran.stdout.strip():
        found: dict[str, Any] = json.loads(ran.stdout)
        return found
    said = ran.stderr.strip().splitlines()
    return said[-1] if said else f"tlastep {words[0]} has ended with status {ran.returncode}"


def replicas_agree(config: Config, group: str, committed: int | None) -> Verdict:
    """Whether all servers of a group hold the same events, with what was drawn at random, as far as is committed."""
    what = f"the replicas of group {group} hold the same events"
    if committed is None:
        return Verdict(what, UNJUDGED, "nobody has said how much is committed")
    logs: list[tuple[int, tuple[Entry, ...]]] = []
    for server in config.groups[group]:
        place = config.place(server)
        try:
            storage = Storage.open(place.folder, place.hosted().codec, owner=server)
            try:
                start = storage.recovered.start
                logs.append((start, storage.entries(start + 1, min(committed, len(storage.recovered.durable.log)))))
            finally:
                storage.close()
        except (UnusableStore, DiskFailed) as error:
            return Verdict(what, FAILS, f"{server}: {error}")
    holders = sum(start + len(log) >= committed for start, log in logs)
    if 2 * holders <= len(logs):
        return Verdict(what, FAILS, f"{committed:,} entries were committed, and no majority holds them")
    dropped = max(start for start, _ in logs)
    for index, entries in enumerate(zip(*(log[dropped - start :] for start, log in logs), strict=False), dropped + 1):
        if len(set(entries)) > 1:
            return Verdict(what, FAILS, f"they differ at entry {index}")
    missing = f", the first {dropped:,} dropped" if dropped else ""
    return Verdict(what, HOLDS, f"{committed:,} entries committed{missing}, on {holders} of {len(logs)}")
