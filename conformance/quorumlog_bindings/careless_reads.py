"""The spec CarelessReads and reads that are rejected, beside the transfers of two-phase commit."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from quorumlog.core.consensus.effects import Refused
from quorumlog.simulation import ledger_properties
from quorumlog.simulation.careless_reads import CarelessReads as World
from quorumlog_bindings.replicated_two_phase_commit import bind_parts, replicated_two_phase_commit
from quorumlog_bindings.transfers import setting
from tlastep.binding import Binding, Constants

careless_reads: Binding[World] = Binding(
    "CarelessReads",
    parts=("coordination", "tally", "network", "op", "ledger", "possible", "shards", "again"),
    refused=Refused,
    ghosts=("ledger", "possible"),
    environment=("Call", "TimeOut", "ElectCoordinator", "ElectLeader", "Lose"),
)

# -- the definitions of MCCarelessReads that stand for constants, once more in Python ------------------------

TABLES: Final[Mapping[str, Mapping[str, Any]]] = {
    "HomeOf": {"x": "p", "y": "q"},
    "OfThese": {"d": "x", "rx": "x", "ry": "y"},
    "FromX": {"t": "x"},
    "ToY": {"t": "y"},
    "Ten": {"t": 10, "d": 10},
    "Three": {"t": 3},
    "Nothing": {"x": 0, "y": 0},
    "FiveAndOne": {"x": 5, "y": 1},
}


@careless_reads.start("Init")
def init(constants: Constants) -> World:
    """ReplicatedTwoPhaseCommit!Init."""
    return World.of(setting(constants, TABLES))


# -- actions ------------------------------------------------------------------------------------------------

bind_parts(careless_reads)
_replaced = ("OnBalance", "AskAgain", "AnswerTotal")
for _name in sorted({*replicated_two_phase_commit.actions} - {*_replaced}):
    careless_reads.action(replicated_two_phase_commit.actions[_name])


@careless_reads.action
def OnBalanceAtOnce(world: World, r: str) -> World:
    return world.on_balance_at_once(r)


@careless_reads.action
def AnswerTotalAtOnce(world: World, c: str) -> World:
    return world.answer_total_at_once(c)


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, (_over, _test) in ledger_properties.STEP_PROPERTIES.items():
    careless_reads.step_property(_name, *_over)(_test)
