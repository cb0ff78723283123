"""What the pure core costs: CPU of a leader and of a follower for one command, all in memory, without disk and sockets.

A group of three: the leader takes a batch of commands in one step, hands it on to both followers, syncs, hears them,
commits, and answers; then comes the next batch. A follower accepts, syncs, acknowledges, and folds what is decided.
Every row begins behind a log of LENGTH commands, since nothing may depend on how long the log is.

    python bench/core.py [COMMANDS] [LENGTH]

With `--profile` the functions in which the time goes are listed instead, for batches of 128 of 128 sessions.
"""

from __future__ import annotations

import cProfile
import pstats
import sys
from collections import deque
from collections.abc import Callable, Iterator
from time import process_time
from typing import Any, Final, NamedTuple, TypeAlias

from quorumlog.core.consensus.effects import Durable, ElectionTimeout, Replicate, Send, Sync
from quorumlog.core.consensus.messages import Message, VoteRequest
from quorumlog.core.leader_output import Asked, LeaderOutput, Request, no_messages
from quorumlog.node import Node, Service, Spoken
from quorumlog.persistent.hash_map import HashMap
from quorumlog.persistent.strand import Strand

BATCHES: Final = (1, 16, 128, 1_024)
SESSIONS: Final = (1, 128)
MEMBERS: Final = ("a", "b", "c")
KEYS: Final = 1_000
TRIES: Final = 3  # the least of so many measurements counts
LIMIT: Final = 4_096  # how many entries a leader hands on at once


class Noting:
    """Every command is noted: an event of 100 bytes, and a state that counts them."""

    def start(self) -> int:
        return 0

    def evolve(self, state: int, event: bytes) -> int:
        return state + 1

    def decide(self, state: int, command: bytes, randomness: None) -> tuple[bytes, ...]:
        return (command,)

    def answer(self, state: int, events: tuple[bytes, ...]) -> int:
        return state


class Putting:
    """A map from keys to values; a command puts a value of 100 bytes under a key."""

    def start(self) -> HashMap[str, bytes]:
        return HashMap()

    def evolve(self, state: HashMap[str, bytes], event: tuple[str, bytes]) -> HashMap[str, bytes]:
        return state.set(*event)

    def decide(
        self, state: HashMap[str, bytes], command: tuple[str, bytes], randomness: None
    ) -> tuple[tuple[str, bytes], ...]:
        return (command,)

    def answer(self, state: HashMap[str, bytes], events: tuple[tuple[str, bytes], ...]) -> None:
        return None


Make: TypeAlias = Callable[[int], Any]
TheNode: TypeAlias = Node[Any, Any, Any]
TheService: TypeAlias = Service[Any, Any, Any, Any, Any, Any]
Step: TypeAlias = Callable[[TheNode, Any], tuple[TheNode, Spoken[Any]]]
Given: TypeAlias = tuple[Step, Any]
"""A step of a server, and what it was given."""

APPLICATIONS: Final[dict[str, tuple[Any, Make]]] = {
    "an event of 100 bytes": (Noting(), lambda number: b"%0100d" % number),
    "a value put under a key": (Putting(), lambda number: (f"key {number % KEYS}", b"%0100d" % number)),
}


class Cost(NamedTuple):
    """Seconds of CPU, of all commands."""

    leader: float
    follower: float


class Group:
    """A leader and two followers in memory, and what each of them was given."""

    def __init__(self, application: Any) -> None:
        self.service: TheService = Service(LeaderOutput(application, no_messages))
        self.nodes = {name: begun(self.service, name) for name in MEMBERS}
        self.given: dict[str, list[Given]] = {name: [] for name in MEMBERS}
        self.answered = 0
        self.on_its_way: deque[Message] = deque()
        self.take("a", ElectionTimeout())
        self.take("a", Sync())
        self.deliver()

    def take(self, name: str, taken: Any) -> None:
        """One server takes one input of consensus."""
        self.give(name, self.service.take, taken)

    def give(self, name: str, step: Step, given: Any) -> None:
        """One server takes a step. Messages are on their way then; the disk is always there at once."""
        self.given[name].append((step, given))
        self.nodes[name], spoken = step(self.nodes[name], given)
        self.answered += len(spoken.answers)
        self.on_its_way.extend([effect.message for effect in spoken.effects if isinstance(effect, Send)])

    def deliver(self) -> None:
        """Everything arrives, and what comes of it; followers sync before they answer."""
        while self.on_its_way:
            message = self.on_its_way.popleft()
            for name in ["b", "c"] if isinstance(message, VoteRequest) else [message.to]:
                self.take(name, message)
                if name != "a":
                    self.take(name, Sync())

    def serve(self, batch: list[Asked[Any, None]]) -> None:
        """One turn of the leader's loop, and the answers of the others."""
        self.give("a", self.service.ask_all, batch)
        self.hand_on()
        self.take("a", Sync())
        self.deliver()

    def hand_on(self) -> None:
        """The leader sends what is new to the others; without news it is a heartbeat, and tells what is decided."""
        for peer in MEMBERS[1:]:
            self.take("a", Replicate(peer))


