"""Histories for tests: made by one object in one place with random delays, and then, maybe, spoilt."""

from __future__ import annotations

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

Line: TypeAlias = dict[str, Any]


class Object(ABC):
    """What a generated history is about: what is asked at random, and a state that answers."""

    key = False

    def __init__(self, dice: random.Random) -> None:
        self.dice = dice

    @abstractmethod
    def ask(self) -> Line:
        """The fields of an invocation: f, value and maybe key."""

    @abstractmethod
    def do(self, asked: Line) -> Any:
        """Does it, and gives the answer."""

    @abstractmethod
    def other(self, asked: Line, answer: Any) -> Any:
        """Another answer than the right one."""


class RegisterObject(Object):
    """One register of a few values."""

    value: Any = None

    def ask(self) -> Line:
        f = self.dice.choice(["read", "read", "write", "cas"])
        values = [self.dice.randrange(4) for _ in range(2)]
        return {"f": f, "value": {"read": None, "write": values[0], "cas": values}[f]}

    def do(self, asked: Line) -> Any:
        if asked["f"] == "read":
            return self.value
        if asked["f"] == "write":
            self.value = asked["value"]
            return None
        before, after = asked["value"]
        if self.value != before:
            return False
        self.value = after
        return True

    def other(self, asked: Line, answer: Any) -> Any:
        if asked["f"] == "cas":
            return not answer
        return self.dice.choice([None, 0, 1, 2, 3])


class KeyValueObject(Object):
    """A few keys."""

    key = True

    def __init__(self, dice: random.Random) -> None:
        super().__init__(dice)
        self.values: dict[str, str] = {}

    def ask(self) -> Line:
        f = self.dice.choice(["get", "put", "append", "append"])
        value = None if f == "get" else self.dice.choice("abc")
        return {"f": f, "key": self.dice.choice("xyz"), "value": value}

    def do(self, asked: Line) -> Any:
        key = asked["key"]
        if asked["f"] == "get":
            return self.values.get(key, "")
        self.values[key] = (self.values.get(key, "") if asked["f"] == "append" else "") + asked["value"]
        return None

    def other(self, asked: Line, answer: Any) -> Any:
        return (answer or "")[:-1] if self.dice.random() < 0.5 else (answer or "") + self.dice.choice("abc")


class LedgerObject(Object):
    """A few accounts."""

    def __init__(self, dice: random.Random, accounts: str = "abc", most: int = 3) -> None:
        super().__init__(dice)
        self.accounts = accounts
        self.most = most
        self.held: dict[str, int] = {}
        self.names_exchange = dice.random() < 0.3

    def ask(self) -> Line:
        f = self.dice.choice(["deposit", "withdraw", "transfer", "exchange", "balance", "balance", "total"])
        one, two = self.dice.sample(self.accounts, 2)
        amount = self.dice.randint(1, self.most)
        if f in ("transfer", "exchange"):
            return {"f": f, "value": {"from": one, "to": two, "amount": amount}}
        if f == "total":
            return {"f": f, "value": None}
        if f == "balance":
            account = "exchange" if self.names_exchange and self.dice.random() < 0.4 else one
            return {"f": f, "value": {"account": account}}
        return {"f": f, "value": {"account": one, "amount": amount}}

    def _post(self, account: str, amount: int) -> None:
        self.held[account] = self.held.get(account, 0) + amount

    def do(self, asked: Line) -> Any:
        f, value = asked["f"], asked["value"] or {}
        amount = value.get("amount", 0)
        if f == "total":
            return sum(self.held.values())
        if f == "balance":
            return self.held.get(value["account"], 0)
        if f == "deposit":
            self._post(value["account"], amount)
            return True
        source = value.get("account") or value["from"]
        if self.held.get(source, 0) < amount:
            return False
        self._post(source, -amount)
        if f == "transfer":
            self._post(value["to"], amount)
        if f == "exchange":
            received = self.dice.randint(0, amount + 1)
            self._post(value["to"], received)
            self._post("exchange", amount - received)
            return {"received": received}
        return True

    def other(self, asked: Line, answer: Any) -> Any:
        if isinstance(answer, bool):
            return not answer if asked["f"] != "exchange" else {"received": 1}
        if isinstance(answer, dict):
            return {"received": answer["received"] + 1} if self.dice.random() < 0.5 else False
        return answer + self.dice.choice([-1, 1, 2])


Maker: TypeAlias = Callable[[random.Random], Object]
OBJECTS: dict[str, Maker] = {"register": RegisterObject, "kv": KeyValueObject, "ledger": LedgerObject}


def history(
    make: Maker, seed: int, operations: int, processes: int, *, unanswered: float = 0.1, failing: float = 0.05
) -> list[Line]:
    """A history that is linearizable: each operation is done at some moment between its invocation and its answer."""
    dice = random.Random(seed)
    thing = make(dice)
    waiting: dict[int, Line] = {}
    done: dict[int, Any] = {}
    names = {slot: slot for slot in range(processes)}
    lines: list[Line] = []
    asked = 0
    while asked < operations or waiting:
        slot = dice.randrange(processes)
        process = names[slot]
        if process not in waiting:
            if asked < operations:
                waiting[process] = thing.ask()
                lines.append({"process": process, "type": "invoke", **waiting[process]})
                asked += 1
            continue
        fields: Line = {name: waiting[process][name] for name in ("f", "key") if name in waiting[process]}
        chance = dice.random()
        if process not in done and chance < unanswered / 2:
            # Nobody will hear of it; half of these never happen.
            lines.append({"process": process, "type": "info", **fields, "value": None})
        elif process not in done and chance < unanswered / 2 + failing:
            lines.append({"process": process, "type": "fail", **fields, "value": None})
        elif process not in done:
            done[process] = thing.do(waiting[process])
            continue
        elif chance < unanswered:
            lines.append({"process": process, "type": "info", **fields, "value": None})
        else:
            lines.append({"process": process, "type": "ok", **fields, "value": done[process]})
        if lines[-1]["type"] == "info":
            names[slot] = max(names.values()) + 1
        del waiting[process]
        done.pop(process, None)
    return lines


def spoilt(make: Maker, seed: int, lines: list[Line], changes: int = 1) -> list[Line]:
    """The history with other answers, or answers that say that nothing happened; it may still be linearizable."""
    dice = random.Random(seed)
    thing = make(dice)
    found = [dict(line) for line in lines]
    asked = {}
    questions = []
    for index, line in enumerate(found):
        if line["type"] == "invoke":
            asked[line["process"]] = line
        elif line["type"] == "ok":
            questions.append((index, asked[line["process"]]))
    for index, invoked in dice.sample(questions, min(changes, len(questions))):
        if dice.random() < 0.2:
            found[index].update(type="fail")
        else:
            found[index]["value"] = thing.other(invoked, found[index]["value"])
    return found


def write(path: Path, lines: list[Line]) -> Path:
    """The history as a file."""
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
