"""The spec ReplicatedTwoPhaseCommit and the core of two-phase commit: the same actions, the same variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.two_phase_commit.messages import Message
from quorumlog.core.two_phase_commit.participant import Deposited, Ended, Event, Read, Staged
from quorumlog.simulation import ledger_properties
from quorumlog.simulation.replicated_two_phase_commit import Log, asked, in_doubt
from quorumlog.simulation.replicated_two_phase_commit import ReplicatedTwoPhaseCommit as World
from quorumlog.simulation.transfers import Setting, Suffix
from quorumlog_bindings.recorded_two_phase_commit import recording
from quorumlog_bindings.transfers import bind_world, named, of_operations, setting, shared
from tlastep.binding import Binding, Constants
from tlastep.values import Value, model_value, record

replicated_two_phase_commit: Binding[World] = Binding(
    "ReplicatedTwoPhaseCommit",
    parts=("coordination", "tally", "network", "op", "ledger", "possible", "shards", "again"),
    refused=Refused,
    ghosts=("ledger", "possible"),
    environment=("Call", "TimeOut", "ElectCoordinator", "ElectLeader", "Lose"),
)

# -- the definitions of MCReplicatedTwoPhaseCommit that stand for constants, once more in Python -------------

TABLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "HomeOf": {"x": "p", "y": "q", "z": "q"},
    "OfThese": {"d": "x", "e": "y", "rx": "x", "ry": "y", "rz": "z"},
    "FromX": {"t": "x", "u": "x"},
    "ToY": {"t": "y", "u": "y"},
    "FromXAndBack": {"t": "x", "u": "y"},
    "ToYAndBack": {"t": "y", "u": "x"},
    "FromY": {"t": "y", "u": "y"},
    "ToZ": {"t": "z", "u": "z"},
    "AmountOf": {"t": 1, "u": 1, "d": 1},
    "Nothing": {"x": 0, "y": 0, "z": 0},
    "One": {"x": 1, "y": 0, "z": 0},
    "OneOnY": {"x": 0, "y": 1, "z": 0},
}
"""Of the module of models."""

WIDE: Final[Mapping[str, Mapping[str, Any]]] = {
    "HomeOf": {"x": "p", "y": "q", "z": "r"},
    "OfThese": TABLES["OfThese"],
    "FromAll": {"t": "x", "u": "y", "v": "z"},
    "ToAll": {"t": "y", "u": "z", "v": "x"},
    "AmountOf": {"t": 2, "u": 3, "v": 1, "d": 4, "e": 1},
    "Some": {"x": 2, "y": 1, "z": 0},
}
"""Of MCReplicatedTwoPhaseCommitWide."""

STARTS: Final[Mapping[str, Mapping[str, Mapping[str, Any]]]] = {"Some": WIDE}
"""Which tables a model has, known by what is on its accounts at first; those of the small models otherwise."""

# -- how the code's values are written in the spec ----------------------------------------------------------


def staged(event: Staged) -> Value:
    """A transfer is prepared, or cannot be."""
    return record(type=event.stage, id=model_value(event.transfer.id))


def ended(event: Ended) -> Value:
    """The decision."""
    return record(type=event.stage, id=model_value(event.transfer))


def deposited(event: Deposited) -> Value:
    """A deposit."""
    return record(type="deposited", id=model_value(event.request))


def read(event: Read) -> Value:
    """A read."""
    return record(type="read", id=model_value(event.request), round=event.round)


EVENTS: Final[Mapping[type, Any]] = {Staged: staged, Ended: ended, Deposited: deposited, Read: read}


def shard_event(event: Event) -> Value:
    """An event of a shard as a record."""
    return cast(Value, EVENTS[type(event)](event))


def shard_suffix(suffix: Suffix[Event]) -> tuple[Value, ...]:
    """A suffix of a shard's log."""
    return tuple(map(shard_event, suffix))


def of_shard(identity: str, log: Log) -> tuple[Value, dict[str, object]]:
    """What one shard shows."""
    state = log.state
    shown = {
        "free": named(state.free),
        "version": state.version,
        "stage": named(state.stage),
        "done": {(model_value(operation), number): found for (operation, number), found in state.done.items()},
    }
    return model_value(identity), {
        "shard": shown,
        "suffix": shard_suffix(log.suffix),
        "tails": frozenset(map(shard_suffix, log.tails)),
    }


def of_again(operations: frozenset[str]) -> dict[str, object]:
    """The totals that are asked for a second time."""
    return {"again": of_operations(operations)}


def bind_parts(binding: Binding[Any]) -> None:
    """What every world of two-phase commit shows and does."""
    binding.observe_each("shards")(of_shard)
    binding.observe_part("again")(of_again)
    bind_world(binding, shard_suffix)


bind_parts(replicated_two_phase_commit)
for _action in shared.actions:
    replicated_two_phase_commit.action(_action)


# -- where models start -------------------------------------------------------------------------------------


def setting_of(constants: Constants) -> Setting:
    """What never changes in a model."""
    return setting(constants, STARTS.get(str(constants["Initial"]), TABLES))


@replicated_two_phase_commit.start("Init")
@replicated_two_phase_commit.start("UnreplicatedSpec")
def init(constants: Constants) -> World:
    """ReplicatedTwoPhaseCommit!Init. MCReplicatedTwoPhaseCommitLive!UnreplicatedSpec begins there, too."""
    return World.of(setting_of(constants))


@replicated_two_phase_commit.start("InitInDoubt")
def init_in_doubt(constants: Constants) -> World:
    """MCReplicatedTwoPhaseCommit!InitInDoubt."""
    return in_doubt(setting_of(constants), "t")


@replicated_two_phase_commit.start("Starts")
def starts(constants: Constants) -> list[World]:
    """MCReplicatedTwoPhaseCommitWide!Starts."""
    chosen = setting_of(constants)
    return [World.of(chosen), asked(chosen, "d", "whole", ("sum", "all"))]


# -- actions ------------------------------------------------------------------------------------------------


@replicated_two_phase_commit.action
def OnPrepare(world: World, m: Message) -> World:
    return world.on_prepare(m)


@replicated_two_phase_commit.action
def OnDecision(world: World, m: Message) -> World:
    return world.on_decision(m)


@replicated_two_phase_commit.action
def OnDeposit(world: World, d: str) -> World:
    return world.on_deposit(d)


@replicated_two_phase_commit.action
def AnswerDeposit(world: World, d: str) -> World:
    return world.answer_deposit(d)


@replicated_two_phase_commit.action
def OnBalance(world: World, r: str) -> World:
    return world.on_balance(r)


@replicated_two_phase_commit.action
def AnswerBalance(world: World, r: str) -> World:
    return world.answer_balance(r)


@replicated_two_phase_commit.action
def OnTotal(world: World, s: str, c: str) -> World:
    return world.on_total(s, c)


@replicated_two_phase_commit.action
def AskAgain(world: World, c: str) -> World:
    return world.ask_again(c)


@replicated_two_phase_commit.action
def AnswerTotal(world: World, c: str) -> World:
    return world.answer_total(c)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _rules in ledger_properties.INVARIANTS.items():
    for _over, _test in _rules:
        replicated_two_phase_commit.invariant(_name, *_over)(_test)
for _name, (_over, _test) in ledger_properties.STEP_PROPERTIES.items():
    replicated_two_phase_commit.step_property(_name, *_over)(_test)


replicated_two_phase_commit.recording = recording
