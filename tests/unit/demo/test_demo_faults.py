"""Faults are drawn from a seed: the same ones each time, of every kind, and the first hits the coordinator's leader."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Iterable
from random import Random
from typing import cast

import pytest

from quorumlog.demo.faults import KINDS, LOST, SLOW, Fault, Injector, Kind, drawn
from quorumlog.demo.passages import Passage, Passages
from quorumlog.runtime.supervisor import Supervisor

GROUPS = ("a", "b", "c")
SEEDS = range(20)


def test_the_same_seed_draws_the_same_faults() -> None:
    assert drawn(7, GROUPS, 60) == drawn(7, GROUPS, 60)
    assert len({drawn(seed, GROUPS, 60) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_every_kind_comes_before_one_comes_again(seed: int) -> None:
    found = drawn(seed, GROUPS, 120)
    assert len(found) > 2 * len(KINDS)
    for start in range(0, len(found) - len(KINDS), len(KINDS)):
        assert {each.kind for each in found[start : start + len(KINDS)]} == set(KINDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_the_first_kills_the_leader_of_the_coordinator(seed: int) -> None:
    first = drawn(seed, GROUPS, 10)[0]
    assert (first.kind, first.group, first.whom) == ("kill", "c", "leader")


@pytest.mark.parametrize("seed", SEEDS)
def test_one_comes_after_the_other_and_in_half_a_minute_there_are_ten(seed: int) -> None:
    found = drawn(seed, GROUPS, 30)
    assert len(found) >= 10
    assert all(earlier.ends < later.begins for earlier, later in itertools.pairwise(found))
    assert found[-1].ends <= 30
    assert all((each.whom == "all") == (each.kind == "power") for each in found)


def test_no_time_no_faults() -> None:
    assert drawn(1, GROUPS, 1) == ()


class Recording:
    """What is done to a cluster, one line a deed."""

    def __init__(self, *, refuses: bool = False) -> None:
        self.done: list[str] = []
        self.config = self
        self.groups = {"a": {"a1": 1, "a2": 2, "a3": 3}}
        self._refuses = refuses

    def kill(self, *servers: str) -> None:
        self.done.append("kill " + " ".join(servers))

    def start(self, *servers: str) -> None:
        if self._refuses:
            raise RuntimeError("a1 has ended: damaged")
        self.done.append("start " + " ".join(servers))

    def pause(self, *servers: str) -> None:
        self.done.append("pause " + " ".join(servers))

    def resume(self, *servers: str) -> None:
        self.done.append("resume " + " ".join(servers))


def injected(servers: Recording, *faults: Fault, leader: str | None = "a2") -> tuple[Injector, Passages]:
    """An injector that has done these faults."""
    passages = Passages(dict.fromkeys(servers.groups["a"], ("127.0.0.1", 1)), Random(1))
    injector = Injector(cast(Supervisor, servers), passages, lambda _: leader, lambda: 7, Random(1))
    asyncio.run(injector.run(faults))
    return injector, passages


def test_a_leader_is_killed_and_started_again() -> None:
    servers = Recording()
    injector, _ = injected(servers, Fault(0, 0, "kill", "a", "leader"))
    assert servers.done == ["kill a2", "start a2"]
    assert [(each.kind, each.server, each.whom) for each in injector.happened] == [("kill", "a2", "leader")]


def test_all_of_a_group_are_killed_at_once() -> None:
    servers = Recording()
    injector, _ = injected(servers, Fault(0, 0, "power", "a", "all"))
    assert servers.done == ["kill a1 a2 a3", "start a1 a2 a3"]
    assert injector.happened[0].server == "a"


def test_somebody_else_is_never_the_leader() -> None:
    servers = Recording()
    injected(servers, *[Fault(0, 0, "pause", "a", "other")] * 20)
    assert set(servers.done) == {"pause a1", "resume a1", "pause a3", "resume a3"}


def test_a_server_that_does_not_start_again_ends_it() -> None:
    servers = Recording(refuses=True)
    injector, _ = injected(servers, *[Fault(0, 0, "kill", "a", "leader")] * 2)
    assert injector.refused == "a1 has ended: damaged"
    assert servers.done == ["kill a2"]
    assert len(injector.happened) == 1


@pytest.mark.parametrize(
    ("kind", "says", "hears"), [("isolate", True, True), ("mute", True, False), ("deafen", False, True)]
)
def test_ways_are_blocked_in_the_directions_of_the_kind(kind: Kind, says: bool, hears: bool) -> None:
    async def story() -> None:
        running = asyncio.create_task(injector.run((Fault(0, 0.2, kind, "a", "leader"),)))
        await asyncio.sleep(0.05)
        assert blocked(passages.from_("a2")) == {says}
        assert blocked(passages.to("a2")) == {hears}
        assert {each.is_blocked for each in passages.from_("a1") if each.target == "a3"} == {False}
        await running
        assert blocked((*passages.from_("a2"), *passages.to("a2"))) == {False}

    passages = Passages(dict.fromkeys(("a1", "a2", "a3"), ("127.0.0.1", 1)), Random(1))
    injector = Injector(cast(Supervisor, Recording()), passages, lambda _: "a2", lambda: 7, Random(1))
    asyncio.run(story())


def blocked(passages: Iterable[Passage]) -> set[bool]:
    """Whether these are, all the same."""
    return {each.is_blocked for each in passages}


def test_slow_ways_lose_something_until_they_heal() -> None:
    async def story() -> None:
        running = asyncio.create_task(injector.run((Fault(0, 0.2, "delay", "a", "leader"),)))
        await asyncio.sleep(0.05)
        slow = [*passages.from_("a2"), *passages.to("a2")]
        assert all(SLOW[0] <= each.delay <= SLOW[1] for each in slow)
        assert {each.loss for each in slow} == {LOST}
        assert {each.loss for each in passages.from_("a1") if each.target == "a3"} == {0.0}
        await running
        assert {(each.delay, each.loss) for each in slow} == {(0.0, 0.0)}

    passages = Passages(dict.fromkeys(("a1", "a2", "a3"), ("127.0.0.1", 1)), Random(1))
    injector = Injector(cast(Supervisor, Recording()), passages, lambda _: "a2", lambda: 7, Random(1))
    asyncio.run(story())
