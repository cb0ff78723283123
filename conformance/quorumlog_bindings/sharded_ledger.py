"""The spec ShardedLedger and the ledger on shards: the same actions, the same variables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.two_phase_commit.coordinator import Known
from quorumlog.core.two_phase_commit.messages import Transfer as CoreTransfer
from quorumlog.core.two_phase_commit.participant import Ended, Staged
from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.commands import Balance, Command, Deposit, Exchange, Total, Transfer, Withdraw
from quorumlog.ledger.coordinated import Coordinated
from quorumlog.ledger.forgetting import Closed, number_of
from quorumlog.ledger.ledger import Rate, Received
from quorumlog.ledger.placement import Placement
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.simulation import sharded_properties
from quorumlog.simulation.sharded_ledger import ShardedWorld, after_one
from quorumlog.simulation.sharded_properties import kept, told_as
from quorumlog.simulation.sharded_setting import Begun, Entry, Executed, Log, Noted, Setting, Standing
from quorumlog_bindings.event_sourcing import ledger_event
from quorumlog_bindings.recorded_sharded_ledger import recording
from tlastep.binding import Binding, Constants
from tlastep.values import Value, in_order, record, to_value

World = ShardedWorld

sharded_ledger: Binding[World] = Binding(
    "ShardedLedger",
    parts=("transfer", "coordination", "shard", "op", "again", "ledger", "possible"),
    refused=Refused,
    ghosts=("ledger", "possible"),
    environment=("Call", "TimeOut", "ElectLeader"),
)

# -- the definitions of MCShardedLedger that stand for constants, once more in Python ------------------------

COMMANDS: Final[Mapping[str, Command]] = {
    "t": Transfer("x", "y", 1),
    "u": Transfer("y", "x", 2),
    "e": Exchange("x", "y", 2),
    "l": Transfer("y", "z", 1),
    "f": Exchange("y", "z", 2),
    "d": Deposit("y", 1),
    "w": Withdraw("x", 2),
    "rx": Balance("x"),
    "ry": Balance("y"),
    "part": Balance(EXCHANGE),
    "sum": Total(),
}
HOMES: Final[FrozenMap[str, str]] = FrozenMap({"x": "p", "y": "q", "z": "q"})
INITIAL: Final[Mapping[str, Mapping[str, int]]] = {
    "TwoOnX": {"x": 2, "y": 0, "z": 0},
    "OneEach": {"x": 1, "y": 1, "z": 1},
    "ThreeTwoNothing": {"x": 3, "y": 2, "z": 0},
}


def names(constants: Constants, constant: str) -> list[str]:
    """The members of a constant, in order."""
    return cast(list[str], in_order(cast(frozenset[Value], constants[constant])))


def setting(constants: Constants) -> Setting:
    """What never changes in a model."""
    initial = INITIAL[str(constants["Initial"])]
    return Setting(
        placement=Placement(tuple(names(constants, "Shard")), HOMES),
        initial=FrozenMap({account: initial[account] for account in names(constants, "Account")}),
        commands=FrozenMap({operation: COMMANDS[operation] for operation in names(constants, "Operation")}),
        hasty=frozenset(names(constants, "Hasty")),
        electing=frozenset(names(constants, "Electing")),
    )


@sharded_ledger.start("Init")
def init(constants: Constants) -> World:
    """ShardedLedger!Init."""
    return World.of(setting(constants))


@sharded_ledger.start("InitOver")
def init_over(constants: Constants) -> World:
    """MCShardedLedger!InitOver."""
    return after_one(setting(constants), "t")


# -- how the code's values are written in the spec ----------------------------------------------------------


def standing(of: Standing) -> Value:
    """What became of an operation."""
    return record(state=of.state, said=of.said, n=of.n)


@sharded_ledger.observe_part("transfer")
def of_transfer(transfer: tuple[Begun, ...]) -> dict[str, object]:
    """What the coordinator has said."""
    return {
        "transfer": tuple([record(op=each.op, brings=each.known.brings, stage=each.stage) for each in transfer]),
    }


STAGES: Final[Mapping[str, str]] = {"begun": "open"}


def what(known: CoreTransfer) -> Value:
    """What a transfer is."""
    return to_value({"from": known.source, "to": known.target, "amount": known.amount, "brings": known.brings})


def decision(known: Known) -> Value:
    """A transfer that is not over."""
    return record(what=what(known.transfer), stage=STAGES.get(known.stage, known.stage))


def ending(told: bool | Received | None) -> Value:
    """How a transfer ended."""
    return record(answer=standing(told_as(told)), exchanged=to_value(isinstance(told, Received)))


@sharded_ledger.observe_part("coordination")
def of_coordination(state: Coordinated) -> dict[str, object]:
    """What the coordinator still knows."""
    endings = {**dict(state.older.items()), **dict(state.recent.items())}
    return {
        "decisions": {number_of(each): decision(known) for each, known in state.decisions.items()},
        "ending": {number_of(each): ending(told) for each, told in endings.items()},
        "over": state.over,
    }


def staged(event: Staged) -> Value:
    """A transfer is prepared, or cannot be."""
    return record(type="staged", number=number_of(event.transfer.id), what=what(event.transfer), stage=event.stage)


def ended(event: Ended) -> Value:
    """The decision."""
    return record(type="ended", number=number_of(event.transfer), stage=event.stage)


def closed(event: Closed) -> Value:
    """What is over."""
    return record(type="closed", number=event.number)


EVENTS: Final[Mapping[type, Any]] = {Staged: staged, Ended: ended, Closed: closed}


def noted(entry: Noted) -> Value:
    """An entry of a transfer."""
    return cast(Value, EVENTS[type(entry.event)](entry.event))


def executed(entry: Executed) -> Value:
    """What a command became."""
    events = tuple(map(ledger_event, cast(Any, entry.events)))
    return record(type="executed", op=entry.op, round=entry.round, events=events)


ENTRIES: Final[Mapping[type, Any]] = {Noted: noted, Executed: executed}


def shown(entry: Entry) -> Value:
    """An entry of a shard's log."""
    return cast(Value, ENTRIES[type(entry)](entry))


