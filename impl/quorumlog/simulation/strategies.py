"""Schedules for Hypothesis: a strategy for property tests, and the shrinking of a schedule that fails.

Hypothesis is not needed to run schedules, so only what is called here imports it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from quorumlog.simulation.disk import MOMENTS
from quorumlog.simulation.faults import SERVERS, Crash, CrashAtWrite, Cut, Fault, Pause, Schedule, Stand, Weather
from quorumlog.simulation.profiles import ordered
from quorumlog.simulation.run import Run

if TYPE_CHECKING:
    from hypothesis.strategies import SearchStrategy

KEPT: Final = 9  # out of ten faults at first: enough of them that the schedule still fails


def faults(servers: int = 3, until: int = 1_000) -> SearchStrategy[Fault]:
    """One fault in a cluster of so many servers."""
    from hypothesis import strategies as st

    names = st.sampled_from(SERVERS[:servers])
    times, downtimes = st.integers(0, until), st.integers(1, 400)
    pairs = st.tuples(names, names).filter(lambda pair: pair[0] != pair[1])
    return st.one_of(
        st.builds(Stand, times, names),
        st.builds(CrashAtWrite, names, st.sampled_from(MOMENTS), st.integers(1, 20), downtimes),
        st.builds(lambda at, name, down: Crash(at, name, at + down), times, names, downtimes),
        st.builds(lambda at, name, down: Pause(at, name, at + down), times, names, downtimes),
        st.builds(lambda at, pair, down: Cut(at, pair[0], pair[1], at + down), times, pairs, downtimes),
    )


def schedules(servers: int = 3, until: int = 1_000) -> SearchStrategy[Schedule]:
    """Schedules of so many servers; the smallest has no fault and a calm network."""
    from hypothesis import strategies as st

    chances = st.integers(0, 30)
    weather = st.builds(
        Weather,
        delay=st.tuples(st.just(1), st.integers(1, 100)),
        lose=chances,
        repeat=chances,
        drift=st.integers(0, 20),
        sync=st.tuples(st.just(0), st.integers(0, 40)),
        flush=st.tuples(st.just(0), st.integers(0, 40)),
    )
    return st.builds(
        lambda seed, batch, command, weather, chosen: Schedule(
            seed, servers, "Init", batch, until, command, weather, ordered(chosen)
        ),
        st.integers(0, 1_000),
        st.integers(1, 3),
        st.integers(40, 200),
        weather,
        st.lists(faults(servers, until), max_size=8),
    )


def shrunk(failed: Run, again: Callable[[Schedule], Run], attempts: int = 200) -> Run:
    """The run of a smaller schedule with the same finding: fewer faults, a shorter time, a calmer network.

    `again` runs a schedule. Without a finding, or where nothing smaller fails, the run is answered as it is.
    """
    if failed.finding is None:
        return failed
    from hypothesis import HealthCheck, Phase, find, settings
    from hypothesis.errors import NoSuchExample

    wanted = failed.finding.kind, failed.finding.name
    best = failed

    def fails(schedule: Schedule) -> bool:
        nonlocal best
        done = again(schedule)
        found = done.finding
        if found is None or (found.kind, found.name) != wanted:
            return False
        best = min(best, done, key=lambda run: size(run.schedule))
        return True

    how = settings(
        max_examples=attempts,
        database=None,
        deadline=None,
        derandomize=True,
        phases=(Phase.generate, Phase.shrink),
        suppress_health_check=list(HealthCheck),
    )
    try:
        find(parts(failed.schedule), fails, settings=how)
    except NoSuchExample:
        return failed
    return best


def size(schedule: Schedule) -> tuple[int, int, int]:
    """What is smaller is easier to read: first fewer faults, then a calmer network, then a shorter time."""
    weather = schedule.weather
    return len(schedule.faults), weather.lose + weather.repeat, schedule.until


def parts(schedule: Schedule) -> SearchStrategy[Schedule]:
    """The schedule with fewer faults, in a calmer network, and for a shorter time. Mostly, most of it is kept."""
    from hypothesis import strategies as st

    mostly = st.integers(0, KEPT).map(bool)

    def part(kept: list[bool], loses: bool, repeats: bool, tenths: int) -> Schedule:
        weather = schedule.weather
        weather = replace(weather, lose=weather.lose * loses, repeat=weather.repeat * repeats)
        chosen = tuple(fault for fault, keep in zip(schedule.faults, kept, strict=True) if keep)
        until = schedule.until - schedule.until * (10 - tenths) // 10
        return replace(schedule, weather=weather, faults=chosen, until=until)

    keep_each = st.tuples(*(mostly for _ in schedule.faults)).map(list)
    tenths = st.one_of(st.integers(1, 10), st.just(10))
    return st.builds(part, keep_each, mostly, mostly, tenths)
