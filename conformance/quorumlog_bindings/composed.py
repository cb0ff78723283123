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
from typing import Any, Final, NamedTuple, Protocol

from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.simulation.composed.claims import Claims
from quorumlog.simulation.composed.confirming import READS, WRITES, Confirming
from quorumlog.simulation.composed.consensus import NAMES, Consensus, Taken, taken
from quorumlog.simulation.composed.copying import COUNTED, Copying, Count
from quorumlog.simulation.composed.groups import Group
from quorumlog.simulation.composed.moves import Move
from quorumlog.simulation.composed.reading import FITS, PATIENCE
from quorumlog.simulation.composed.speaking import SESSIONS, Gates
from quorumlog.simulation.composed.system import System
from quorumlog.simulation.composed.telling import Disagreement
from quorumlog.simulation.composed.walks import BATCH, LENGTH, SHARDS, Walk, fresh, replay, walk
from quorumlog_bindings.consistent_read import consistent_read
from quorumlog_bindings.histories import ledger
from quorumlog_bindings.leader_output import leader_output
from quorumlog_bindings.read_model import read_model
from quorumlog_bindings.replication import replication
from tlastep.binding import Binding, Given, ToldStep
from tlastep.check.coverage import Coverage
from tlastep.check.elsewhere import of_module
from tlastep.check.models import Project
from tlastep.check.mutant_kill import Killer
from tlastep.check.simulated import Beside, Simulated
from tlastep.history.checker import search
from tlastep.history.format import read_history
from tlastep.values import Fn, Value, model_value

LAYER: Final = "composed"
EACH: Final = 12  # walks for each of the specs
SPECS: Final = ("Replication", "LeaderOutput", "ConsistentRead", "ReadModel", "ReplicatedTwoPhaseCommit")
MODULES: Final = frozenset(SPECS)
SEEDS: Final = {module: range(EACH * number, EACH * (number + 1)) for number, module in enumerate(SPECS)}
"""Every spec has walks of its own, so that together they are that many more."""


class Judges:
    """Judges walks, one after another."""

    def __init__(self, project: Project) -> None:
        self._beside = {name: Beside(project, spec.binding, vacuous=spec.vacuous) for name, spec in STEPPED.items()}
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
        tellers = [(spec, name, teller) for spec in STEPPED.values() for name, teller in spec.tellers(fresh())]
        told: list[list[ToldStep]] = [[] for _ in tellers]
        moves = list(taken(fresh(), found.moves))
        for steps, (spec, name, teller) in zip(told, tellers, strict=True):
            try:
                for each in moves:
                    steps += teller.steps(each)
                steps += teller.rest()
            except (Refused, Disagreement) as error:
                yield f"{spec.module}: of {name} something happens that its world refuses: {error}"
            objection = self._beside[spec.module].opinion(spec.constants(name), self._actions[spec.module])(steps)
            if objection is not None:
                number, kind, says = objection
                yield f"{spec.module}: step {number + 1} of {name}: {kind}: {says}"
        yield from unordered(found.last)

    def coverage(self, module: str) -> Coverage:
        """What all walks reached of a spec that is stepped beside them."""
        found = Simulated(module, schedules=self.walks, actions=self._actions[module])
        return replace(self._beside[module].reached(found), layer=LAYER)


class Teller(Protocol):
    """Tells what a part of the system did, move by move, as steps of a spec."""

    def steps(self, each: Taken) -> list[ToldStep]:
        """The steps that a move was made of."""

    def rest(self) -> list[ToldStep]:
        """At the end: what was not told yet."""


class Stepped(NamedTuple):
    """A spec that is stepped beside parts of the system: who tells their steps, and in which model they are steps."""

    binding: Binding[Any]
    tellers: Callable[[System], Iterable[tuple[str, Teller]]]
    constants: Callable[[str], Given]
    vacuous: tuple[str, ...] = ()

    @property
    def module(self) -> str:
        """The name of the spec."""
        return self.binding.module


def set_of(names: Iterable[object]) -> str:
    """A set as a configuration writes it."""
    return f"{{{', '.join(map(str, names))}}}"


def nodes_of(name: str) -> str:
    """The nodes of a group, as a configuration writes them."""
    return set_of(fresh().groups[name].nodes)


def of_consensus(name: str) -> Given:
    """A model of Replication."""
    return {"Server": nodes_of(name), "Event": set_of(NAMES), "Nil": "Nil", "Batch": str(BATCH)}


def of_gates(name: str) -> Given:
    """A model of LeaderOutput."""
    return {
        "Node": nodes_of(name),
        "Term": set_of(range(1, TERMS)),
        "Session": set_of(SESSIONS),
        "Event": set_of(NAMES),
        "Outgoing": "{}",
        "Expected": "{Nil}",
        "Index": set_of(range(len(NAMES))),
        "Conflict": "Conflict",
        "Nil": "Nil",
    }


def of_reads(name: str) -> Given:
    """A model of ConsistentRead."""
    return {
        "Server": nodes_of(name),
        "Write": set_of(WRITES),
        "LogRead": "{}",
        "IndexRead": set_of(READS),
        "NoOp": "NoOp",
        "Nothing": "Nothing",
    }


def of_read_models(name: str) -> Given:
    """A model of ReadModel."""
    system = fresh()
    readers = [model for model in system.readers.values() if name in model.copy]
    pairs: dict[Value, Value] = {
        (state, model_value(event)): Count().evolve(state, event) for state in range(COUNTED) for event in NAMES
    }
    return {
        "Node": nodes_of(name),
        "Model": set_of(model.name for model in readers),
        "Pushed": set_of(model.name for model in readers if model.subscribes),
        "Session": set_of(system.callers),
        "Careful": set_of(system.callers),
        "Shard": set_of([name]),
        "Event": set_of(NAMES),
        "Nobody": "Nobody",
        "Batch": str(FITS),
        "Patience": str(PATIENCE),
        "State": set_of(range(COUNTED)),
        "Start": "0",
        "Evolve": Fn(pairs),
    }


def each_group(teller: Callable[[Group], Teller]) -> Callable[[System], list[tuple[str, Teller]]]:
    """One for each group."""
    return lambda system: [(name, teller(group)) for name, group in system.groups.items()]


def each_shard(teller: Callable[[System, str], Teller]) -> Callable[[System], list[tuple[str, Teller]]]:
    """One for each shard."""
    return lambda system: [(name, teller(system, name)) for name in SHARDS]


OUTBOX: Final = ("SentIsDecided", "NextWaits", "OutsideInOrder", "AcknowledgedIsReceived")
"""What LeaderOutput says of messages to the world outside: nobody here sends any."""

TERMS: Final = 30  # more than a walk has elections
STEPPED: Final = {
    spec.module: spec
    for spec in (
        Stepped(replication, each_group(lambda group: Consensus(group.name)), of_consensus),
        Stepped(leader_output, each_group(Gates), of_gates, OUTBOX),
        Stepped(consistent_read, each_shard(lambda system, name: Confirming(system.groups[name])), of_reads),
        Stepped(read_model, each_shard(Copying), of_read_models),
    )
}


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
