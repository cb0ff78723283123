"""What travels between the router and its clients, as JSON. `openapi.py` describes these types."""

from __future__ import annotations

from typing import Annotated, Any, Literal, TypeAlias

from msgspec import Meta, Raw, Struct

from quorumlog.runtime.feed import Event
from quorumlog.runtime.wire import Status

Through: TypeAlias = Literal["log", "index", "model"]
"""How something is read: by an event in the log, by asking a quorum, or from the router's own copy, which is late."""

Count: TypeAlias = Annotated[int, Meta(ge=0, lt=2**53)]
Place: TypeAlias = Annotated[int, Meta(gt=0, lt=2**53)]
Amount: TypeAlias = Annotated[int, Meta(gt=0, lt=2**53)]
At: TypeAlias = dict[str, int]


class Submission(Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """A command of the application, the group that is to execute it, and how many events there must be before it.

    The group is left out where it follows: from the accounts on a ledger of shards, or because there is only one. In a
    session the command is known by its number: the first is 1, and `received` says how many of the first answers have
    arrived, which the servers may forget. Without it they keep the last 64.
    """

    command: Raw
    group: str | None = None
    expected: Count | None = None
    session: str | None = None
    number: Place | None = None
    received: Count | None = None


class TransferWanted(Struct, frozen=True, forbid_unknown_fields=True, rename={"source": "from"}):
    """Money is to move between two accounts, on one shard or two; as an exchange, at the rate of the moment."""

    source: str
    to: str
    amount: Amount
    exchange: bool = False


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """A command of the application that changes nothing, and how it is to be answered."""

    question: Raw
    group: str | None = None
    through: Through = "index"


class Staleness(Struct, frozen=True):
    """Whether it is known how old a copy is, and how many milliseconds ago it was complete, if it ever was."""

    known: bool
    complete_ms_ago: int | None


class Answered(Struct, frozen=True, omit_defaults=True):
    """The application's answer, and how many events of which groups it stands on. From a copy, it says how old it is.

    The answer to a question is null if the copy says that a transfer is in doubt which would be read.
    """

    answer: Any
    at: At
    staleness: Staleness | None = None


class TransferEnded(Struct, frozen=True, omit_defaults=True):
    """How a transfer has ended. It is declined if the account is short; `received` is what an exchange has brought."""

    outcome: Literal["done", "declined"]
    at: At
    received: int | None = None


class Held(Struct, frozen=True, omit_defaults=True):
    """What an account holds; null if the copy says that a transfer of it is in doubt."""

    account: str
    balance: int | None
    through: Through
    at: At
    staleness: Staleness | None = None


class HeldByAll(Struct, frozen=True, omit_defaults=True):
    """What all accounts hold together; null if the copy says that a transfer is in doubt."""

    total: int | None
    through: Through
    at: At
    staleness: Staleness | None = None


class Page(Struct, frozen=True):
    """Events that follow each other, and after which one to ask for more."""

    group: str
    events: list[Event]
    next: int
    known: int
    """How many events the router knows of this group."""
    staleness: Staleness


class CopyOfEvents(Struct, frozen=True):
    """How far the router's copy of a group's events is, of which server, and how old it is."""

    group: str
    position: int
    source: str
    staleness: Staleness


class ClusterStatus(Struct, frozen=True):
    """How each server of each group is; null where nobody answers. `known` is how many events the router has copied."""

    groups: dict[str, dict[str, Status | None]]
    known: At
    outstanding: int


class Health(Struct, frozen=True):
    """Whether the router runs, or whether each group has a leader."""

    ok: bool


class Problem(Struct, frozen=True, omit_defaults=True):
    """Why there is no answer; and how many events there were, where another number was expected."""

    error: str
    events: int | None = None
