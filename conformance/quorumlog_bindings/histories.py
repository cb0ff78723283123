"""The ledger as clients see it: the model `ledger` of `tlastep linearizable`.

What an exchange brings is drawn at random when it is decided, so its answer says it, as the field `received`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from math import inf
from pathlib import Path
from typing import Final, NamedTuple

from tlastep.compile.compiled import State
from tlastep.history.amounts import Amounts, Bounds, Name, Names, Need
from tlastep.history.format import OK, Function, Operation
from tlastep.history.models import CountingModel, Request, nothing
from tlastep.history.values import Json, is_integer
from tlastep.packaged import spec_file
from tlastep.values import FALSE, TRUE, Fn, Value, record

EXCHANGE: Final = "exchange"  # the account that makes good what exchanges bring more or less
TOTAL: Final = None  # instead of an account, all together
YES: Final = "yes"
NO: Final = "no"
UNKNOWN: Final = "unknown"
UNLIMITED: Final = -1  # of the TLA+ text: where there is no most


def _fields(*accounts: str, amount: bool) -> Callable[[Json], str]:
    names = [f'"{name}"' for name in accounts] + ['"amount"'] * amount
    expected = f"an object with {' and '.join(names)}"

    def expects(argument: Json) -> str:
        if not isinstance(argument, dict) or not all(isinstance(argument.get(name), str) for name in accounts):
            return f"{expected}, accounts being strings,"
        value = argument.get("amount")
        if amount and not (isinstance(value, int) and is_integer(value) and value > 0):
            return f"{expected}, an integer above 0,"
        return "two different accounts" if len({str(argument[name]) for name in accounts}) < len(accounts) else ""

    return expects


class _Effect(NamedTuple):
    """What an operation looks at and changes: accounts that it raises or lowers, needs to be high or low, and asks."""

    raises: frozenset[str] = frozenset()
    lowers: frozenset[str] = frozenset()
    needs: frozenset[str] = frozenset()
    lacks: frozenset[str] = frozenset()
    asks: frozenset[str] = frozenset()
    total: bool = False
    moves_total: bool = False

    @property
    def changes(self) -> frozenset[str]:
        """The accounts that it changes."""
        return self.raises | self.lowers


class Ledger(CountingModel):
    """Accounts on one ledger; `total` sees all of them at once."""

    name = "ledger"
    spec = spec_file(__file__, "SequentialLedger.tla")
    go = Path(__file__).parent / "porcupine_models" / "ledger.go"
    functions: Mapping[str, Function] = {
        "deposit": Function(_fields("account", amount=True)),
        "withdraw": Function(_fields("account", amount=True)),
        "transfer": Function(_fields("from", "to", amount=True)),
        "exchange": Function(_fields("from", "to", amount=True)),
        "balance": Function(_fields("account", amount=False), question=True),
        "total": Function(nothing, question=True),
    }

    def request(self, operation: Operation) -> Request:
        said = _answer(operation)
        answer = None if said is None else record(said=said[0], n=said[1])
        if operation.f == "total":
            return Request(record(f="total"), answer)
        fields = {name: value for name, value in _arguments(operation).items() if name in _NAMES[operation.f]}
        return Request(record(f=operation.f, **fields), answer)

    def constants(self, operations: Iterable[Operation]) -> Mapping[str, Value]:
        known = list(operations)
        return {
            "Account": _named(known) | {EXCHANGE},
            "Unsure": _unsure(known),
            "Together": TRUE if self.joined(known) else FALSE,
        }

    def joined(self, operations: Iterable[Operation]) -> Names:
        known = list(operations)
        unsure = _unsure(known)
        return unsure | {EXCHANGE} if unsure and EXCHANGE in _named(known) else frozenset()

    def places(self, operation: Operation) -> frozenset[str] | None:
        if operation.f == "total":
            return None
        exchanged = {EXCHANGE} if operation.f == EXCHANGE else set()
        return frozenset(_accounts(operation) | exchanged)

    def only_looks(self, operation: Operation) -> bool:
        return not _effect(operation).changes

    def swaps(self, first: Operation, second: Operation) -> bool:
        one, two = _effect(first), _effect(second)
        if (one.total and two.moves_total) or (two.total and one.moves_total):
            return False
        if (EXCHANGE in one.changes and EXCHANGE in _accounts(second)) or (
            EXCHANGE in two.changes and EXCHANGE in _accounts(first)
        ):
            return False  # an exchange may raise or lower it
        # The second finds what it needs without the first, and the first is not kept from happening by the second:
        # where both take from one account, there is enough for both.
        alone = not (two.needs & one.raises or two.lacks & one.lowers or two.asks & one.changes)
        kept = not (one.needs & (two.lowers - two.needs) or one.lacks & two.raises or one.asks & two.changes)
        return alone and kept

    def amounts(self, operation: Operation) -> Amounts | None:
        said = _answer(operation)
        arguments = _arguments(operation)
        if said is None or operation.f in ("balance", "total"):
            bounds = (inf, -inf) if said is None else (said[1], said[1])
            names: Iterable[Name] = _accounts(operation) or (TOTAL,)
            return Amounts({}, tuple(Need(name, *bounds) for name in names))
        amount = arguments["amount"]
        assert isinstance(amount, int)
        if operation.f == "deposit":
            return Amounts({str(arguments["account"]): amount, TOTAL: amount})
        source = str(arguments["account" if operation.f == "withdraw" else "from"])
        if said[0] == NO:
            return Amounts({}, (Need(source, -inf, amount - 1),))
        needs = (Need(source, amount, inf),)
        if operation.f == "withdraw":
            return Amounts({source: -amount, TOTAL: -amount}, needs)
        if said[0] == UNKNOWN and operation.f == EXCHANGE:
            return Amounts({source: -amount}, needs, {_to(operation): (0, inf), EXCHANGE: (-inf, amount)})
        received = said[1] if operation.f == EXCHANGE else amount
        added: Counter[Name] = Counter({source: -amount})
        added[_to(operation)] += received
        added[EXCHANGE] += amount - received
        return Amounts(added, needs)

    def bounds(self, state: State, name: Name) -> Bounds:
        (books,) = state
        assert isinstance(books, Fn)
        held, least, most = books["held"], books["least"], books["most"]
        assert isinstance(held, Fn)
        assert isinstance(least, Fn)
        assert isinstance(most, Fn)
        if name is TOTAL:
            total = sum(each for each in map(held.__getitem__, held) if isinstance(each, int))
            return total, total
        amount, alone = held[name], frozenset({name})
        assert isinstance(amount, int)
        if name == EXCHANGE and len(least) > 1:
            return -inf, amount  # it has paid what other accounts have got
        if alone not in least:
            return amount, amount
        low, high = least[alone], most[alone]
        assert isinstance(low, int)
        assert isinstance(high, int)
        return amount + low, inf if high == UNLIMITED else amount + high


_NAMES: Final = {
    "deposit": ("account", "amount"),
    "withdraw": ("account", "amount"),
    "transfer": ("from", "to", "amount"),
    "exchange": ("from", "to", "amount"),
    "balance": ("account",),
}


def _arguments(operation: Operation) -> dict[str, Json]:
    return operation.argument if isinstance(operation.argument, dict) else {}


def _accounts(operation: Operation) -> set[str]:
    arguments = _arguments(operation)
    return {str(arguments[name]) for name in ("account", "from", "to") if name in arguments}


def _to(operation: Operation) -> str:
    return str(_arguments(operation)["to"])


def _answer(operation: Operation) -> tuple[str, int] | None:
    """Yes or no, and a number where it carries one; None if no ledger answers so."""
    if operation.outcome != OK:
        return UNKNOWN, 0
    answer = operation.answer
    if operation.f in ("balance", "total"):
        return (YES, answer) if isinstance(answer, int) and is_integer(answer) else None
    if answer is False:
        return (NO, 0) if operation.f != "deposit" else None
    if operation.f == EXCHANGE:
        received = answer.get("received") if isinstance(answer, dict) else None
        return (YES, received) if isinstance(received, int) and is_integer(received) else None
    return (YES, 0) if answer is True else None


def _named(operations: Iterable[Operation]) -> frozenset[str]:
    return frozenset({account for operation in operations for account in _accounts(operation)})


def _unsure(operations: Iterable[Operation]) -> frozenset[str]:
    """The accounts to which an exchange that nobody has heard the answer of may have brought something."""
    return frozenset({_to(each) for each in operations if each.f == EXCHANGE and each.outcome != OK} - {EXCHANGE})


def _effect(operation: Operation) -> _Effect:
    arguments = _arguments(operation)
    account = frozenset({str(arguments["account"])}) if "account" in arguments else frozenset()
    if operation.f == "balance":
        return _Effect(asks=account)
    if operation.f == "total":
        return _Effect(total=True)
    if operation.f == "deposit":
        return _Effect(raises=account, moves_total=True)
    source = account if operation.f == "withdraw" else frozenset({str(arguments["from"])})
    if operation.outcome == OK and operation.answer is False:
        return _Effect(lacks=source)
    if operation.f == "withdraw":
        return _Effect(lowers=source, needs=source, moves_total=True)
    to = frozenset({_to(operation)})
    if operation.f == "transfer":
        return _Effect(raises=to, lowers=source, needs=source)
    booked = frozenset({EXCHANGE})
    # What it brings may be negative in a history of somebody else's, and then it lowers `to`.
    received = (_answer(operation) or (NO, 0))[1]
    lowers = source | booked | (to if received < 0 else frozenset())
    return _Effect(raises=to | booked, lowers=lowers, needs=source)


ledger: Final = Ledger()
