"""Profiles: ways to make a schedule out of a seed. Each looks for trouble of its own kind; `mixed` takes turns."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from random import Random
from typing import Final, TypeAlias

from msgspec.structs import replace

from quorumlog.core.consensus.messages import ServerId
from quorumlog.simulation.disk import MOMENTS
from quorumlog.simulation.faults import SERVERS, Crash, CrashAtWrite, Cut, Fault, Pause, Schedule, Stand, Weather
from quorumlog.simulation.prepared import STARTS

Profile: TypeAlias = Callable[[int, int], Schedule]


def _writes(dice: Random, names: str, most: int, *, within: int = 12) -> list[Fault]:
    return [
        CrashAtWrite(dice.choice(names), dice.choice(MOMENTS), dice.randint(1, within), dice.randint(5, 200))
        for _ in range(dice.randint(1, most))
    ]


def _timed(dice: Random, names: str, until: int, most: int) -> list[Fault]:
    found: list[Fault] = []
    for _ in range(dice.randint(0, most)):
        at = dice.randrange(until)
        end = at + dice.randint(5, 400)
        server: ServerId = dice.choice(names)
        other: ServerId = dice.choice([name for name in names if name != server])
        found.append(
            dice.choice(
                (
                    Crash(at, server, end),
                    Pause(at, server, end),
                    Cut(at, server, other, end),
                    Cut(at, server, other, end),
                    Stand(at, server),
                )
            )
        )
    return found


def calm(seed: int, servers: int) -> Schedule:
    """A usual day: a reign or two, and crashes at durable writes."""
    dice = Random(f"calm {seed}")
    names = SERVERS[:servers]
    faults = _writes(dice, names, 3) + _timed(dice, names, 1_200, 3)
    return Schedule(seed, servers, until=1_200, batch=dice.choice((1, 2, 3)), faults=ordered(faults))


def changes(seed: int, servers: int) -> Schedule:
    """Leaders change in mid-command: servers stand out of turn, links are cut one way, small batches."""
    dice = Random(f"changes {seed}")
    names = SERVERS[:servers]
    faults = _timed(dice, names, 700, 6) + _writes(dice, names, 2)
    faults += [Stand(dice.randrange(700), dice.choice(names)) for _ in range(dice.randint(1, 4))]
    weather = Weather(delay=(1, 40), lose=5, repeat=10, election=(60, 240), heartbeat=60, flush=(0, 40), sync=(0, 30))
    return Schedule(
        seed, servers, until=700, batch=dice.choice((1, 1, 2)), command=60, weather=weather, faults=ordered(faults)
    )


def storms(seed: int, servers: int) -> Schedule:
    """A network that reorders, repeats late and loses a lot, and disks that are slow."""
    dice = Random(f"storms {seed}")
    names = SERVERS[:servers]
    weather = Weather(
        delay=(1, 120),
        lose=15,
        repeat=25,
        drift=20,
        write=(1, 40),
        sync=(0, 40),
        flush=(0, 60),
        election=(80, 400),
        heartbeat=70,
    )
    faults = _timed(dice, names, 700, 4) + _writes(dice, names, 3)
    return Schedule(
        seed, servers, until=700, batch=dice.choice((1, 2, 3)), command=80, weather=weather, faults=ordered(faults)
    )


def stories(seed: int, servers: int) -> Schedule:
    """The middle of a story, such as figure 8, in a network that repeats and reorders. For three servers."""
    if servers != 3:
        return changes(seed, servers)
    dice = Random(f"stories {seed}")
    start = dice.choice(tuple(STARTS))
    weather = Weather(
        delay=(1, dice.choice((10, 80))),
        lose=5,
        repeat=dice.choice((0, 20)),
        sync=(0, 30),
        flush=(0, 30),
        election=(50, 300),
        heartbeat=60,
    )
    names = SERVERS[:servers]
    faults = _timed(dice, names, 250, 5) + _writes(dice, names, 2, within=4)
    return Schedule(seed, servers, start, dice.choice((1, 1, 2)), 300, 60, weather, ordered(faults))


def asking(seed: int, servers: int) -> Schedule:
    """Servers ask before they stand, in all the trouble that there is; some are cut off one way for long."""
    dice = Random(f"asking {seed}")
    made = (changes, storms, calm)[seed % 3](seed, servers)
    names = SERVERS[:servers]
    deaf, at = dice.choice(names), dice.randrange(made.until)
    cuts = [Cut(at, name, deaf, at + dice.randint(300, 900)) for name in names if name != deaf]
    return replace(made, faults=ordered([*made.faults, *cuts]), asks=True)


def mixed(seed: int, servers: int) -> Schedule:
    """All profiles in turn."""
    turns = (stories, changes, storms, stories, calm)
    return turns[seed % len(turns)](seed, servers)


def ordered(faults: list[Fault]) -> tuple[Fault, ...]:
    """Faults as they are written down: traps first, the others by their time."""
    return tuple(sorted(faults, key=lambda fault: (-1 if isinstance(fault, CrashAtWrite) else fault.at, repr(fault))))


PROFILES: Final[Mapping[str, Profile]] = {
    "mixed": mixed,
    "calm": calm,
    "changes": changes,
    "storms": storms,
    "stories": stories,
    "asking": asking,
}
