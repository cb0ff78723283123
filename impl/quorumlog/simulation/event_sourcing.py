"""What must hold of the single machine, whatever its application, and of the ledger on it. Spec: EventSourcing."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from quorumlog.core.event_sourcing import Machine, fold
from quorumlog.ledger.books import Books
from quorumlog.ledger.events import Deposited, Withdrawn

# What a machine is about is known to its application alone.
AnyMachine: TypeAlias = Machine[Any, Any, Any, Any, Any]


def types_are_right(machine: AnyMachine) -> bool:
    """No more is folded than there is."""
    return 0 <= machine.folded <= len(machine.events)


def state_is_fold(machine: AnyMachine) -> bool:
    """The state is the fold of the event queue, before a restart and after it."""
    folded = machine.events[: machine.folded]
    return bool(machine.state == fold(machine.application, machine.application.start(), folded))


def books_balance(machine: AnyMachine) -> bool:
    """Whatever was added to one account was taken from another."""
    books: Books = machine.state
    return books.total() + books.outside == 0


def none_is_overdrawn(machine: AnyMachine) -> bool:
    """No account holds less than nothing but the one that makes exchanges good."""
    books: Books = machine.state
    return books.is_covered()


def extends(machine: AnyMachine, following: AnyMachine) -> bool:
    """Nothing on the event queue is changed or lost."""
    return following.events[: len(machine.events)] == machine.events


def total_is_conserved(machine: AnyMachine, following: AnyMachine) -> bool:
    """Only deposits and withdrawals change what everybody holds together."""
    if following.folded != machine.folded + 1 or following.events != machine.events:
        return True
    before: Books = machine.state
    after: Books = following.state
    return before.total() == after.total() or isinstance(machine.events[machine.folded], Deposited | Withdrawn)


INVARIANTS: Final[Mapping[str, Callable[[AnyMachine], bool]]] = {
    "TypeOK": types_are_right,
    "StateIsFold": state_is_fold,
    "BooksBalance": books_balance,
    "NoneIsOverdrawn": none_is_overdrawn,
}

STEPS: Final[Mapping[str, Callable[[AnyMachine, AnyMachine], bool]]] = {
    "Refines": extends,
    "TotalIsConserved": total_is_conserved,
}
