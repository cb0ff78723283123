"""What the bindings of both protocols for transfers share: how the code's values are written in the specs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, TypeAlias, cast

from quorumlog.core.two_phase_commit.coordinator import Begun, Decided, Decisions, Tally
from quorumlog.core.two_phase_commit.messages import (
    Acknowledgement,
    Decision,
    Message,
    Prepare,
    Transfer,
    Vote,
)
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation.transfers import CoordinatorEvent, Group, Setting, Standing, Suffix, Transfers
from tlastep.binding import Binding, Constants
from tlastep.values import ModelValue, Value, model_value, record

# -- values -------------------------------------------------------------------------------------------------


def prepare(message: Prepare) -> dict[str, object]:
    """A request to prepare."""
    return {"transfer": model_value(message.transfer.id)}


def vote(message: Vote) -> dict[str, object]:
    """A vote."""
    return {"transfer": model_value(message.transfer), "vote": message.vote}


def decision(message: Decision) -> dict[str, object]:
    """A decision."""
    return {"transfer": model_value(message.transfer), "commit": message.commit}


def acknowledgement(message: Acknowledgement) -> dict[str, object]:
    """An acknowledgement."""
    return {"transfer": model_value(message.transfer)}


FIELDS: Final[Mapping[type, Any]] = {
    Prepare: prepare,
    Vote: vote,
    Decision: decision,
    Acknowledgement: acknowledgement,
}


def message(sent: Message) -> Value:
    """A message as a record."""
    kind = type(sent)
    return record(type=kind.__name__, shard=model_value(sent.shard), **FIELDS[kind](sent))


def begun(event: Begun) -> Value:
    """The first event of a transfer."""
    return record(type="begun", id=model_value(event.transfer.id))


def decided(event: Decided) -> Value:
    """The last event of a transfer."""
    return record(type=event.outcome, id=model_value(event.transfer))


EVENTS: Final[Mapping[type, Any]] = {Begun: begun, Decided: decided}


def coordinator_event(event: CoordinatorEvent) -> Value:
    """An event of the coordinator as a record."""
    return cast(Value, EVENTS[type(event)](event))


def coordinator_suffix(suffix: Suffix[CoordinatorEvent]) -> tuple[Value, ...]:
    """A suffix of the coordinator's log."""
    return tuple(map(coordinator_event, suffix))


def pairs(heard: Iterable[tuple[str, str]]) -> frozenset[tuple[Value, ...]]:
    """Votes and acknowledgements."""
    return frozenset((model_value(transfer), model_value(shard)) for transfer, shard in heard)


def named(values: Mapping[str, object] | FrozenMap[str, Any]) -> dict[Value, object]:
    """A map whose keys are model values."""
    return {model_value(name): value for name, value in values.items()}


def standing(of: Standing) -> Value:
    """What became of an operation."""
    return record(state=of.state, value=of.value)


# -- parts --------------------------------------------------------------------------------------------------


def of_coordination(group: Group[Decisions, CoordinatorEvent]) -> dict[str, object]:
    """The coordinator's log."""
    return {
        "decision": {model_value(transfer): known.stage for transfer, known in group.state.items()},
        "coordinatorSuffix": coordinator_suffix(group.suffix),
        "coordinatorTails": frozenset(map(coordinator_suffix, group.tails)),
    }


def of_tally(tally: Tally) -> dict[str, object]:
    """What the coordinator's leader has heard."""
    return {"votes": pairs(tally.votes), "acks": pairs(tally.acks)}


def of_network(network: frozenset[Message]) -> dict[str, object]:
    """The messages on their way."""
    return {"network": frozenset(map(message, network))}


def of_op(operation: str, now: Standing) -> tuple[Value, dict[str, object]]:
    """What became of an operation."""
    return model_value(operation), {"op": standing(now)}


def of_ledger(account: str, value: int) -> tuple[Value, dict[str, object]]:
    """The ghost ledger."""
    return model_value(account), {"ledger": value}


def of_possible(operation: str, values: frozenset[int]) -> tuple[Value, dict[str, object]]:
    """The ghost of what might be answered."""
    return model_value(operation), {"possible": values}


def of_operations(operations: frozenset[str]) -> frozenset[Value]:
    """A set of operations."""
    return frozenset(map(model_value, operations))


# -- settings -----------------------------------------------------------------------------------------------


def names(constants: Constants, constant: str) -> tuple[str, ...]:
    """The names of a set of model values, in order."""
    return tuple(sorted(map(str, cast(frozenset[ModelValue], constants[constant]))))


def tabled(constants: Constants, constant: str, tables: Mapping[str, Mapping[str, Any]]) -> Mapping[str, Any]:
    """The table of the models' module that stands for a constant, once more in Python."""
    return tables[str(constants[constant])]


