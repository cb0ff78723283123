"""The whole system beside the specs: each walk through it is judged in three ways.

After every move by the claims on what is decided and said; all that consensus and the gates did in each group by the
specs Replication and LeaderOutput, step by step; and what clients saw, as a history, by the sequential ledger of the
specs. A layer of the checks, about all the specs of whose cores the system is made.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.simulation.composed.claims import Claims
from quorumlog.simulation.composed.consensus import NAMES, Consensus, taken
from quorumlog.simulation.composed.groups import Group
from quorumlog.simulation.composed.moves import Move
from quorumlog.simulation.composed.speaking import SESSIONS, Disagreement, Gates
from quorumlog.simulation.composed.system import System
from quorumlog.simulation.composed.walks import BATCH, LENGTH, Walk, fresh, replay, walk
from quorumlog_bindings.histories import ledger
from quorumlog_bindings.leader_output import leader_output
from quorumlog_bindings.replication import replication
from tlastep.binding import Binding, ToldStep
from tlastep.check.coverage import Coverage
from tlastep.check.elsewhere import of_module
from tlastep.check.models import Project
from tlastep.check.mutant_kill import Killer
from tlastep.check.simulated import Beside, Simulated
from tlastep.history.checker import search
from tlastep.history.format import read_history

LAYER: Final = "composed"
EACH: Final = 12  # walks for each of the specs
SPECS: Final = ("Replication", "LeaderOutput", "ConsistentRead", "ReadModel", "ReplicatedTwoPhaseCommit")
MODULES: Final = frozenset(SPECS)
SEEDS: Final = {module: range(EACH * number, EACH * (number + 1)) for number, module in enumerate(SPECS)}
"""Every spec has walks of its own, so that together they are that many more."""


class Judges:
    """Judges walks, one after another."""

    def __init__(self, project: Project) -> None:
        self._beside = {name: Beside(project, spec.binding) for name, spec in STEPPED.items()}
        self._actions: dict[str, dict[str, int]] = {name: {} for name in STEPPED}
        self.kinds: Counter[str] = Counter()
        self.walks = 0

    def walk(self, seed: int, length: int = LENGTH) -> Walk:
        """A walk from a seed, judged to its end."""
        return self.judged(lambda: walk(seed, Claims(), length))

    def replay(self, moves: tuple[Move, ...]) -> Walk:
        """A script taken again, judged likewise."""
        return self.judged(lambda: replay(moves, Claims()))

    def judged(self, take: Callable[[], Walk]) -> Walk:
        """A walk, and what is wrong with it: after a move, or when it is looked at as a whole."""
        found = take()
        self.walks += 1
        self.kinds.update(found.taken)
        if found.wrong is None:
            wrong = next(self.wrong(found), None)
            found = Walk(found.moves, found.last, wrong)
        return found

    def wrong(self, found: Walk) -> Iterator[str]:
        """What the specs have against a walk."""
        for name, group in fresh().groups.items():
            consensus, gates = Consensus(name), Gates(group)
            decided: list[ToldStep] = []
            spoken: list[ToldStep] = []
            try:
                for each in taken(fresh(), found.moves):
                    decided += consensus.steps(each)
                    spoken += gates.steps(each)
            except (Refused, Disagreement) as error:
                yield f"LeaderOutput: in group {name} something happens that its world refuses: {error}"
            for spec, steps in ((REPLICATION, decided), (LEADER_OUTPUT, spoken)):
                objection = self._beside[spec.module].opinion(spec.constants(group), self._actions[spec.module])(steps)
                if objection is not None:
                    number, kind, says = objection
                    yield f"{spec.module}: step {number + 1} of group {name}: {kind}: {says}"
        yield from unordered(found.last)

    def coverage(self, module: str) -> Coverage:
        """What all walks reached of a spec that is stepped beside them."""
        found = Simulated(module, schedules=self.walks, actions=self._actions[module])
        return replace(self._beside[module].reached(found), layer=LAYER)


class Stepped(NamedTuple):
    """A spec that is stepped beside a group, and the model of it in which the group's steps are steps."""

    binding: Binding[Any]
    constants: Callable[[Group], dict[str, str]]

    @property
    def module(self) -> str:
        """The name of the spec."""
        return self.binding.module


def set_of(names: Iterable[object]) -> str:
    """A set as a configuration writes it."""
    return f"{{{', '.join(map(str, names))}}}"


def of_consensus(group: Group) -> dict[str, str]:
    """A model of Replication."""
    return {"Server": set_of(group.nodes), "Event": set_of(NAMES), "Nil": "Nil", "Batch": str(BATCH)}


def of_gates(group: Group) -> dict[str, str]:
    """A model of LeaderOutput."""
    return {
        "Node": set_of(group.nodes),
        "Term": set_of(range(1, TERMS)),
        "Session": set_of(SESSIONS),
        "Event": set_of(NAMES),
        "Outgoing": "{}",
        "Expected": "{Nil}",
        "Index": set_of(range(len(NAMES))),
        "Conflict": "Conflict",
        "Nil": "Nil",
    }


TERMS: Final = 60  # more than a walk has elections
REPLICATION: Final = Stepped(replication, of_consensus)
LEADER_OUTPUT: Final = Stepped(leader_output, of_gates)
STEPPED: Final = {spec.module: spec for spec in (REPLICATION, LEADER_OUTPUT)}


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
    """The walks of a spec: the first thing that is wrong, and what they reach. Asked twice, they are taken once."""
    judges = Judges(project)
    for seed in of_module(SEEDS, module):
        found, wrong = attempt(judges, seed)
        if wrong is not None:
            return Killer(LAYER, f"seed {seed}", wrong.partition(":")[0], len(found.moves) if found else 0), []
    return None, [judges.coverage(module)] if module in STEPPED else []


def attempt(judges: Judges, seed: int) -> tuple[Walk | None, str | None]:
    """A walk and what is wrong with it; code that breaks its own assumptions is wrong, too."""
    try:
        found = judges.walk(seed)
    except (Refused, AssertionError, LookupError, TypeError, ValueError, AttributeError) as error:
        return None, f"exception: {type(error).__name__}: {error}"
    return found, found.wrong
