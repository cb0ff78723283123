"""What acknowledged commands have put on the accounts is there in the end: money is neither lost nor made.

This reads a history once and adds up, where `tlastep linearizable` looks for an order. What nobody was told may have
happened or not, so an account holds an amount between two. What it does hold is what the last question said that was
asked when all commands had ended.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import msgspec
from msgspec import Struct

from quorumlog.demo.verdicts import HOLDS, UNJUDGED, VIOLATED, Verdict
from quorumlog.ledger.ledger import RATES

QUESTIONS: Final = frozenset({"balance", "total"})
ALL: Final = ""
"""Instead of an account: all together."""


class Line(Struct, frozen=True):
    """A line of a history."""

    process: int
    type: str
    f: str
    value: Any


class Amounts:
    """What accounts hold, at least and at most, and what they were last said to hold."""

    def __init__(self) -> None:
        self.least: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.found: dict[str, int] = {}
        self.commands = 0
        """How many were acknowledged, and have changed something."""

    def take(self, f: str, asked: Any, how: str, answer: Any) -> None:
        """A command has ended, or never will (`info`)."""
        if how == "fail" or answer is False:
            return
        self.commands += how == "ok"
        for account, amount in moves(f, asked, answer if how == "ok" else None):
            self._add(account, amount, how == "ok")

    def _add(self, account: str, amount: int, known: bool) -> None:
        if known or amount > 0:
            self.most[account] += amount
        if known or amount < 0:
            self.least[account] += amount

    def wrong(self, account: str) -> str | None:
        """What does not fit of an account of which it was said what it holds."""
        found, least, most = self.found[account], self.least[account], self.most[account]
        if least <= found <= most:
            return None
        expected = f"{least:,}" if least == most else f"{least:,} to {most:,}"
        return f"{account or 'all accounts together'}: expected {expected}, found {found:,}"


def moves(f: str, asked: Any, answer: Any) -> Iterator[tuple[str, int]]:
    """Which account a command changes, by how much; without its answer an exchange brings what it may at most."""
    amount = asked["amount"]
    match f:
        case "deposit":
            yield from ((asked["account"], amount), (ALL, amount))
        case "withdraw":
            yield from ((asked["account"], -amount), (ALL, -amount))
        case "transfer":
            yield from ((asked["from"], -amount), (asked["to"], amount))
        case _:
            received = amount * max(RATES) // 100 if answer is None else answer["received"]
            yield from ((asked["from"], -amount), (asked["to"], received))


def read(history: Path) -> Amounts:
    """A history, added up. What has begun and not ended may have happened."""
    found = Amounts()
    open_: dict[int, tuple[Line, int]] = {}
    begun = doing = 0  # commands that have begun; those that have not ended
    decode = msgspec.json.Decoder(Line).decode
    with history.open("rb") as lines:
        for line in map(decode, lines):
            asks = line.f in QUESTIONS
            if line.type == "invoke":
                begun, doing = begun + (not asks), doing + (not asks)
                open_[line.process] = line, -1 if doing else begun  # of a question: whether nothing else is open
                continue
            asked, alone = open_.pop(line.process)
            doing -= not asks
            if not asks:
                found.take(asked.f, asked.value, line.type, line.value)
                found.found.clear()
            elif line.type == "ok" and alone == begun:
                found.found[ALL if asked.f == "total" else asked.value["account"]] = line.value
    for asked, _ in open_.values():
        if asked.f not in QUESTIONS:
            found.take(asked.f, asked.value, "info", None)
    return found


def kept(history: Path) -> list[Verdict]:
    """Whether nothing that was acknowledged is lost, or was done twice, on any account; and of the total, whether it
    is what came in less what went out."""
    conserved = "total", "the total is conserved"
    lost = "nothing lost", "nothing acknowledged is lost"
    amounts = read(history)
    accounts = sorted({*amounts.least, *amounts.most} - {ALL})
    unasked = [each for each in accounts if each not in amounts.found]
    if ALL not in amounts.found or unasked:
        says = f"nobody has said in the end what {unasked[0] if unasked else 'all accounts together'} holds"
        return [Verdict(what, UNJUDGED, says, name) for name, what in (conserved, lost)]
    verdicts = []
    for (name, what), each in ((conserved, [ALL]), (lost, accounts)):
        wrong = "; ".join(filter(None, map(amounts.wrong, each)))
        says = f"{amounts.found[ALL]:,}" if each == [ALL] else f"{amounts.commands:,} commands on {len(each)} accounts"
        verdicts.append(Verdict(what, VIOLATED if wrong else HOLDS, wrong or says, name))
    return verdicts