def setting(constants: Constants, tables: Mapping[str, Mapping[str, Any]]) -> Setting:
    """What never changes, from a model's constants and the tables that they name."""
    accounts, deposits = names(constants, "Account"), names(constants, "Deposit")
    home = tabled(constants, "Home", tables)
    source, target = tabled(constants, "From", tables), tabled(constants, "To", tables)
    amount, initial = tabled(constants, "Amount", tables), tabled(constants, "Initial", tables)
    transfers = {
        t: Transfer(t, source[t], target[t], amount[t], home[source[t]], home[target[t]])
        for t in names(constants, "Transfer")
    }
    return Setting(
        initial=FrozenMap({account: initial[account] for account in accounts}),
        home=FrozenMap({account: home[account] for account in accounts}),
        transfers=FrozenMap(transfers),
        deposits=FrozenMap({deposit: amount[deposit] for deposit in deposits}),
        balances=names(constants, "Balance"),
        totals=names(constants, "Total"),
        account_of=FrozenMap(dict(tabled(constants, "Of", tables))),
        coordinator=str(constants["Coordinator"]),
        hasty=frozenset(names(constants, "Hasty")),
        electing=frozenset(names(constants, "Electing")),
        returning=frozenset(names(constants, "Returning")),
        lossy=frozenset(names(constants, "Lossy")),
    )


# -- actions ------------------------------------------------------------------------------------------------

World: TypeAlias = Transfers[Any, Any]


class Shared:
    """The actions that bindings of both protocols have."""

    def __init__(self) -> None:
        self.actions: list[Callable[..., World]] = []

    def action(self, function: Callable[..., World]) -> Callable[..., World]:
        """The function takes the action of its name."""
        self.actions.append(function)
        return function


shared = Shared()


@shared.action
def Call(world: World, o: str) -> World:
    return world.call(o)


@shared.action
def OnTransfer(world: World, t: str) -> World:
    return world.on_transfer(t)


@shared.action
def AnswerTransfer(world: World, t: str) -> World:
    return world.answer_transfer(t)


@shared.action
def TimeOut(world: World, t: str) -> World:
    return world.time_out(t)


@shared.action
def OnVote(world: World, m: Message) -> World:
    return world.on_vote(m)


@shared.action
def OnAcknowledgement(world: World, m: Message) -> World:
    return world.on_acknowledgement(m)


@shared.action
def CommitDecision(world: World) -> World:
    return world.commit_decision()


@shared.action
def Speak(world: World) -> World:
    return world.speak()


@shared.action
def ElectCoordinator(world: World, es: Suffix[CoordinatorEvent]) -> World:
    return world.elect_coordinator(es)


@shared.action
def CommitEvent(world: World, s: str) -> World:
    return world.commit_event(s)


@shared.action
def SpeakShard(world: World, s: str) -> World:
    return world.speak_shard(s)


@shared.action
def ElectLeader(world: World, s: str, tail: Suffix[Any]) -> World:
    return world.elect_leader(s, tail)


@shared.action
def Lose(world: World, m: Message) -> World:
    return world.lose(m)


def of_constants(*given: str) -> Callable[[Constants], list[str]]:
    """A domain: the members of some constants."""
    return lambda constants: [name for each in given for name in names(constants, each)]


def bind_world(binding: Binding[Any], shard_suffix: Callable[[Suffix[Any]], Value]) -> None:
    """What both protocols share: the coordinator's parts, parameters and actions."""
    binding.observe_part("coordination")(of_coordination)
    binding.observe_part("tally")(of_tally)
    binding.observe_part("network")(of_network)
    binding.observe_each("op")(of_op)
    binding.observe_each("ledger")(of_ledger)
    binding.observe_each("possible")(of_possible)
    operations = ("Transfer", "Deposit", "Balance", "Total")
    binding.parameter("o", domain=of_constants(*operations), spec=model_value)
    binding.parameter("t", domain=of_constants("Transfer"), spec=model_value)
    binding.parameter("d", domain=of_constants("Deposit"), spec=model_value)
    binding.parameter("r", domain=of_constants("Balance"), spec=model_value)
    binding.parameter("c", domain=of_constants("Total"), spec=model_value)
    binding.parameter("s", domain=of_constants("Shard"), spec=model_value)
    binding.parameter("a", domain=of_constants("Account"), spec=model_value)
    binding.parameter("m", among=lambda world: world.network, spec=message)
    binding.parameter("es", among=lambda world: world.electable(), spec=coordinator_suffix)
    binding.parameter("tail", among=lambda world: world.suffixes(), spec=shard_suffix)
