"""What a history can be checked against: models, found by their entry points, and the two that the toolkit brings."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from importlib.metadata import entry_points
from pathlib import Path
from typing import Final, NamedTuple

from tlastep.compile.compiled import State
from tlastep.errors import UnusableInput
from tlastep.history.amounts import Amounts, Bounds, Name, Names
from tlastep.history.cell import UNHEARD_OF, Effect
from tlastep.history.format import OK, Function, Operation
from tlastep.history.values import Json, text_of
from tlastep.packaged import spec_file
from tlastep.values import Value, record

GROUP: Final = "tlastep.models"
UNKNOWN: Final = "unknown"
READS: Final = frozenset({"read", "get"})
REPLACES: Final = frozenset({"write", "put"})


class Request(NamedTuple):
    """An operation and its answer as the TLA+ text takes them. Without an answer: nothing could ever answer so."""

    operation: Value
    answer: Value | None


class Model(ABC):
    """A sequential object: what its operations look like in a history, and which texts say what they do.

    `spec` is the TLA+ text that the toolkit's own checker compiles, `go` a source file for porcupine, if there is one.
    """

    name: str
    spec: Path
    go: Path | None
    functions: Mapping[str, Function]
    keyed: bool = False
    one_value: bool = False
    """Whether the state is one value, of which `leaves` and `leads_to` say more, so that a search looks ahead."""
    fades: bool = False
    """Whether only questions look at that value: anything else can happen, whatever it is."""

    @abstractmethod
    def request(self, operation: Operation) -> Request:
        """The operation as a value; an open one with the answer that stands for an unknown one."""

    def constants(self, operations: Iterable[Operation]) -> Mapping[str, Value]:
        """Constants of the TLA+ text for a history. Those that are left out are empty sets."""
        return {}

    def places(self, operation: Operation) -> frozenset[str] | None:
        """The parts of the state that an operation reads or writes; None if it may be any of them.

        Operations on different places know nothing of each other and are put into order apart.
        """
        return None

    def swaps(self, first: Operation, second: Operation) -> bool:
        """Whether `second`, when it can happen right after `first`, can as well right before it, with the same end.

        True makes a search shorter; False is never wrong.
        """
        return False

    def only_looks(self, operation: Operation) -> bool:
        """Whether an operation with its answer never changes anything. False is never wrong."""
        return self.functions[operation.f].question

    def is_lost(self, first: Operation, second: Operation) -> bool:
        """Whether nothing is left of `first` once `second` happens right after it."""
        return False

    def leaves(self, operation: Operation) -> Value | None:
        """The value that is there after an operation, if it is the same whatever was there before."""
        return None

    def effect(self, operation: Operation) -> Effect | None:
        """What an operation does to the value, if the state is one; None if that depends on the value.

        A history in which it is known of all operations is searched by `lazily.py`.
        """
        return None

    def joins(self, operation: Operation) -> str | None:
        """What an operation joins to the end of the value, if that is a text; None if it does something else.

        A history in which that or its effect is known of all operations is searched by `lazily.py`, too, if the answers
        say how the texts came about.
        """
        return None

    def leads_to(self, value: Value, question: Operation) -> bool:
        """Whether a question can have its answer after this value and operations of which `leaves` knows nothing.

        False makes a search shorter; True is never wrong.
        """
        return True


class CountingModel(Model):
    """A model whose state is a number of amounts, to which operations add: `directed.py` searches its histories."""

    @abstractmethod
    def amounts(self, operation: Operation) -> Amounts | None:
        """What an operation adds to amounts and needs of them; None if that isn't known.

        A history in which it isn't known of all operations is searched as that of any other model.
        """

    @abstractmethod
    def bounds(self, state: State, name: Name) -> Bounds:
        """The least and the most that an amount can be in a state: of one that is not joined, all that is known."""

    def joined(self, operations: Iterable[Operation]) -> Names:
        """Amounts in a history of which one may say something about another: they are one to a search."""
        return frozenset()


def find_model(name: str) -> Model:
    """The model of that name, of whichever installed package."""
    found = {entry.name: entry for entry in entry_points(group=GROUP)}
    if name not in found:
        raise UnusableInput(f"expected one of the models {', '.join(sorted(found))}, not {name}")
    model = found[name].load()
    if not isinstance(model, Model):
        raise UnusableInput(f"expected a tlastep.history.models.Model, not {type(model).__name__}", found[name].value)
    return model


def nothing(argument: Json) -> str:
    """The argument of an operation that takes none."""
    return "" if argument is None else "null"


def anything(argument: Json) -> str:
    """An argument that may be anything."""
    return ""


def string(argument: Json) -> str:
    """An argument that is a string."""
    return "" if isinstance(argument, str) else "a string"


def pair(argument: Json) -> str:
    """An argument that is a list of two values."""
    return "" if isinstance(argument, list) and len(argument) == 2 else "a list of two values"


GO: Final = Path(__file__).parent / "porcupine_models"


class _Cell(Model):
    """What register and kv have in common: a value that operations look at, replace, or change."""

    one_value = True

    def _changes(self, operation: Operation) -> bool:
        refused = operation.f == "cas" and operation.outcome == OK and operation.answer is False
        return operation.f not in READS and not refused

    def swaps(self, first: Operation, second: Operation) -> bool:
        return not self._changes(first) and not self._changes(second)

    def only_looks(self, operation: Operation) -> bool:
        return not self._changes(operation)

    def is_lost(self, first: Operation, second: Operation) -> bool:
        return second.f in REPLACES

    def places(self, operation: Operation) -> frozenset[str] | None:
        return frozenset({operation.key})

    def leads_to(self, value: Value, question: Operation) -> bool:
        return self.request(question).answer == value


class Register(_Cell):
    """One register with read, write and compare-and-set; values are compared as JSON."""

    name = "register"
    spec = spec_file(__file__, "SequentialRegister.tla")
    go = GO / "register.go"
    functions: Mapping[str, Function] = {
        "read": Function(nothing, question=True),
        "write": Function(anything, answers=False),
        "cas": Function(pair),
    }

    def request(self, operation: Operation) -> Request:
        answer = text_of(operation.answer) if operation.outcome == OK else UNKNOWN
        if operation.f == "read":
            return Request(record(f="read"), answer)
        if operation.f == "write":
            return Request(record(f="write", value=text_of(operation.argument)), UNKNOWN)
        assert isinstance(operation.argument, list)
        before, after = map(text_of, operation.argument)
        possible = answer in ("true", "false", UNKNOWN)
        return Request(record(f="cas", **{"from": before, "to": after}), answer if possible else None)

    def leaves(self, operation: Operation) -> Value | None:
        if not self._changes(operation):
            return None
        argument = operation.argument
        return text_of(argument[1] if operation.f == "cas" and isinstance(argument, list) else argument)

    def effect(self, operation: Operation) -> Effect | None:
        request = self.request(operation)
        if request.answer is None:
            return Effect(needs=UNHEARD_OF)
        if operation.f == "read":
            return Effect(needs=request.answer)
        leaves = self.leaves(operation)
        if operation.f == "write":
            return Effect(leaves=leaves)
        assert isinstance(operation.argument, list)
        before = text_of(operation.argument[0])
        if leaves is None:
            return Effect(refuses=before)
        return Effect(needs=before, leaves=None if before == leaves else leaves)

    def constants(self, operations: Iterable[Operation]) -> Mapping[str, Value]:
        return {"Unknown": UNKNOWN}


class KeyValue(_Cell):
    """Strings under keys, with get, put and append."""

    name = "kv"
    spec = spec_file(__file__, "SequentialKeyValue.tla")
    go = GO / "kv.go"
    functions: Mapping[str, Function] = {
        "get": Function(nothing, question=True),
        "put": Function(string, answers=False),
        "append": Function(string, answers=False),
    }
    keyed = True
    fades = True

    def request(self, operation: Operation) -> Request:
        if operation.f != "get":
            assert isinstance(operation.argument, str)
            return Request(record(f=operation.f, value=operation.argument), UNKNOWN)
        answer = "" if operation.answer is None else operation.answer
        return Request(record(f="get"), answer if isinstance(answer, str) else None)

    def leaves(self, operation: Operation) -> Value | None:
        return operation.argument if operation.f == "put" and isinstance(operation.argument, str) else None

    def effect(self, operation: Operation) -> Effect | None:
        if operation.f == "get":
            answer = self.request(operation).answer
            return Effect(needs=UNHEARD_OF if answer is None else answer)
        return None if operation.f == "append" else Effect(leaves=self.leaves(operation))

    def joins(self, operation: Operation) -> str | None:
        return operation.argument if operation.f == "append" and isinstance(operation.argument, str) else None

    def leads_to(self, value: Value, question: Operation) -> bool:
        answer = self.request(question).answer
        return isinstance(answer, str) and isinstance(value, str) and answer.startswith(value)

    def constants(self, operations: Iterable[Operation]) -> Mapping[str, Value]:
        return {"Unknown": UNKNOWN, "Length": 0}


register: Final = Register()
kv: Final = KeyValue()
