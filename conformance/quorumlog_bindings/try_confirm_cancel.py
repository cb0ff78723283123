"""The spec TryConfirmCancel and the core of try, confirm and cancel: the same actions, the same variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.two_phase_commit.messages import Message
from quorumlog.core.two_phase_commit.try_confirm_cancel import Closed, Event, Look, Tried
from quorumlog.simulation import try_confirm_cancel_properties
from quorumlog.simulation.transfers import Suffix
from quorumlog.simulation.try_confirm_cancel import Log
from quorumlog.simulation.try_confirm_cancel import TryConfirmCancel as World
from quorumlog_bindings.transfers import bind_world, named, setting, shared
from tlastep.binding import Binding, Constants
from tlastep.values import Value, model_value, record

try_confirm_cancel: Binding[World] = Binding(
    "TryConfirmCancel",
    parts=("coordination", "tally", "network", "op", "ledger", "possible", "shards"),
    refused=Refused,
    ghosts=("ledger", "possible"),
    environment=("Call", "TimeOut", "ElectCoordinator", "ElectLeader", "Lose"),
)

# -- the definitions of MCTryConfirmCancel that stand for constants, once more in Python ---------------------

TABLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "HomeOf": {"x": "p", "y": "q"},
    "OfThese": {"rx": "x", "ry": "y"},
    "FromX": {"t": "x", "u": "x"},
    "ToY": {"t": "y", "u": "y"},
    "AmountOf": {"t": 1, "u": 1},
    "TooMuch": {"t": 2, "u": 2},
    "One": {"x": 1, "y": 0},
}


# -- how the code's values are written in the spec ----------------------------------------------------------


def tried(event: Tried) -> Value:
    """A transfer is tried, or cannot be."""
    return record(type=event.stage, id=model_value(event.transfer.id))


def closed(event: Closed) -> Value:
    """It is confirmed or cancelled."""
    return record(type=event.stage, id=model_value(event.transfer))


def look(event: Look) -> Value:
    """A look."""
    return record(type="looked", id=model_value(event.request))


EVENTS: Final[Mapping[type, Any]] = {Tried: tried, Closed: closed, Look: look}


def shard_event(event: Event) -> Value:
    """An event of a shard as a record."""
    return cast(Value, EVENTS[type(event)](event))


def shard_suffix(suffix: Suffix[Event]) -> tuple[Value, ...]:
    """A suffix of a shard's log."""
    return tuple(map(shard_event, suffix))


@try_confirm_cancel.observe_each("shards")
def of_shard(identity: str, log: Log) -> tuple[Value, dict[str, object]]:
    """What one shard shows."""
    state = log.state
    shown = {
        "available": named(state.available),
        "frozen": named(state.frozen),
        "stage": named(state.stage),
        "done": named(state.done),
    }
    return model_value(identity), {
        "shard": shown,
        "suffix": shard_suffix(log.suffix),
        "tails": frozenset(map(shard_suffix, log.tails)),
    }


@try_confirm_cancel.start("Init")
def init(constants: Constants) -> World:
    """TryConfirmCancel!Init."""
    return World.of(setting(constants, TABLES))


# -- actions ------------------------------------------------------------------------------------------------

bind_world(try_confirm_cancel, shard_suffix)
for _action in shared.actions:
    try_confirm_cancel.action(_action)


@try_confirm_cancel.action
def OnTry(world: World, m: Message) -> World:
    return world.on_try(m)


@try_confirm_cancel.action
def OnConfirm(world: World, m: Message) -> World:
    return world.on_confirm(m)


@try_confirm_cancel.action
def OnCancel(world: World, m: Message) -> World:
    return world.on_cancel(m)


@try_confirm_cancel.action
def OnLook(world: World, r: str) -> World:
    return world.on_look(r)


@try_confirm_cancel.action
def AnswerLook(world: World, r: str) -> World:
    return world.answer_look(r)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _rules in try_confirm_cancel_properties.INVARIANTS.items():
    for _over, _test in _rules:
        try_confirm_cancel.invariant(_name, *_over)(_test)
for _name, (_over, _test) in try_confirm_cancel_properties.STEP_PROPERTIES.items():
    try_confirm_cancel.step_property(_name, *_over)(_test)
