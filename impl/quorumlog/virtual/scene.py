"""What happens when in a run in virtual time: faults, clients that work around them, and nothing in between.

The faults are those of the demo, but at the pace of servers that run for days: they last longer, as servers wait longer
for each other, and between two it is quiet, for seconds or for more than a minute. Clients work while something is
wrong, and a little before and after. While they rest a virtual second costs the heartbeats.
"""

from __future__ import annotations

import asyncio
from math import exp, log
from random import Random
from typing import Final

from quorumlog.demo.faults import FIRST, Fault, drawn

PACE: Final = "[pace]\nelection = [1200, 2400]\nheartbeat = 500\n"
KEEPS: Final = "[limits]\nsnapshot = 20\nretain = 50\n"
"""Servers keep their state and drop what it stands for so often that most restarts begin with a snapshot."""
LONGER: Final = 3.0
"""So many times as long as in the demo a fault lasts."""
QUIET: Final = (2.0, 120.0)
"""Seconds between two faults: as often between 2 and 15 as between 15 and 120."""
BEFORE: Final = 0.02
AFTER: Final = 1.0
"""Seconds for which clients work before a fault, and after it."""
HASTE: Final = 0.005
"""Who has rested over a quiet time begins after so much of the rest only: some have begun, and some begin, when the
fault does."""
STAY: Final = 0.5
"""Seconds, on average, between two questions of a client that stays with one server."""


def schedule(seed: int, groups: tuple[str, ...], seconds: float) -> tuple[Fault, ...]:
    """The faults of a run, one after another."""
    dice = Random(f"{seed} quiet")
    found: list[Fault] = []
    now = FIRST * LONGER
    for fault in drawn(seed, groups, seconds):
        ends = now + (fault.ends - fault.begins) * LONGER
        if ends + AFTER > seconds:
            break
        found.append(Fault(round(now, 3), round(ends, 3), fault.kind, fault.group, fault.whom))
        now = ends + exp(dice.uniform(*map(log, QUIET)))
    return tuple(found)


class Hours:
    """When clients work: around the faults, and at the end, in seconds after the start."""

    def __init__(self, faults: tuple[Fault, ...], seconds: float) -> None:
        self._hours = [(each.begins - BEFORE, each.ends + AFTER) for each in faults]
        self._hours.append((seconds - AFTER, float("inf")))
        self.begun = 0.0
        """What time it was at the start."""

    async def rests(self, seconds: float) -> None:
        """Rest for so long; who would begin when nobody works begins soon after the others do again."""
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(self.wait(now - self.begun, seconds))

    def wait(self, now: float, seconds: float) -> float:
        """For how long whoever rests at this time waits."""
        begins = next(begins for begins, ends in self._hours if begins > now or now + seconds <= ends)
        return seconds if begins <= now else begins - now + HASTE * seconds
