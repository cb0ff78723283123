"""Linearizability by brute force: every order, every outcome of what nobody has heard of. Nothing of the toolkit but
the reader, so that both checkers can be held to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from tlastep.history.format import Operation

State: TypeAlias = Any
NEVER = 1 << 60
MOST = 14  # what an exchange that nobody has heard of can bring, in histories of small numbers


def following(operation: Operation, state: State) -> Iterator[State]:
    """The states after the operation, if it gives its answer."""
    model = {"read": register, "write": register, "cas": register, "get": kv, "put": kv, "append": kv}
    return model.get(operation.f, ledger)(operation, operation.outcome == "ok", state)


def register(op: Operation, heard: bool, state: State) -> Iterator[State]:
    """One register; `state` is a tuple of its value."""
    value = state[0] if state else None
    if op.f == "write":
        yield (op.argument,)
    elif op.f == "read":
        if not heard or op.answer == value:
            yield state
    else:
        assert isinstance(op.argument, list)
        before, after = op.argument
        if value == before and (not heard or op.answer is True):
            yield (after,)
        if value != before and (not heard or op.answer is False):
            yield state


def kv(op: Operation, heard: bool, state: State) -> Iterator[State]:
    """Keys; `state` is a tuple of pairs."""
    values = dict(state)
    value = values.get(op.key, "")
    if op.f == "get":
        if not heard or (op.answer or "") == value:
            yield state
    else:
        values[op.key] = (value if op.f == "append" else "") + str(op.argument)
        yield tuple(sorted(values.items()))


def ledger(op: Operation, heard: bool, state: State) -> Iterator[State]:
    """Accounts; `state` is a tuple of pairs."""
    held = dict(state)
    value: Any = op.argument

    def after(**changes: int) -> State:
        new = dict(held)
        for account, amount in changes.items():
            new[account] = new.get(account, 0) + amount
        return tuple(sorted(new.items()))

    if op.f in ("balance", "total"):
        answer = sum(held.values()) if op.f == "total" else held.get(value["account"], 0)
        if not heard or op.answer == answer:
            yield state
    elif op.f == "deposit":
        if not heard or op.answer is True:
            yield after(**{value["account"]: value["amount"]})
    else:
        source, amount = value.get("account") or value["from"], value["amount"]
        if held.get(source, 0) < amount:
            if not heard or op.answer is False:
                yield state
        elif op.f == "withdraw" and (not heard or op.answer is True):
            yield after(**{source: -amount})
        elif op.f == "transfer" and (not heard or op.answer is True):
            yield after(**{source: -amount, value["to"]: amount})
        elif op.f == "exchange" and (not heard or isinstance(op.answer, dict)):
            said: Any = op.answer
            for received in [said["received"]] if heard else range(MOST):
                yield after(**{source: -amount, value["to"]: received, "exchange": amount - received})


def furthest(operations: Sequence[Operation]) -> int:
    """The line of the earliest answer that no order reaches; 0 if there is an order of all."""
    known = [each for each in operations if each.outcome != "fail"]
    returns = [each.completed if each.outcome == "ok" else NEVER for each in known]
    seen: set[tuple[frozenset[int], State]] = set()
    stack: list[tuple[frozenset[int], State]] = [(frozenset(), ())]
    best = 0
    while stack:
        done, state = stack.pop()
        first = min((returns[index] for index in range(len(known)) if index not in done), default=NEVER)
        if first == NEVER:
            return 0
        best = max(best, first)
        for index, operation in enumerate(known):
            if index not in done and operation.line < first:
                for after in following(operation, state):
                    node = (done | {index}, after)
                    if node not in seen:
                        seen.add(node)
                        stack.append(node)
    return best