def begun(service: TheService, name: str) -> TheNode:
    """A server that has never run, with a log that it can extend."""
    return service.begin(name, MEMBERS, LIMIT, Durable(0, None, Strand.of(())))


def replayed(group: Group, name: str, first: int) -> float:
    """The seconds of CPU that a new server takes for what this one was given, without its `first` steps.

    The clock is asked twice only: where asking it is dear, that would be more than what is measured.
    """
    node, given = begun(group.service, name), group.given[name]
    for step, each in given[:first]:
        node, _ = step(node, each)
    rest = given[first:]
    started = process_time()
    for step, each in rest:
        node, _ = step(node, each)
    return process_time() - started


def requests(make: Make, sessions: int, batch: int, begun: int, count: int) -> Iterator[list[Asked[Any, None]]]:
    """Batches of requests: sessions take turns, and say what they have been answered before the batch was sent."""
    asked = [begun // sessions + (begun % sessions > each) for each in range(sessions)]
    for first in range(begun, begun + count, batch):
        received, made = list(asked), list[Asked[Any, None]]()
        for number in range(first, min(first + batch, begun + count)):
            session = number % sessions
            asked[session] += 1
            request = Request(f"s{session}", asked[session], received[session], None, make(number))
            made.append((session, request, None))
        yield made


def measure(application: str, sessions: int, batch: int, count: int, length: int) -> Cost:
    """The cost of `count` commands behind `length` others."""
    applied, make = APPLICATIONS[application]
    group = Group(applied)
    for made in requests(make, sessions, 1_024, 0, length):
        group.serve(made)
    group.hand_on()
    group.deliver()
    first = {name: len(given) for name, given in group.given.items()}
    for made in requests(make, sessions, batch, length, count):
        group.serve(made)
    group.hand_on()
    group.deliver()
    assert group.answered == length + count, f"{group.answered} of {length + count} commands were answered"
    return Cost(*[min(replayed(group, name, first[name]) for _ in range(TRIES)) for name in ("a", "b")])


def table(count: int, length: int) -> None:
    """A row for each application, number of sessions and size of batches."""
    print("| application | sessions | batch | leader, µs a command | follower, µs | leader, commands a second |")
    print("| --- | --- | --- | --- | --- | --- |")
    for application in APPLICATIONS:
        for sessions in SESSIONS:
            for batch in BATCHES:
                commands = max(count, batch) if batch > 1 else max(count // 10, 1)
                cost = measure(application, sessions, batch, commands, length)
                leader, follower = (1e6 * seconds / commands for seconds in cost)
                row = (application, sessions, f"{batch:,}", f"{leader:.1f}", f"{follower:.1f}", f"{1e6 / leader:,.0f}")
                print("| " + " | ".join(map(str, row)) + " |", flush=True)


def profile(count: int, length: int) -> None:
    """Where the time goes."""
    profiler = cProfile.Profile()
    profiler.runcall(measure, "a value put under a key", 128, 128, count, length)
    pstats.Stats(profiler).sort_stats("tottime").print_stats(30)


def main() -> None:
    """The table, or the profile."""
    numbers = [int(each) for each in sys.argv[1:] if each != "--profile"]
    count, length = (numbers + [20_000, 50_000][len(numbers) :])[:2]
    (profile if "--profile" in sys.argv else table)(count, length)


if __name__ == "__main__":
    main()
