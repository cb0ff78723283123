"""The ledger: what a solver proves of it, what random commands show, and that wrong ledgers are found by both."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from quorumlog.core.event_sourcing import Machine, fold, replayed, serve
from quorumlog.ledger import books
from quorumlog.ledger.books import BLANK, EXCHANGE, Books, Posting
from quorumlog.ledger.commands import Balance, Command, Deposit, Exchange, Total, Transfer, Unfit, Withdraw
from quorumlog.ledger.events import Asked, Deposited, Event, Exchanged, Transferred
from quorumlog.ledger.ledger import RATES, Answer, Ledger, Received, draw
from quorumlog_bindings.ledger_contracts import contracts
from tlastep.check.contract import operators
from tlastep.check.models import find_project
from tlastep.check.symbolic import judge

Step: TypeAlias = tuple[Command, int, bool]
"""A command, the rate that is drawn for it, and whether the machine crashes afterwards."""

CONTRACTS: Final = {contract.name: contract for contract in contracts.all}
PATIENCE: Final = 60.0  # seconds for one proof; each takes a few
QUICK: Final = settings(max_examples=150, deadline=None, derandomize=True, database=None)
SOONEST: Final = settings(QUICK, phases=[Phase.generate], report_multiple_bugs=False, print_blob=False)

accounts = st.sampled_from(["a", "b", "c", EXCHANGE])
amounts = st.integers(1, 9)
pairs = st.tuples(accounts, accounts).filter(lambda pair: pair[0] != pair[1])
commands = st.one_of(
    st.builds(Deposit, accounts, amounts),
    st.builds(Withdraw, accounts, amounts),
    st.builds(lambda pair, amount: Transfer(pair[0], pair[1], amount), pairs, amounts),
    st.builds(lambda pair, amount: Exchange(pair[0], pair[1], amount), pairs, amounts),
    st.builds(Balance, accounts),
    st.just(Total()),
)
stories = st.lists(st.tuples(commands, st.sampled_from(RATES), st.booleans()), max_size=25)


def run(steps: Sequence[Step]) -> tuple[tuple[Event, ...], Books, list[Answer]]:
    """A machine that serves all commands, and crashes in between."""
    machine = Machine.of(Ledger())
    answers: list[Answer] = []
    for command, rate, crashes in steps:
        machine, answer = serve(machine.submit(command), rate)
        answers.append(answer)
        machine = replayed(machine.restart()) if crashes else machine
    return machine.events, machine.state, answers


def check(steps: Sequence[Step]) -> None:
    """What must hold of any ledger after any commands."""
    events, state, answers = run(steps)
    assert fold(Ledger(), BLANK, events) == state
    total = 0
    for number, event in enumerate(events, start=1):
        after = fold(Ledger(), BLANK, events[:number])
        assert all(held >= 0 for account, held in after.balances.items() if account != EXCHANGE)
        moved = after.total() - total
        assert (moved > 0) == isinstance(event, Deposited)
        assert after.total() + after.outside == 0
        total = after.total()
    assert answers == told(steps)


def told(steps: Sequence[Step]) -> list[Answer]:
    """What is answered, by the description of histories: a plain table, one operation after another."""
    held: dict[str, int] = {}
    said: list[Answer] = []
    for command, rate, _ in steps:
        match command:
            case Balance(account):
                said.append(held.get(account, 0))
            case Total():
                said.append(sum(held.values()))
            case Deposit(account, amount):
                held[account] = held.get(account, 0) + amount
                said.append(True)
            case Withdraw(account, amount) | Transfer(account, _, amount) | Exchange(account, _, amount):
                said.append(move(held, command, account, amount, rate))
    return said


def move(held: dict[str, int], command: Command, account: str, amount: int, rate: int) -> Answer:
    """What leaves an account, if it is there."""
    if held.get(account, 0) < amount:
        return False
    held[account] -= amount
    if isinstance(command, Transfer):
        held[command.to] = held.get(command.to, 0) + amount
    if not isinstance(command, Exchange):
        return True
    received = amount * rate // 100
    held[command.to] = held.get(command.to, 0) + received
    held[EXCHANGE] = held.get(EXCHANGE, 0) + amount - received
    return Received(received)


@given(stories)
@QUICK
def test_any_commands_leave_a_sound_ledger(steps: list[Step]) -> None:
    check(steps)


@pytest.mark.parametrize("name", CONTRACTS)
def test_a_solver_proves_it_for_all_amounts(name: str) -> None:
    project = find_project(Path(__file__).parent)
    judged = judge(CONTRACTS[name], operators(project, contracts), PATIENCE)
    assert (judged.result, judged.counterexample) == ("proved", "")
    assert judged.paths > 1


# -- wrong ledgers: where each is changed, to what, and the contract that finds it ----------------------------------


def lends(self: Ledger, state: Books, command: Command, randomness: int) -> tuple[Event, ...]:
    """Transfers what is not there."""
    return (Transferred(command.source, command.to, command.amount),) if isinstance(command, Transfer) else ()


def forgets_the_rest(self: Ledger, state: Books, command: Command, randomness: int) -> tuple[Event, ...]:
    """An exchange whose rate is forgotten."""
    if isinstance(command, Exchange) and state.balance(command.source) >= command.amount:
        return (Exchanged(command.source, command.to, command.amount, command.amount),)
    decided: tuple[Event, ...] = RIGHT["decide"](self, state, command, randomness)
    return decided


def keeps_the_difference(event: Event) -> tuple[Posting, ...]:
    """Nobody makes good what an exchange gains or loses."""
    return tuple(each for each in RIGHT["postings"](event) if each[0] != EXCHANGE)


def draws_a_number(self: Ledger, state: Books, event: Event) -> Books:
    """Evolves at random."""
    CALLS.append(1)
    return books.booked(state, [("z", len(CALLS))])


def always_yes(self: Ledger, state: Books, events: tuple[Event, ...]) -> Answer:
    """Says that all was done."""
    return True


def books_twice(self: Ledger, state: Books, event: Event) -> Books:
    """A deposit that is booked twice."""
    after: Books = RIGHT["evolve"](self, state, event)
    again: Books = RIGHT["evolve"](self, after, event)
    return again if isinstance(event, Deposited) else after


CALLS: list[int] = []
RIGHT: Final[dict[str, Callable[..., Any]]] = {
    "decide": Ledger.decide,
    "evolve": Ledger.evolve,
    "postings": books.postings,
}
WRONG: Final[list[tuple[str, str, Callable[..., Any]]]] = [
    ("sound", "decide", lends),
    ("decide", "decide", forgets_the_rest),
    ("double_entry", "postings", keeps_the_difference),
    ("deterministic", "evolve", draws_a_number),
    ("answers", "answer", always_yes),
    ("evolve", "evolve", books_twice),
]


def plant(monkeypatch: pytest.MonkeyPatch, name: str, function: Callable[..., Any]) -> None:
    """Puts a wrong function in the place of the right one."""
    if name == "postings":
        monkeypatch.setattr("quorumlog.ledger.books.postings", function)
        monkeypatch.setattr("quorumlog.ledger.ledger.postings", function)
    else:
        monkeypatch.setattr(Ledger, name, function)


@pytest.mark.parametrize(("contract", "name", "function"), WRONG)
def test_a_wrong_ledger_is_found_by_the_solver(
    monkeypatch: pytest.MonkeyPatch, contract: str, name: str, function: Callable[..., Any]
) -> None:
    spec = operators(find_project(Path(__file__).parent), contracts)
    plant(monkeypatch, name, function)
    judged = judge(CONTRACTS[contract], spec, PATIENCE)
    assert judged.result == "found"
    assert judged.counterexample.startswith(f"{contract}(")


@pytest.mark.parametrize(("contract", "name", "function"), WRONG)
def test_a_wrong_ledger_is_found_by_random_commands(
    monkeypatch: pytest.MonkeyPatch, contract: str, name: str, function: Callable[..., Any]
) -> None:
    plant(monkeypatch, name, function)
    with pytest.raises((AssertionError, ValueError)):
        SOONEST(given(stories)(check))()


def test_every_contract_has_a_ledger_that_breaks_it() -> None:
    assert {contract for contract, _, _ in WRONG} == CONTRACTS.keys()


# -- the rest ---------------------------------------------------------------------------------------------------


def test_the_same_events_make_the_same_books_in_every_process() -> None:
    program = (
        "from quorumlog.core.event_sourcing import fold\n"
        "from quorumlog.ledger.events import *\n"
        "from quorumlog.ledger.ledger import Ledger\n"
        "events = [Deposited('a', 7), Exchanged('a', 'b', 5, 6), Deposited('c', 1), Transferred('b', 'c', 2)]\n"
        "print(fold(Ledger(), Ledger().start(), events))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("1", "2")
    }
    assert len(said) == 1


def test_commands_that_make_no_sense_cannot_be_made() -> None:
    for wrong in (lambda: Deposit("a", 0), lambda: Withdraw("a", -1), lambda: Transfer("a", "a", 1)):
        with pytest.raises(Unfit):
            wrong()


def test_a_rate_is_drawn_from_a_source_that_is_given() -> None:
    rates = [draw(Random(seed)) for seed in range(200)]
    assert set(rates) <= set(RATES)
    assert len(set(rates)) > 50
    assert draw(Random(3)) == draw(Random(3))


def test_a_question_is_answered_by_the_state_right_after_its_event() -> None:
    assert Ledger().answer(fold(Ledger(), BLANK, [Deposited("a", 3)]), (Asked("a"),)) == 3
