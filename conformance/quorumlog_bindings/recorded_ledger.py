"""What recordings say of commands and events of a ledger on shards, in the words of the spec ShardedLedger.

The translation itself is `recorded_sharded_ledger.py`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeAlias, cast

from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.ledger import Received
from quorumlog_bindings.recorded_gates import Held, Named
from tlastep.long_sequences import Long
from tlastep.values import Fn, Value, record

Event: TypeAlias = Mapping[str, Any]

ASKS: Final = {
    "deposited": "deposit",
    "withdrawn": "withdraw",
    "transferred": "transfer",
    "exchanged": "exchange",
    "asked": "balance",
    "askedtotal": "total",
}
"""What was asked, where the event tells it."""
WORDS: Final = {"source": "from", "target": "to", "askedtotal": "askedTotal"}
"""Words for which the spec has others."""


def events_of(held: Held) -> Sequence[Event]:
    """The events of an entry, if they were written down and it is no conflict."""
    events = held.row[3] if held.row is not None else None
    return events if isinstance(events, list) else ()


def number_of(event: Event) -> int:
    """The number of the transfer that an event is about, or up to which all are over."""
    if "number" in event:
        return int(event["number"])
    transfer = event.get("transfer", 0)
    return int(transfer["id"] if isinstance(transfer, dict) else transfer)


def operation(group: str, named: Named) -> Value:
    """What an operation is called."""
    return f"{group} {named[0]} {named[1]}"


def command_of(held: Held) -> Fn | None:
    """What a client asked of a shard; nothing, if it is not known, or became nothing that the spec has words for."""
    events = held.row[3] if held.row is not None else None
    if not isinstance(events, list):
        return None
    if held.command is not None:
        fields = dict(held.command)
        return record(do=fields.pop("f"), **fields)
    if len(events) != 1 or events[0]["was"] not in ASKS:
        return None
    told = {WORDS.get(key, key): value for key, value in events[0].items() if key not in ("was", "received")}
    return record(do=ASKS[events[0]["was"]], **told)


def begun_of(held: Held) -> Fn | None:
    """What a client asked of the coordinator, if a transfer has begun."""
    for event in events_of(held):
        if event["was"] == "begun":
            transfer = event["transfer"]
            do = "transfer" if transfer["received"] is None else "exchange"
            between = {"from": transfer["source"], "to": transfer["target"]}
            return record(do=do, amount=transfer["amount"], **between)
    return None


def spoken(event: Event) -> Value:
    """An event of the ledger as the record of the spec."""
    fields = {WORDS.get(key, key): value for key, value in event.items()}
    return record(**{**fields, "was": WORDS.get(event["was"], event["was"])})


def what(transfer: Event) -> Value:
    """What a transfer is."""
    brings = transfer["amount"] if transfer["received"] is None else transfer["received"]
    return record(**{"from": transfer["source"], "to": transfer["target"]}, amount=transfer["amount"], brings=brings)


def rate(amount: int, received: int) -> int:
    """A rate at which so much is received."""
    return -(-received * 100 // amount)


def is_of_all(command: Mapping[Value, Value]) -> bool:
    """Whether all shards are asked."""
    return command["do"] == "total" or (command["do"] == "balance" and command["account"] == EXCHANGE)


def value_at(function: Any, key: Value) -> Value | None:
    """The value of a function, which is a sequence where it has the domain of one; none outside its domain."""
    if isinstance(function, Fn):
        return function.mapping.get(key)
    items = function.trunk.items[: function.count] if isinstance(function, Long) else function
    return items[key - 1] if isinstance(key, int) and 0 < key <= len(items) else None


def answer_of(said: Mapping[Value, Value], command: Mapping[Value, Value]) -> object:
    """What a shard says, where the spec keeps this."""
    match said["said"], command["do"]:
        case "nothing", _:
            return None
        case "no", _:
            return False
        case _, "exchange":
            return Received(cast(int, said["n"]))
        case _, "balance" | "total":
            return said["n"], said["version"]
    return True


def ending_of(said: Mapping[Value, Value], command: Mapping[Value, Value]) -> object:
    """What the coordinator says, where the spec has this ending."""
    match said["state"], said["said"], command["do"]:
        case "failed", _, _:
            return None
        case _, "no", _:
            return False
        case _, _, "exchange":
            return Received(cast(int, said["n"]))
    return True
