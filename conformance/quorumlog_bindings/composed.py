"""The whole system beside the specs: each walk through it is judged in three ways.

After every move by the claims on what is decided and said; all that consensus and the gates did in each group by the
specs Replication and LeaderOutput, step by step; and what clients saw, as a history, by the sequential ledger of the
specs. A layer of the checks, about all the specs of whose cores the system is made.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache, partial
from pathlib import Path
from typing import Final

from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.simulation.composed.claims import Claims
from quorumlog.simulation.composed.consensus import Taken
from quorumlog.simulation.composed.moves import Move
from quorumlog.simulation.composed.system import System
from quorumlog.simulation.composed.telling import Disagreement, Untellable
from quorumlog.simulation.composed.walks import LENGTH, Judge, Walk, replay, walk
from quorumlog_bindings.composed_specs import STEPPED, Stepped, Told
from quorumlog_bindings.histories import ledger
from tlastep.binding import Opinion, ToldStep
from tlastep.check.coverage import Coverage
from tlastep.check.elsewhere import of_module
from tlastep.check.models import Project
from tlastep.check.mutant_kill import Killer
from tlastep.check.simulated import Beside, Simulated
from tlastep.engine.fast import collector_off
from tlastep.history.checker import search
from tlastep.history.format import read_history

LAYER: Final = "composed"
EACH: Final = 12  # walks for each of the specs
SPECS: Final = ("Replication", "LeaderOutput", "ConsistentRead", "ReadModel", "ReplicatedTwoPhaseCommit")
MODULES: Final = frozenset(SPECS)
SEEDS: Final = {module: range(EACH * number, EACH * (number + 1)) for number, module in enumerate(SPECS)}
"""Every spec has walks of its own, so that together they are that many more."""
EVERY: Final = 100  # moves after which a spec is asked, while a walk goes on


class Judges:
    """Judges walks, one after another."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._beside: dict[str, Beside] = {}
        self.actions: dict[str, dict[str, int]] = {name: {} for name in STEPPED}
        self.kinds: Counter[str] = Counter()
        self.untold: Counter[str] = Counter()
        """How many walks could be told to their end by all specs but this one."""
        self.walks = 0

    def walk(self, seed: int, length: int = LENGTH) -> Walk:
        """A walk from a seed, judged to its end."""
        return self.judged(lambda judge: walk(seed, judge, length))

    def replay(self, moves: tuple[Move, ...]) -> Walk:
        """A script taken again, judged likewise."""
        return self.judged(lambda judge: replay(moves, judge))

    def judged(self, take: Callable[[Judge], Walk]) -> Walk:
        """A walk, and what is wrong with it: after a move, or when it is looked at as a whole."""
        found, moves = self.taken(take)
        return found if found.wrong is not None else judged_as(found, self.wrong(moves))

    def taken(self, take: Callable[[Judge], Walk], first: Stepped | None = None) -> tuple[Walk, list[Taken]]:
        """A walk and all that happened in it, judged by the claims, and by one spec while it goes on, if that can be.

        It ends where something is found. By that spec it is judged to its end.
        """
        claims, moves = Claims(), list[Taken]()
        opinion = None if first is None or first.afterwards else Hearing(self, first, ())

        def judge(move: Move, before: System, after: System) -> str | None:
            moves.append(Taken(move, before, after))
            wrong = claims(move, before, after)
            if wrong is None and opinion is not None and len(moves) % EVERY == 0:
                wrong = next(opinion.hear(moves[-EVERY:]), None)
            return wrong

        found = take(judge)
        self.walks += 1
        self.kinds.update(found.taken)
        if first is None or found.wrong is not None:
            return found, moves
        rest = moves[len(moves) - len(moves) % EVERY :]
        last = Hearing(self, first, moves).hear(moves, last=True) if opinion is None else opinion.hear(rest, last=True)
        return judged_as(found, last), moves

    def wrong(self, moves: Sequence[Taken], but: Stepped | None = None) -> Iterator[str]:
        """What the specs (`but` one) have against a walk, and what clients have."""
        for spec in STEPPED.values():
            if spec is not but:
                yield from Hearing(self, spec, moves).hear(moves, last=True)
        yield from unordered(moves[-1].after)

    def beside(self, spec: Stepped) -> Beside:
        """The spec, as it is stepped along."""
        if spec.module not in self._beside:
            self._beside[spec.module] = Beside(self._project, spec.binding, vacuous=spec.vacuous)
        return self._beside[spec.module]

    def coverage(self, module: str) -> Coverage:
        """What all walks reached of a spec that is stepped beside them."""
        found = Simulated(module, schedules=self.walks, actions=self.actions[module])
        return replace(self.beside(STEPPED[module]).reached(found), layer=LAYER)


