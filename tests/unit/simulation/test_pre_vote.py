"""Runs in which servers ask before they stand: who comes back deposes nobody, and a leader that is deaf resigns."""

from __future__ import annotations

from itertools import product
from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.state import LEADER
from quorumlog.pre_vote import HEARD
from quorumlog.simulation import world
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.faults import Crash, Cut, Fault, Pause, Schedule
from quorumlog.simulation.pre_vote_starts import later
from quorumlog.simulation.profiles import asking
from quorumlog.simulation.run import run, transcript
from quorumlog.simulation.schedule_text import UnusableSchedule, parse, text_of
from quorumlog.simulation.steps import Step
from quorumlog_bindings.replication import replication
from tlastep.check.models import find_project
from tlastep.check.simulated import Beside, simulation_of

ROOT: Final = Path(__file__).parents[3]
SEEDS: Final = range(8)
QUIET: Final = Schedule(seed=0, until=3_000, asks=True)


def last(schedule: Schedule) -> tuple[int, ServerId, int, list[str]]:
    """Of a run that must hold: the first leader's term and name, the highest term, and the actions taken."""
    steps: list[Step] = []
    done = run(schedule, steps.append)
    assert done.finding is None, done.finding.text()
    led = next(step for step in steps if any(each.role == LEADER for each in step.after.replicas.values()))
    (leader,) = [each for each in led.after.replicas.values() if each.role == LEADER]
    highest = max(each.term for each in steps[-1].after.replicas.values())
    return leader.term, leader.identity, highest, [step.action for step in steps]


def away(seed: int, at: int = 800, until: int = 2_000) -> dict[str, tuple[Fault, ...]]:
    """Ways in which a follower of this seed's first leader is away for long, and comes back."""
    _, leader, _, _ = last(replace(QUIET, seed=seed))
    names = QUIET.names
    gone = next(name for name in names if name != leader)
    rest = [name for name in names if name != gone]
    return {
        "cut off": tuple(Cut(at, *pair, until) for name in rest for pair in ((name, gone), (gone, name))),
        "deaf": tuple(Cut(at, name, gone, until) for name in rest),
        "paused": (Pause(at, gone, until),),
        "crashed": (Crash(at, gone, until),),
    }


@pytest.mark.parametrize("seed", SEEDS)
def test_whoever_comes_back_deposes_nobody(seed: int) -> None:
    for way, faults in away(seed).items():
        first, _, highest, actions = last(replace(QUIET, seed=seed, faults=faults))
        assert highest == first, way
        assert "Resign" not in actions, way


def test_without_asking_somebody_is_deposed() -> None:
    """The test above can fail: the same faults without pre-votes begin new terms."""
    risen = set()
    for seed, (way, faults) in product(SEEDS, [(way, each) for way, each in away(0).items()]):
        first, _, highest, _ = last(replace(QUIET, seed=seed, faults=faults, asks=False))
        if highest > first:
            risen.add(way)
    assert {"cut off", "deaf"} <= risen


@pytest.mark.parametrize("seed", SEEDS)
def test_a_leader_that_hears_nobody_resigns_and_another_one_leads(seed: int) -> None:
    _, leader, _, _ = last(replace(QUIET, seed=seed))
    cuts = tuple(Cut(800, name, leader, 2_900) for name in QUIET.names if name != leader)
    steps: list[Step] = []
    done = run(replace(QUIET, seed=seed, faults=cuts), steps.append)
    assert done.finding is None
    resigned = [step for step in steps if step.action == "Resign"]
    assert [step.arguments for step in resigned] == [(leader,)]
    others = [step for step in steps if step.time < 2_900_000]
    assert any(each.role == LEADER and name != leader for name, each in others[-1].after.replicas.items())


def test_without_check_quorum_a_leader_that_hears_nobody_stays() -> None:
    """The test above can fail: followers that hear a leader do not stand, and it learns of nothing."""
    _, leader, _, _ = last(replace(QUIET, seed=0, asks=False))
    cuts = tuple(Cut(800, name, leader, 2_900) for name in QUIET.names if name != leader)
    first, _, highest, actions = last(replace(QUIET, seed=0, faults=cuts, asks=False))
    assert highest == first
    assert "Resign" not in actions


def test_many_schedules_hold_and_are_behaviours_of_the_spec() -> None:
    spec, simulation = Beside(find_project(ROOT), replication), simulation_of(replication)
    counts: dict[str, int] = {}
    for seed in range(12):
        schedule = asking(seed, 3)
        opinion = spec.opinion(simulation.constants(schedule), counts, simulation.relation(schedule))
        done = simulation.run(schedule, opinion, spec.properties)
        assert done.finding is None, done.finding.text()
    assert counts["Resign"] > 0
    assert counts["Timeout"] > 0


def test_the_spec_without_resigning_objects() -> None:
    """The test above can fail."""
    spec, simulation = Beside(find_project(ROOT), replication), simulation_of(replication)
    _, leader, _, _ = last(QUIET)
    cuts = tuple(Cut(800, name, leader, 2_900) for name in QUIET.names if name != leader)
    schedule = replace(QUIET, faults=cuts)
    with pytest.raises(KeyError, match="Resign"):
        simulation.run(schedule, spec.opinion(simulation.constants(schedule), {}), spec.properties)


def test_who_makes_room_stands_at_once() -> None:
    """As the driver does it: consensus resigns, and takes an election time-out next."""
    electorate = later(("a", "b", "c"), 1).tick("b").knows("b", HEARD).ask("c")
    (request,) = electorate.canvass
    room = electorate.take("a", request)
    assert room.replicas["a"].role == "follower"
    assert room.contact("a").grants == {"a", "b", "c"}
    assert room.take("a", request).canvass == room.canvass, "it is for nobody else"
    stands = room.timeout("a")
    assert (stands.replicas["a"].term, stands.contact("a")) == (2, HEARD)


def test_whether_servers_ask_stands_in_the_text() -> None:
    assert parse(text_of(QUIET)) == QUIET
    assert "asks" not in text_of(replace(QUIET, asks=False))
    assert parse("asks no") == Schedule(0)
    with pytest.raises(UnusableSchedule, match="expected 'asks yes, or asks no', found 'asks maybe'"):
        parse("asks maybe")


def test_the_same_seed_makes_the_same_bytes() -> None:
    assert transcript(asking(3, 3)) == transcript(asking(3, 3))


def test_a_member_in_a_later_term_follows_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The leader makes room, stands at once, and leads again: the driver takes what follows from having resigned."""
    story = later(("a", "b", "c"), 2)
    monkeypatch.setattr(world, "begin", lambda _: Cluster(story.servers, story.replicas, story.network, story.decided))
    steps: list[Step] = []
    done = run(replace(QUIET, command=0, until=1_000), steps.append)
    assert done.finding is None, done.finding.text()
    places = [index for index, step in enumerate(steps) if step.action in ("Resign", "Timeout")]
    assert [(steps[index].action, steps[index].arguments) for index in places] == [
        ("Resign", ("a",)),
        ("Timeout", ("a",)),
    ]
    assert steps[places[0]].time == steps[places[1]].time
    ends = steps[-1].after.replicas
    assert {name: (each.term, each.role) for name, each in ends.items()} == {
        "a": (2, "leader"),
        "b": (2, "follower"),
        "c": (2, "follower"),
    }
