"""When a server stands for election and forgets its leader: to the millisecond so long after the leader's last word."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import ModuleType
from typing import Any, Final

import pytest
from tests.unit.persistent.mutated import mutated

from quorumlog import driver
from quorumlog.core.consensus.effects import BLANK, Committed, Durable, ElectionTimeout, Store
from quorumlog.core.consensus.messages import AppendRequest
from quorumlog.core.consensus.state import start
from quorumlog.ports import Ports
from quorumlog.pre_vote import HEARD, PreVote, PreVoteRequest
from quorumlog.turns import Turn

LEAST: Final = 100.0
DRAWN: Final = 130.0
"""What is drawn of all numbers: no server waits for another time."""


class Alarm:
    """Goes off at a time, unless it is cancelled."""

    def __init__(self, at: float, call: Callable[[], None]) -> None:
        self.at = at
        self.call = call
        self.is_on = True

    def cancel(self) -> None:
        """It does not."""
        self.is_on = False


class World:
    """A clock that somebody turns, and the rest of what a server needs: who hears what it says writes it down."""

    def __init__(self, unit: float | None = None) -> None:
        self.time = 0.0
        self.unit = unit
        """Milliseconds, of which timers count only whole ones."""
        self.alarms: list[Alarm] = []
        self.later = 0
        self.stood: list[float] = []
        self.asked: list[float] = []

    def now(self) -> float:
        return self.time

    def after(self, delay: float, call: Callable[[], None]) -> Alarm:
        delay = delay if self.unit is None else delay // self.unit * self.unit
        self.alarms.append(Alarm(self.time + delay, call))
        self.later += delay > 0  # what ends a turn waits for nothing
        return self.alarms[-1]

    def draw(self, least: float, most: float) -> float:
        return DRAWN if least == LEAST else 0.0

    def pass_until(self, end: float) -> None:
        """Time goes on, and what is due happens."""
        while due := [alarm for alarm in self.alarms if alarm.is_on and alarm.at <= end]:
            assert len(self.alarms) < 3_000, "it sets timers for ever"
            first = min(due, key=lambda alarm: alarm.at)
            first.is_on, self.time = False, first.at
            first.call()
        self.time = end

    def send(self, message: object) -> None:
        """Nobody hears it."""

    def read(self) -> Durable:
        return BLANK

    def write(self, stores: Sequence[Store], then: Callable[[], None]) -> None:
        then()

    def committed(self, news: Committed) -> None:
        """Nobody is told."""

    def said(self, answers: Sequence[object]) -> None:
        """Nobody hears it."""

    def stepped(self, before: object, turn: Turn[Any, Any]) -> None:
        if type(turn.taken) is ElectionTimeout:
            self.stood.append(self.time)

    def refused(self, taken: object) -> None:
        """Nothing has happened."""

    def ask(self, message: PreVote) -> None:
        assert isinstance(message, PreVoteRequest)
        self.asked.append(self.time)


def started(module: ModuleType, world: World, *, asks: bool) -> Any:
    """A follower of three that begins at 0."""
    pace = module.Pace(election=(LEAST, DRAWN), turns=True)
    ports: Ports[Any, Any] = Ports(world, world, world, world)
    server = module.Driver(
        start("b", ("a", "b", "c"), 4), module.BareSteps(), ports, pace, world, world.ask if asks else None
    )
    server.start()
    return server


def hears(world: World, server: Any, at: float, term: int = 1) -> None:
    """At this time the leader says something."""
    world.pass_until(at)
    server.take(AppendRequest("a", "b", term, 0, 0, (), 0))


def stands(module: ModuleType) -> None:
    """It stands so long after the last word, and again after as long."""
    for asks in (False, True):
        world = World()
        server = started(module, world, asks=asks)
        for at in (50, 60, 120, 185, 300, 410):
            hears(world, server, at)
        began = world.asked if asks else world.stood
        world.pass_until(410 + DRAWN - 1)
        assert began == []
        world.pass_until(410 + 2 * DRAWN)
        assert began == [410 + DRAWN, 410 + 2 * DRAWN]
        hears(world, server, 700, server.replica.term + 1)
        world.pass_until(900)
        assert began[2:] == [700 + DRAWN]


def forgets(module: ModuleType) -> None:
    """It forgets the leader so long after the last word, each time anew."""
    world = World()
    server = started(module, world, asks=True)
    for at in (50, 120, 300, 333):
        hears(world, server, at)
        world.pass_until(at + LEAST - 1 if at in (120, 333) else at)
        assert server.contact is HEARD
    world.pass_until(333 + LEAST)
    assert not server.contact.heard
    hears(world, server, 440)
    world.pass_until(440 + LEAST - 1)
    assert server.contact is HEARD
    world.pass_until(440 + LEAST)
    assert not server.contact.heard


def is_content(module: ModuleType) -> None:
    """Where timers go off a little too early, it does not set others for ever."""
    for asks in (False, True):
        world = World(unit=1.0)
        server = started(module, world, asks=asks)
        for at in (20, 50.75):
            hears(world, server, at)
        world.pass_until(50.75 + DRAWN)
        began = world.asked if asks else world.stood
        assert began == [pytest.approx(50.75 + DRAWN, abs=1.0)]
        assert world.later < 10


def sets_few(module: ModuleType) -> None:
    """A leader that talks a lot sets no timers."""
    world = World()
    server = started(module, world, asks=True)
    for at in range(1, 1001):
        hears(world, server, at)
    assert server.contact is HEARD
    assert world.later < 40
    assert world.asked == world.stood == []


def test_a_server_stands_when_it_has_heard_nothing_for_long() -> None:
    stands(driver)


def test_a_server_forgets_a_leader_that_says_nothing() -> None:
    forgets(driver)


def test_a_timer_may_go_off_a_little_too_early() -> None:
    is_content(driver)


def test_no_word_of_a_leader_sets_timers() -> None:
    sets_few(driver)


@pytest.mark.parametrize(
    ("check", "find", "instead"),
    [
        (
            stands,
            "        self._heard = self._ports.time.now()\n        if self._tick is None",
            "        if self._tick is None",
        ),
        (
            stands,
            "        rest = self._heard + self._patience -",
            "        rest = self._heard + 1.1 * self._patience -",
        ),
        (stands, "            self._put_off()\n", "            pass\n"),
        (stands, "            self._election = self._ports.time.after(rest, self._waited)", "            pass"),
        (forgets, "        self._tick = None\n        self.take(Tick())", "        self.take(Tick())"),
        (forgets, "        if self._tick is None and self._ask is not None:", "        if False:"),
        (forgets, "            self._tick = self._ports.time.after(rest, self._ticked)", "            pass"),
        (forgets, "return most if self.replica.role == LEADER else least", "return most"),
        (is_content, "AS_GOOD_AS_OVER: Final = 1.0", "AS_GOOD_AS_OVER: Final = 0.0"),
        (sets_few, "            self._put_off()\n", "            self._listen()\n"),
    ],
)
def test_a_server_that_waits_for_another_time_is_found(
    check: Callable[[ModuleType], None], find: str, instead: str
) -> None:
    with pytest.raises(AssertionError):
        check(mutated(driver, find, instead))
