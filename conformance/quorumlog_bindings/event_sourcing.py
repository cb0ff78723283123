"""The spec EventSourcing and the single machine: with a small application, and with the ledger."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import permutations, product
from typing import Any, Final, cast

from msgspec.structs import asdict

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import Application, Machine
from quorumlog.ledger.books import Books
from quorumlog.ledger.commands import (
    Balance,
    Command,
    Deposit,
    Exchange,
    Total,
    Transfer,
    Withdraw,
)
from quorumlog.ledger.events import Event
from quorumlog.ledger.ledger import Ledger
from quorumlog.simulation.event_sourcing import INVARIANTS, STEPS, AnyMachine
from quorumlog.simulation.small_applications import Exchanging
from tlastep.binding import Binding, Constants, Property
from tlastep.values import Fn, Value, in_order, to_value

event_sourcing: Binding[AnyMachine] = Binding(
    "EventSourcing", parts=("commands", "events", "state", "folded"), refused=Refused, environment=("Submit", "Restart")
)


# -- the definitions of the models that stand for constants, once more in Python ----------------------------

APPLICATIONS: Final[Mapping[Value, Application[Any, Any, Any, Any, Any]]] = {
    "Decided": Exchanging(),
    "LedgerDecided": Ledger(),
}
SMALL: Final = ("deposit", "withdraw", "exchange")
RATES: Final[Mapping[Value, Sequence[int]]] = {"Decided": (2, 3), "LedgerDecided": (50, 150)}


def numbers(constants: Constants) -> list[int]:
    """The amounts of a model."""
    return cast(list[int], in_order(cast(frozenset[Value], constants["Amounts"])))


def accounts(constants: Constants) -> list[str]:
    """The accounts of a model's clients."""
    return cast(list[str], in_order(cast(frozenset[Value], constants["Accounts"])))


def ledger_commands(constants: Constants) -> Iterable[Command]:
    """Ledger!Commands."""
    every, amounts = accounts(constants), numbers(constants)
    yield from [kind(*args) for kind in (Deposit, Withdraw) for args in product(every, amounts)]
    yield from [
        kind(*pair, amount) for kind in (Transfer, Exchange) for pair in permutations(every, 2) for amount in amounts
    ]
    yield from map(Balance, every)
    yield Total()


COMMANDS: Final[Mapping[Value, Any]] = {"Decided": lambda constants: SMALL, "LedgerDecided": ledger_commands}


# -- how the code's values are written in the spec ----------------------------------------------------------

NAMES: Final[Mapping[str, str]] = {"source": "from", "askedtotal": "askedTotal"}


def record(kind: str, value: Command | Event) -> Value:
    """A command or an event of the ledger as a record, with its tag in the field `kind`."""
    tag = type(value).__name__.lower()
    fields = {NAMES.get(name, name): each for name, each in asdict(value).items()}
    return to_value({kind: NAMES.get(tag, tag), **fields})


def ledger_command(command: Command) -> Value:
    """A command of the ledger."""
    return record("do", command)


def ledger_event(event: Event) -> Value:
    """An event of the ledger."""
    return record("was", event)


def books(state: Books) -> Value:
    """The books as what each account holds. Those of the models are x and y."""
    held: dict[Value, Value] = {account: state.balance(account) for account in ("x", "y", "exchange")}
    return Fn({**held, "outside": state.outside})


def shown_command(command: object) -> Value:
    """A command of either application."""
    return cast(Value, SHOWN_COMMAND[isinstance(command, str)](command))


def shown_event(event: object) -> Value:
    """An event of either application."""
    return cast(Value, SHOWN_EVENT[isinstance(event, str)](event))


SHOWN_COMMAND: Final[Mapping[bool, Any]] = {True: to_value, False: ledger_command}
SHOWN_EVENT: Final[Mapping[bool, Any]] = {True: to_value, False: ledger_event}
SHOWN_STATE: Final[Mapping[bool, Any]] = {True: to_value, False: books}


@event_sourcing.observe_part("commands")
def of_commands(commands: tuple[object, ...]) -> dict[str, object]:
    return {"commands": tuple(map(shown_command, commands))}


@event_sourcing.observe_part("events")
def of_events(events: tuple[object, ...]) -> dict[str, object]:
    return {"events": tuple(map(shown_event, events))}


@event_sourcing.observe_part("state")
def of_state(state: object) -> dict[str, object]:
    return {"state": SHOWN_STATE[isinstance(state, int)](state)}


@event_sourcing.observe_part("folded")
def of_folded(folded: int) -> dict[str, object]:
    return {"folded": folded}


# -- where models start, and how far they go ----------------------------------------------------------------


@event_sourcing.start("Init")
def init(constants: Constants) -> AnyMachine:
    """EventSourcing!Init."""
    return Machine.of(APPLICATIONS[constants["Decision"]])


@event_sourcing.bound("Bound")
def bound(constants: Constants) -> list[Property]:
    """MCEventSourcing!Bound and MCEventSourcingLedger!Bound."""
    most, longest = cast(int, constants["MaxCommands"]), cast(int, constants["MaxEvents"])
    return [
        Property((), lambda machine: len(machine.commands) <= most),
        Property((), lambda machine: len(machine.events) <= longest),
    ]


# -- actions ------------------------------------------------------------------------------------------------

event_sourcing.parameter("c", domain=lambda constants: COMMANDS[constants["Decision"]](constants), spec=shown_command)
event_sourcing.parameter("r", domain=lambda constants: RATES[constants["Decision"]])


@event_sourcing.action
def Submit(machine: AnyMachine, c: object) -> AnyMachine:
    return machine.submit(c)


@event_sourcing.action
def Decide(machine: AnyMachine, r: int) -> AnyMachine:
    return machine.decide(r)


@event_sourcing.action
def Fold(machine: AnyMachine) -> AnyMachine:
    return machine.fold()


@event_sourcing.action
def Restart(machine: AnyMachine) -> AnyMachine:
    return machine.restart()


# -- properties, as the simulation states them --------------------------------------------------------------

for _name, _test in INVARIANTS.items():
    event_sourcing.invariant(_name)(_test)

for _name, _step in STEPS.items():
    event_sourcing.step_property(_name)(_step)
