"""The whole system beside the specs: each walk through it is judged in three ways.

After every move by the claims on what is decided and said; all that consensus and the gates did in each group by the
specs Replication and LeaderOutput, step by step; and what clients saw, as a history, by the sequential ledger of the
specs. A layer of the checks, about all the specs of whose cores the system is made.
"""

from __future__ import annotations

import json
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, NamedTuple, Protocol

from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.simulation.composed.claims import Claims
from quorumlog.simulation.composed.committing import Committing
from quorumlog.simulation.composed.confirming import READS, WRITES, Confirming
from quorumlog.simulation.composed.consensus import NAMES, Consensus, Taken
from quorumlog.simulation.composed.copying import COUNTED, Copying, Count
from quorumlog.simulation.composed.groups import Group
from quorumlog.simulation.composed.moves import Move
from quorumlog.simulation.composed.reading import FITS, PATIENCE
from quorumlog.simulation.composed.speaking import SESSIONS, Gates
from quorumlog.simulation.composed.system import System
from quorumlog.simulation.composed.telling import Disagreement, Untellable
from quorumlog.simulation.composed.walks import BATCH, LENGTH, SHARDS, Judge, Walk, fresh, replay, walk
from quorumlog.simulation.transfers import Setting
from quorumlog_bindings.consistent_read import consistent_read
from quorumlog_bindings.histories import ledger
from quorumlog_bindings.leader_output import leader_output
from quorumlog_bindings.read_model import read_model
from quorumlog_bindings.replicated_two_phase_commit import replicated_two_phase_commit
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
        claims, moves = Claims(), list[Taken]()

        def judge(move: Move, before: System, after: System) -> str | None:
            moves.append(Taken(move, before, after))
            return claims(move, before, after)

        found = take(judge)
        self.walks += 1
        self.kinds.update(found.taken)
        if found.wrong is None:
            found = Walk(found.moves, found.last, next(self.wrong(moves), None))
        return found

    def wrong(self, moves: Sequence[Taken]) -> Iterator[str]:
        """What the specs have against a walk."""
        for spec in STEPPED.values():
            for told in spec.tellers(moves):
                steps: list[ToldStep] = []
                try:
                    for each in moves:
                        steps += told.teller.steps(each)
                    steps += told.teller.rest()
                except Untellable:
                    self.untold[spec.module] += 1
                except (Refused, Disagreement) as error:
                    yield f"{spec.module}: of {told.name} something happens that its world refuses: {error}"
                opinion = self._beside[spec.module].opinion(told.constants, self._actions[spec.module])
                if (objection := opinion(steps)) is not None:
                    number, kind, says = objection
                    yield f"{spec.module}: step {number + 1} of {told.name}: {kind}: {says}"
        yield from unordered(moves[-1].after)

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


class Told(NamedTuple):
    """A part of the system, who tells its steps, and in which model they are steps."""

    name: str
    teller: Teller
    constants: Given


class Stepped(NamedTuple):
    """A spec that is stepped beside parts of the system, and its properties about what never happens here."""

    binding: Binding[Any]
    tellers: Callable[[Sequence[Taken]], Iterable[Told]]
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


def of_transfers(setting: Setting) -> Given:
    """A model of ReplicatedTwoPhaseCommit: the operations of one walk."""
    amounts = {**{name: each.amount for name, each in setting.transfers.items()}, **dict(setting.deposits.items())}
    return {
        "Account": set_of(setting.home),
        "Shard": set_of(setting.shards),
        "Home": table(setting.home.items()),
        "Initial": numbers(setting.initial.items()),
        "Transfer": set_of(setting.transfers),
        "Deposit": set_of(setting.deposits),
        "Balance": set_of(setting.balances),
        "Total": set_of(setting.totals),
        "From": table((name, each.source) for name, each in setting.transfers.items()),
        "To": table((name, each.target) for name, each in setting.transfers.items()),
        "Amount": numbers(amounts.items()),
        "Of": table(setting.account_of.items()),
        "Coordinator": setting.coordinator,
        "Hasty": set_of(setting.hasty),
        "Electing": set_of(setting.electing),
        "Returning": set_of(setting.returning),
        "Lossy": set_of(setting.lossy),
    }


def table(pairs: Iterable[tuple[str, str]]) -> Fn | tuple[Value, ...]:
    """A function from names to names."""
    return numbers((name, model_value(other)) for name, other in pairs)


def numbers(pairs: Iterable[tuple[str, Value]]) -> Fn | tuple[Value, ...]:
    """A function from names. The one on no names is the empty sequence."""
    return Fn({model_value(name): value for name, value in pairs}) or ()


def each_group(moves: Sequence[Taken]) -> list[Group]:
    """The groups, as they begin."""
    return list(fresh().groups.values())


def each_shard(moves: Sequence[Taken]) -> list[Group]:
    """The shards, as they begin."""
    return [group for group in fresh().groups.values() if group.name in SHARDS]


def consensus(moves: Sequence[Taken]) -> list[Told]:
    """What consensus does in each group."""
    return [Told(f"group {each.name}", Consensus(each.name), of_consensus(each.name)) for each in each_group(moves)]


def gates(moves: Sequence[Taken]) -> list[Told]:
    """What the gates for commands do in each group."""
    return [Told(f"group {each.name}", Gates(each), of_gates(each.name)) for each in each_group(moves)]


def reads(moves: Sequence[Taken]) -> list[Told]:
    """What the gates for reads do in each shard."""
    return [Told(f"shard {each.name}", Confirming(each), of_reads(each.name)) for each in each_shard(moves)]


def copies(moves: Sequence[Taken]) -> list[Told]:
    """What sources, read models and sessions do about each shard."""
    names = [each.name for each in each_shard(moves)]
    return [Told(f"shard {name}", Copying(fresh(), name), of_read_models(name)) for name in names]


def transfers(moves: Sequence[Taken]) -> list[Told]:
    """What the coordinator and the shards do together."""
    teller = Committing(moves, fresh())
    return [Told("transfers", teller, of_transfers(teller.operations.setting))]


OUTBOX: Final = ("SentIsDecided", "NextWaits", "OutsideInOrder", "AcknowledgedIsReceived")
"""What LeaderOutput says of messages to the world outside: nobody here sends any."""

TERMS: Final = 60  # more than a walk has elections
ONCE: Final = ("StepsOfTransactionCommit", "StepsOfAtomicLedger")
"""What ReplicatedTwoPhaseCommit says again for models that do not start at its beginning."""

STEPPED: Final = {
    spec.module: spec
    for spec in (
        Stepped(replication, consensus),
        Stepped(leader_output, gates, OUTBOX),
        Stepped(consistent_read, reads),
        Stepped(read_model, copies),
        Stepped(replicated_two_phase_commit, transfers, ONCE),
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
