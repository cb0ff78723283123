"""Walks of the whole system: moves from a seed, judged one by one; scripts that can be shortened and taken again."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from random import Random
from typing import Final, TypeAlias

from msgspec import Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.simulation.composed.moves import KINDS, Arguments, Kind, Move, take
from quorumlog.simulation.composed.system import System, begin

LENGTH: Final = 1_000  # moves of one walk
BOOTED: Final = 0.9  # of the walks begin with an election in each group
ROUNDS: Final = 5  # in which an election, and the news of it, are over
LASTS: Final = (50, 250)  # moves of one mood
STORMS: Final = 0.3  # of the moods have faults in them
HELD_UP: Final = 0.12  # of the kinds of moves do not happen in a mood
CUT_OFF: Final = 0.25  # of the groups have a node in a mood that no other can reach
LETTER_HELD_UP: Final = 0.2  # of the kinds of letters to or from a shard do not arrive
IDLE: Final = 0.02  # of the choices may change nothing
AGAIN: Final = 0.05  # of what has arrived once arrives once more
TRIES: Final = 50
ANY: Final = 0.3  # of the choices among what is on offer do not prefer what is new

CONSENSUS: Final = frozenset({"timeout", "sync", "replicate", "deliver"})
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
    """The choices of a walk, one after another: mostly an election in each group, and then one mood after another."""
    if dice.random() < BOOTED:
        yield from (lambda system, move=move: move for move in opening())
    mood, left = Mood.drawn(dice, storm=False), dice.randrange(*LASTS)
    arrived: set[Move] = set()
    for _ in range(length):
        left -= 1
        if left < 0:
            mood, left = Mood.drawn(dice, storm=dice.random() < STORMS), dice.randrange(*LASTS)
        yield lambda system, mood=mood: choose(system, dice, mood, arrived)  # type: ignore[misc]


class Mood(Struct, frozen=True):
    """What may happen for a while: whether there are faults, what is held up, and which nodes no other can reach.

    `kinds` of moves and `letters` (by class and shard) that are held up let others overtake them, and come later.
    """

    storm: bool
    kinds: frozenset[str]
    letters: frozenset[tuple[str, str]]
    cut_off: frozenset[ServerId]

    @classmethod
    def drawn(cls, dice: Random, *, storm: bool) -> Mood:
        """Any mood. Consensus itself is not held up: a group that decides nothing shows nothing."""
        cut_off = [dice.choice(group) for group in NODES if dice.random() < CUT_OFF]
        kinds = [name for name in KINDS if name not in CONSENSUS and dice.random() < HELD_UP]
        letters = [(name, shard) for name in LETTERS for shard in SHARDS if dice.random() < LETTER_HELD_UP]
        return cls(storm, frozenset(kinds), frozenset(letters), frozenset(cut_off))

    def happens(self, name: str, kind: Kind) -> bool:
        """Whether moves of this kind may be taken now. Who hears of no leader stands."""
        return name not in self.kinds and (self.storm or not kind.fault or (name == "disturb" and bool(self.cut_off)))

    def allows(self, move: Move) -> bool:
        """Whether this one may."""
        if move.name == "on_letter":
            letter = move.arguments[1]
            return (type(letter).__name__, letter.shard) not in self.letters
        if move.name == "deliver":
            _, i, message = move.arguments
            return not self.cut_off & {i, message.sender}
        if move.name in ("on_question", "on_reply"):
            i, _, message = move.arguments
            return not self.cut_off & {i, message.sender}
        return move.name != "timeout" or move.arguments[1] not in self.cut_off


def choose(system: System, dice: Random, mood: Mood, arrived: set[Move]) -> Move | None:
    """A move: its kind by weight, then one of what is on offer, what is new more often than what is old.

    Most of the moves that would change nothing are not taken, and what has `arrived` seldom arrives again.
    """
    names = [name for name, kind in KINDS.items() if mood.happens(name, kind)]
    weights = [KINDS[name].weight for name in names]
    known: dict[str, list[Arguments]] = {}
    for name in dice.choices(names, weights, k=TRIES):
        offers = known.get(name)
        if offers is None:
            offers = known[name] = list(KINDS[name].offers(system))
        if offers:
            move = Move(KINDS[name].move, offers[-1 - recent(dice, len(offers))])
            if not mood.allows(move) or (move in arrived and dice.random() > AGAIN):
                continue
            if dice.random() < IDLE or take(system, move) not in (None, system):
                if move.name in ARRIVALS:
                    arrived.add(move)
                return move
    return None


NODES: Final = tuple(tuple(group.nodes) for group in fresh().groups.values())


@lru_cache(maxsize=1)
def opening() -> tuple[Move, ...]:
    """An election in each group, without trouble: its first node leads, and everybody knows what is decided."""
    moves: list[Move] = []
    system = fresh()

    def go(move: Move) -> None:
        nonlocal system
        after = take(system, move)
        if after is not None and after != system:
            moves.append(move)
            system = after

    for g, group in system.groups.items():
        first, *others = group.nodes
        go(Move("timeout", (g, first)))
        for _ in range(ROUNDS):
            for i in group.nodes:
                go(Move("sync", (g, i)))
            for message in system.groups[g].network:
                for i in group.nodes:
                    go(Move("deliver", (g, i, message)))
            for j in others:
                go(Move("replicate", (g, first, j)))
    return tuple(moves)


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
