"""The specs that are stepped beside the whole system: who tells its steps, and in which models they are steps.

To a spec a part of the system is a run of its own: consensus of a group, a gate, what read models do about a shard, all
transfers together. Its constants are what there is in the system, or what one walk asks for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple, Protocol

from quorumlog.simulation.composed.committing import Committing
from quorumlog.simulation.composed.confirming import READS, WRITES, Confirming
from quorumlog.simulation.composed.consensus import NAMES, Consensus, Taken
from quorumlog.simulation.composed.copying import COUNTED, Copying, Count
from quorumlog.simulation.composed.groups import Group
from quorumlog.simulation.composed.reading import FITS, PATIENCE
from quorumlog.simulation.composed.speaking import SESSIONS, Gates
from quorumlog.simulation.composed.walks import BATCH, SHARDS, fresh
from quorumlog.simulation.transfers import Setting
from quorumlog_bindings.consistent_read import consistent_read
from quorumlog_bindings.leader_output import leader_output
from quorumlog_bindings.read_model import read_model
from quorumlog_bindings.replicated_two_phase_commit import replicated_two_phase_commit
from quorumlog_bindings.replication import replication
from tlastep.binding import Binding, Given, ToldStep
from tlastep.values import Fn, Value, model_value


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
    """A spec that is stepped beside parts of the system, and its properties about what never happens here.

    `afterwards`: the constants depend on the whole walk, so that nothing can be told of it before its end.
    """

    binding: Binding[Any]
    tellers: Callable[[Sequence[Taken]], Iterable[Told]]
    vacuous: tuple[str, ...] = ()
    afterwards: bool = False

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
        Stepped(replicated_two_phase_commit, transfers, ONCE, afterwards=True),
    )
}