def answer(said: object) -> Value:
    """An answer that is kept."""
    reply = kept(said)
    return record(said=reply.said, n=reply.n, version=reply.version)


@sharded_ledger.observe_each("shard")
def of_shard(identity: str, log: Log) -> tuple[Value, dict[str, object]]:
    """What one shard shows."""
    state = log.state
    part = state.part
    return identity, {
        "shard": {
            "free": {**dict(part.free.items()), "outside": state.outside},
            "version": part.version,
            "stage": {number_of(transfer): stage for transfer, stage in part.stage.items()},
            "doubt": {number_of(each.id): what(each) for each in part.in_doubt},
            "over": state.over,
            "said": {key: answer(each) for key, each in log.said.items()},
        },
        "suffix": tuple(map(shown, log.suffix)),
    }


@sharded_ledger.observe_each("op")
def of_op(operation: str, now: Standing) -> tuple[Value, dict[str, object]]:
    """What became of an operation."""
    return operation, {"op": standing(now)}


@sharded_ledger.observe_part("again")
def of_again(operations: frozenset[str]) -> dict[str, object]:
    """The operations that ask all shards a second time."""
    return {"again": operations}


@sharded_ledger.observe_each("ledger")
def of_ledger(account: str, amount: int) -> tuple[Value, dict[str, object]]:
    """The ghost ledger."""
    return account, {"ledger": amount}


@sharded_ledger.observe_each("possible")
def of_possible(operation: str, values: frozenset[Standing]) -> tuple[Value, dict[str, object]]:
    """The ghost of what might be answered."""
    return operation, {"possible": frozenset(map(standing, values))}


# -- actions ------------------------------------------------------------------------------------------------


def rates(constants: Constants) -> list[Rate]:
    """What can be drawn."""
    return cast(list[int], in_order(cast(frozenset[Value], constants["Rate"])))


def numbers(constants: Constants) -> range:
    """ShardedLedger!Number."""
    across = map(setting(constants).is_across, names(constants, "Operation"))
    return range(1, sum(across) + 1)


sharded_ledger.parameter("o", domain=lambda constants: names(constants, "Operation"))
sharded_ledger.parameter("s", domain=lambda constants: names(constants, "Shard"))
sharded_ledger.parameter("r", domain=rates)
sharded_ledger.parameter("k", domain=numbers)
sharded_ledger.parameter("n", domain=lambda constants: range(4))


@sharded_ledger.action
def Call(world: World, o: str) -> World:
    return world.call(o)


@sharded_ledger.action
def AskAgain(world: World, o: str) -> World:
    return world.ask_again(o)


@sharded_ledger.action
def Answer(world: World, o: str) -> World:
    return world.answer(o)


@sharded_ledger.action
def Begin(world: World, o: str, r: Rate) -> World:
    return world.begin(o, r)


@sharded_ledger.action
def CountVotes(world: World, k: int) -> World:
    return world.count_votes(k)


@sharded_ledger.action
def Reject(world: World, k: int, s: str) -> World:
    return world.reject(k, s)


@sharded_ledger.action
def TimeOut(world: World, k: int) -> World:
    return world.time_out(k)


@sharded_ledger.action
def Close(world: World, k: int) -> World:
    return world.close(k)


@sharded_ledger.action
def OnPrepare(world: World, s: str, k: int) -> World:
    return world.on_prepare(s, k)


@sharded_ledger.action
def OnDecision(world: World, s: str, k: int) -> World:
    return world.on_decision(s, k)


@sharded_ledger.action
def OnOver(world: World, s: str, k: int) -> World:
    return world.on_over(s, k)


@sharded_ledger.action
def OnCommand(world: World, s: str, o: str, r: Rate) -> World:
    return world.on_command(s, o, r)


@sharded_ledger.action
def CommitEntry(world: World, s: str) -> World:
    return world.commit_entry(s)


@sharded_ledger.action
def ElectLeader(world: World, s: str, n: int) -> World:
    return world.elect_leader(s, n)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, (_over, _test) in sharded_properties.INVARIANTS.items():
    sharded_ledger.invariant(_name, *_over)(_test)
for _name, (_over, _step) in sharded_properties.STEP_PROPERTIES.items():
    sharded_ledger.step_property(_name, *_over)(_step)

sharded_ledger.recording = recording
