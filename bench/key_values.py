"""Keys and values, as an application of the log: what the benchmark of clusters puts into each of them.

An application brings its own state. This one keeps it in a map of `immutables`, in C, so that the benchmark measures
quorumlog, and where there is none of these, in quorumlog's own, in Python.
"""

from __future__ import annotations

import sys
from typing import Final, TypeAlias

from msgspec import Struct

from quorumlog.runtime.hosting import Hosted, NoQuestion
from quorumlog.runtime.wire import Codec

if sys.version_info < (3, 14):  # for which they have no wheel
    from immutables import Map
else:
    from quorumlog.persistent.hash_map import HashMap as Map

Values: TypeAlias = Map[str, str]


class Put(Struct, frozen=True, tag=True, array_like=True):
    """Command and event: a key has this value."""

    key: str
    value: str


class Get(Struct, frozen=True, tag=True, array_like=True):
    """Question: what value does a key have?"""

    key: str


class KeyValues:
    """The application. Nothing in it is random."""

    def start(self) -> Values:
        """No key has a value."""
        return Map()

    def evolve(self, state: Values, event: Put) -> Values:
        """The values after one more event."""
        return state.set(event.key, event.value)

    def decide(self, state: Values, command: Put | Get, randomness: None) -> tuple[Put, ...]:
        """A value is put; a question changes nothing."""
        return (command,) if isinstance(command, Put) else ()

    def answer(self, state: Values, events: tuple[Put, ...]) -> str | None:
        """Nothing is to be said."""
        return None


def found(state: Values, command: Put | Get) -> str | None:
    """The value of a key. Raises `NoQuestion`."""
    if not isinstance(command, Get):
        raise NoQuestion("a put is no question")
    return state.get(command.key, "")


CODEC: Final[Codec[Put | Get, Put, str | None]] = Codec(Put | Get, Put, str | None)
KEY_VALUES: Final[Hosted[Values, Put | Get, Put, str | None, None]] = Hosted(
    KeyValues(), CODEC, lambda dice: None, found, is_proven=True
)
