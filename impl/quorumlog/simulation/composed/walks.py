"""Walks of the whole system: moves from a seed, judged one by one; scripts that can be shortened and taken again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from itertools import repeat
from random import Random
from typing import Final, TypeAlias

from msgspec import Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.consensus.state import FOLLOWER
from quorumlog.sharding.duties import GroupId
from quorumlog.simulation.composed.groups import Group
from quorumlog.simulation.composed.moves import KINDS, Arguments, Kind, Move, take
from quorumlog.simulation.composed.system import System, begin

LENGTH: Final = 1_050  # moves of one walk
BOOTED: Final = 0.6  # of the groups begin with an election of which everybody knows; others in the middle of one
ROUNDS: Final = 5  # in which an election, and the news of it, are over
LASTS: Final = (50, 250)  # moves of one mood
STORMS: Final = 0.3  # of the moods have faults in them
HELD_UP: Final = 0.06  # of the kinds of moves do not happen in a mood
CUT_OFF: Final = 0.25  # of the groups have a node in a mood that no other can reach
YOUNG: Final = 0.75  # and of those that have decided nothing yet, so that what was written first may be lost
LED: Final = 0.6  # of them are a leader
ONE_WAY: Final = 0.4  # of them, leader or not, hear everything, and only what they say is lost on its way
INTENT: Final = 0.5  # of the moods have clients who want only a few things, which belong together
WANTED: Final = tuple(
    map(
        frozenset,
        (
            {("Transfer", "log"), ("Total", "log")},
            {("Balance", "log"), ("Total", "log")},
            {("Transfer", "log"), ("Exchange", "log"), ("Balance", "log")},
            {("Deposit", "log"), ("Withdraw", "log"), ("Balance", "index")},
            {("Deposit", "log"), ("Total", "log"), ("Balance", "index")},
        ),
    )
)
LETTER_HELD_UP: Final = 0.2  # of the kinds of letters to or from a shard do not arrive
IDLE: Final = 0.02  # of the choices may change nothing
AGAIN: Final = 0.05  # of what has arrived once arrives once more
TRIES: Final = 50
ANY: Final = 0.3  # of the choices among what is on offer do not prefer what is new

CONSENSUS: Final = frozenset({"timeout", "disturb", "sync", "replicate", "heartbeat", "deliver"})
ARRIVALS: Final = frozenset({"deliver", "on_request", "on_letter", "on_question", "on_reply", "on_news"})
LETTERS: Final = ("Prepare", "Vote", "Decision", "Acknowledgement", "Over")
ACCOUNTS: Final = {"x": ("s1", 5), "y": ("s2", 3), "z": ("s1", 1)}

BATCH: Final = 2  # entries of a log in one request
SHARDS: Final = tuple(dict.fromkeys(shard for shard, _ in ACCOUNTS.values()))

Judge: TypeAlias = Callable[[Move, System, System], str | None]
"""What is wrong with a move, from the states before and after it; nothing if all is well."""


class Walk(Struct, frozen=True):
    """What came of a walk: the moves that were taken, the last state, and what was wrong with the last one."""

    moves: tuple[Move, ...]
    last: System
    wrong: str | None

    @property
    def taken(self) -> Counter[str]:
        """How often each kind of move was taken."""
        return Counter(move.name for move in self.moves)


def fresh() -> System:
    """Two shards with an account or two, a coordinator, three nodes each, and three clients."""
    return begin(ACCOUNTS, clients=3, size=3, batch=BATCH)


def walk(seed: int, judge: Judge, length: int = LENGTH) -> Walk:
    """A walk from a seed. The same seed takes the same moves."""
    dice = Random(seed)
    return follow(fresh(), chosen(dice, length), judge)


def chosen(dice: Random, length: int) -> Iterator[Callable[[System], Move | None]]:
    """The choices of a walk, one after another: an election in most of the groups, and then one mood after another."""
    for g in fresh().groups:
        moves, undecided = election(g)
        end = len(moves) if dice.random() < BOOTED else dice.randrange(undecided)
        yield from (lambda system, move=move: move for move in moves[:end])
    yield from repeat(Chooser(dice), length)


class Chooser:
    """Chooses moves in one mood after another. The first one is without faults."""

    def __init__(self, dice: Random) -> None:
        self._dice = dice
        self._mood: Mood | None = None
        self._left = 0
        self._arrived: set[Move] = set()

    def __call__(self, system: System) -> Move | None:
        """A move that can be taken, if one is found."""
        if self._mood is None or not self._left:
            storm = self._mood is not None and self._dice.random() < STORMS
            self._mood, self._left = Mood.drawn(self._dice, system, storm=storm), self._dice.randrange(*LASTS)
        self._left -= 1
        return choose(system, self._dice, self._mood, self._arrived)


class Mood(Struct, frozen=True):
    """What may happen for a while: whether there are faults, what is held up, and which nodes no other can reach.

    `kinds` of moves and `letters` (by class and shard) that are held up let others overtake them, and come later.
    Of `unheard` nodes only that does not arrive which they send to nodes: what is sent to them is sent again, and more.
    `wanted` is what clients begin to ask for, by the names of commands and ways; where there is none, anything.
    """

    storm: bool
    kinds: frozenset[str]
    letters: frozenset[tuple[str, str]]
    cut_off: frozenset[ServerId]
    unheard: frozenset[ServerId]
    wanted: frozenset[tuple[str, str]]

    @classmethod
    def drawn(cls, dice: Random, system: System, *, storm: bool) -> Mood:
        """Any mood. Consensus itself is not held up: a group that decides nothing shows nothing.

        A leader is cut off more often than others, for only of a leader it matters that he does not know it.
        """
        cut_off, unheard = list[ServerId](), list[ServerId]()
        for group in system.groups.values():
            if dice.random() < (CUT_OFF if group.decided else YOUNG):
                leaders = [i for i, node in group.nodes.items() if node.leads]
                if dice.random() < ONE_WAY:
                    unheard.append(dice.choice(list(group.nodes)))
                else:
                    cut_off.append(dice.choice(leaders if leaders and dice.random() < LED else list(group.nodes)))
        kinds = [name for name in KINDS if name not in CONSENSUS and dice.random() < HELD_UP]
        letters = [(name, shard) for name in LETTERS for shard in SHARDS if dice.random() < LETTER_HELD_UP]
        wanted = dice.choice(WANTED) if dice.random() < INTENT else frozenset()
        return cls(storm, frozenset(kinds), frozenset(letters), frozenset(cut_off), frozenset(unheard), wanted)

    def weight(self, name: str, kind: Kind) -> float:
        """How often moves of this kind are tried now. Who hears of no leader stands."""
        if name in self.kinds:
            return 0
        if name == "disturb" and self.cut_off | self.unheard:
            return KINDS["timeout"].weight
        return kind.weight if self.storm or not kind.fault else 0

    def allows(self, name: str, move: Move, system: System) -> bool:
        """Whether this one may."""
        if name == "disturb" and not self.storm:
            g, i = move.arguments
            return i not in self.cut_off | self.unheard and self.has_lost_its_leader(system.groups[g])
        if move.name == "on_letter":
            letter = move.arguments[1]
            return (type(letter).__name__, letter.shard) not in self.letters
        if move.name == "deliver":
            _, i, message = move.arguments
            return self.arrives(i, message.sender)
        if move.name in ("on_question", "on_reply"):
            i, _, message = move.arguments
            return self.arrives(i, message.sender)
        if move.name == "invoke" and self.wanted:
            operation = move.arguments[1]
            return (type(operation.command).__name__, operation.way) in self.wanted
        return move.name != "timeout" or move.arguments[1] not in self.cut_off | self.unheard

    def arrives(self, i: ServerId, sender: ServerId) -> bool:
        """Whether node i hears what this node says."""
        return sender not in self.unheard and not self.cut_off & {i, sender}

    def has_lost_its_leader(self, group: Group) -> bool:
        """Whether whoever leads, or stands, in the last term cannot be heard."""
        replicas = [node.replica for node in group.nodes.values()]
        last = max(replica.term for replica in replicas)
        heads = {each.identity for each in replicas if each.term == last and each.role != FOLLOWER}
        return heads <= self.cut_off | self.unheard


def choose(system: System, dice: Random, mood: Mood, arrived: set[Move]) -> Move | None:
    """A move: its kind by weight, then one of what is on offer, what is new more often than what is old.

    Most of the moves that would change nothing are not taken, and what has `arrived` seldom arrives again.
    """
    names, weights = list(KINDS), [mood.weight(name, kind) for name, kind in KINDS.items()]
    known: dict[str, list[Arguments]] = {}
    for name in dice.choices(names, weights, k=TRIES):
        offers = known.get(name)
        if offers is None:
            offers = known[name] = list(KINDS[name].offers(system))
        if offers:
            move = Move(KINDS[name].move, offers[-1 - recent(dice, len(offers))])
            if not mood.allows(name, move, system) or (move in arrived and dice.random() > AGAIN):
                continue
            if dice.random() < IDLE or take(system, move) not in (None, system):
                if move.name in ARRIVALS:
                    arrived.add(move)
                return move
    return None


def opening() -> tuple[Move, ...]:
    """An election in each group, without trouble: its first node leads, and everybody knows what is decided."""
    return tuple([move for g in fresh().groups for move in election(g)[0]])


@lru_cache(maxsize=8)
def election(g: GroupId) -> tuple[tuple[Move, ...], int]:
    """An election in one group, and after how many of its moves something is decided."""
    moves: list[Move] = []
    system, undecided = fresh(), 0

    def go(move: Move) -> None:
        nonlocal system, undecided
        after = take(system, move)
        if after is not None and after != system:
            moves.append(move)
            system = after
            undecided += not system.groups[g].decided

    first, *others = system.groups[g].nodes
    go(Move("timeout", (g, first)))
    for _ in range(ROUNDS):
        for i in (first, *others):
            go(Move("sync", (g, i)))
        for message in system.groups[g].network:
            for i in (first, *others):
                go(Move("deliver", (g, i, message)))
        for j in others:
            go(Move("replicate", (g, first, j)))
    return tuple(moves), undecided


def recent(dice: Random, number: int) -> int:
    """How far back to reach among so many: seldom far."""
    if dice.random() < ANY:
        return dice.randrange(number)
    return int(number * dice.random() ** 3)


def follow(system: System, choices: Iterable[Callable[[System], Move | None]], judge: Judge) -> Walk:
    """Takes the moves that are chosen, up to the first one with which something is wrong."""
    taken: list[Move] = []
    for choice in choices:
        move = choice(system)
        after = None if move is None else take(system, move)
        if move is None or after is None:
            continue
        taken.append(move)
        wrong = judge(move, system, after)
        system = after
        if wrong is not None:
            return Walk(tuple(taken), system, wrong)
    return Walk(tuple(taken), system, None)


def replay(moves: Sequence[Move], judge: Judge) -> Walk:
    """Takes the moves of a script again, passing over what cannot happen any more."""
    return follow(fresh(), ((lambda system, move=move: move) for move in moves), judge)  # type: ignore[misc]


def shortest(moves: Sequence[Move], judge: Callable[[], Judge]) -> Walk:
    """The walk with as many moves left out as can be, so that something is still wrong at its end."""
    best = replay(moves, judge())
    size = len(best.moves) // 2
    while size:
        at = 0
        while at < len(best.moves):
            other = replay(best.moves[:at] + best.moves[at + size :], judge())
            if other.wrong is not None and len(other.moves) < len(best.moves):
                best = other
            else:
                at += size
        size //= 2
    return best
