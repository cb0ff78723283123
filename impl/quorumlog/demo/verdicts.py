"""What is to be said of a run: whether each thing is as it should be. What takes no other program is looked at here."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import Final

from msgspec import Struct

from quorumlog.core.consensus.messages import Entry
from quorumlog.demo.faults import Happened
from quorumlog.demo.workload import Lasted
from quorumlog.runtime.config import Config
from quorumlog.runtime.errors import DiskFailed, UnusableStore
from quorumlog.runtime.storage import Storage

ANSWERED: Final = 0.9
"""The part of all operations that must be answered, or a run proves too little."""

HOLDS: Final = "holds"
VIOLATED: Final = "violated"
UNJUDGED: Final = "not judged"


class Verdict(Struct, frozen=True):
    """One thing that should be so, whether it is, and what was looked at. Scripts know it by its name."""

    what: str
    result: str
    says: str
    name: str = ""

    @property
    def holds(self) -> bool:
        """Whether it is so, and was judged."""
        return self.result == HOLDS


def came_back(refused: str | None) -> Verdict:
    """Whether every server that was killed has started again; else what one said that did not."""
    what = "every server that was killed came back"
    if refused is None:
        return Verdict(what, HOLDS, "", "restarts")
    return Verdict(what, VIOLATED, " ".join(refused.split()), "restarts")


def ran_on(ended: Sequence[str]) -> Verdict:
    """Whether no server has ended by itself: the others do without it, so that nobody else would notice."""
    what = "no server ended by itself"
    return Verdict(what, VIOLATED if ended else HOLDS, " ".join("; ".join(ended).split()), "ran on")


def enough(operations: Sequence[Lasted], happened: Sequence[Happened]) -> Verdict:
    """Whether the run can show anything: most operations were answered, and some were open in each fault."""
    name, what = "enough", "enough happened to be judged"
    answered = sum(each.how == "ok" for each in operations)
    if not operations or answered < ANSWERED * len(operations):
        return Verdict(what, UNJUDGED, f"{answered:,} of {len(operations):,} operations answered", name)
    for fault in happened:
        open_ = [each for each in operations if each.begun < fault.ended and each.ended > fault.begun]
        if not overlap(open_):
            says = f"no two operations at once while {fault.server} suffers {fault.kind}"
            return Verdict(what, UNJUDGED, says, name)
    faults = "some in every fault" if happened else "and there was no fault"
    return Verdict(what, HOLDS, f"{answered:,} of {len(operations):,} operations answered, {faults}", name)


def overlap(operations: Sequence[Lasted]) -> bool:
    """Whether two of them were open at one time."""
    latest = -1
    for each in sorted(operations, key=lambda operation: operation.begun):
        if each.begun < latest:
            return True
        latest = max(latest, each.ended)
    return False


def replicas_agree(config: Config, group: str, committed: int | None) -> Verdict:
    """Whether all servers of a group hold the same events, with what was drawn at random, as far as is committed."""
    name, what = f"replicas {group}", f"the replicas of group {group} hold the same events"
    if committed is None:
        return Verdict(what, UNJUDGED, "nobody has said how much is committed", name)
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
            return Verdict(what, VIOLATED, f"{server}: {error}", name)
    holders = sum(start + len(log) >= committed for start, log in logs)
    if 2 * holders <= len(logs):
        return Verdict(what, VIOLATED, f"{committed:,} entries were committed, and no majority holds them", name)
    dropped = max(start for start, _ in logs)
    for index, entries in enumerate(zip_longest(*(log[dropped - start :] for start, log in logs)), dropped + 1):
        if len({*entries} - {None}) > 1:  # one that lags has none there, and the others have to agree all the same
            return Verdict(what, VIOLATED, f"they differ at entry {index}", name)
    missing = f", the first {dropped:,} dropped" if dropped else ""
    return Verdict(what, HOLDS, f"{committed:,} entries committed{missing}, on {holders} of {len(logs)}", name)