def judged_as(found: Walk, wrong: Iterator[str]) -> Walk:
    """A walk with the first thing that is wrong with it."""
    return Walk(found.moves, found.last, next(wrong, None))


class Hearing:
    """What one spec has against a walk, of which it is told in one go, or in several."""

    def __init__(self, judges: Judges, spec: Stepped, moves: Sequence[Taken]) -> None:
        self._judges = judges
        self._spec = spec
        beside, actions = judges.beside(spec), judges.actions[spec.module]
        self._parts = [_Part(told, beside.opinion(told.constants, actions)) for told in spec.tellers(moves)]

    def hear(self, moves: Sequence[Taken], *, last: bool = False) -> Iterator[str]:
        """What is wrong with the next moves. After the `last` ones all is told that was not told yet."""
        module = self._spec.module
        for part in self._parts:
            teller, steps = part.told.teller, list[ToldStep]()
            try:
                for each in moves if part.goes_on else ():
                    steps += teller.steps(each)
                if last and part.goes_on:
                    steps += teller.rest()
            except Untellable:
                self._judges.untold[module] += 1
                part.goes_on = False
            except (Refused, Disagreement) as error:
                yield f"{module}: of {part.told.name} something happens that its world refuses: {error}"
            if (objection := part.opinion(steps)) is not None:
                number, kind, says = objection
                yield f"{module}: step {part.heard + number + 1} of {part.told.name}: {kind}: {says}"
            part.heard += len(steps)


class _Part:
    """A part of the system: what the spec thinks of it, how many steps it has heard, and whether there are more."""

    def __init__(self, told: Told, opinion: Opinion) -> None:
        self.told = told
        self.opinion = opinion
        self.heard = 0
        self.goes_on = True


def unordered(system: System) -> Iterator[str]:
    """What clients saw, if no order of the operations explains it."""
    with tempfile.TemporaryDirectory(prefix="composed-") as own:
        path = Path(own) / "history.ndjson"
        write_history(system, path)
        history = read_history(path, ledger.functions, keyed=ledger.keyed)
        for found in search(ledger, history.operations):
            if found.stuck:
                wrong = next(each for each in history.operations if each.completed == found.stuck)
                yield f"Linearizable: no order of the operations explains {wrong}"


def write_history(system: System, path: Path) -> None:
    """Writes what clients saw as a history, which `tlastep linearizable --model ledger` reads."""
    lines = [{"process": line.process, "type": line.type, "f": line.f, "value": line.value} for line in system.history]
    path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")


# -- a layer ---------------------------------------------------------------------------------------------------------


def kill(project: Project, module: str) -> Killer | None:
    """The first walk with which something is wrong.

    To be called where changed code, or a project with a changed spec, stands in place of the real one.
    """
    return walked(project, module)[0]


def coverage(project: Project, module: str) -> list[Coverage]:
    """What the walks of a spec reach of it, if it is one that is stepped beside them."""
    return walked(project, module)[1]


@lru_cache(maxsize=1)
def walked(project: Project, module: str) -> tuple[Killer | None, list[Coverage]]:
    """The walks of a spec: the first thing that is wrong, and what they reach. Asked twice, they are taken once.

    All of them are judged by that spec before any is by the others: a change of its code, or of itself, it sees best.
    """
    seeds = of_module(SEEDS, module)
    judges, own = Judges(project), STEPPED[module]
    walks: dict[int, list[Taken]] = {}

    def first_look(seed: int) -> str | None:
        found, walks[seed] = judges.taken(partial(walk, seed), own)
        return found.wrong

    def second_look(seed: int) -> str | None:
        return next(judges.wrong(walks[seed], own), None)

    with collector_off():
        for look in (first_look, second_look):
            for seed in seeds:
                if (wrong := attempt(partial(look, seed))) is not None:
                    return Killer(LAYER, f"seed {seed}", wrong.partition(":")[0], len(walks.get(seed, ()))), []
    return None, [judges.coverage(module)]


def attempt(look: Callable[[], str | None]) -> str | None:
    """What is wrong with a walk; code that breaks its own assumptions is wrong, too."""
    try:
        return look()
    except (Refused, AssertionError, LookupError, TypeError, ValueError, AttributeError) as error:
        return f"exception: {type(error).__name__}: {error}"
