"""Digests of graphs that do not depend on the order of exploration, on numbering, or on the hash seed.

A state's hash is a sum over its parts, so that it can be kept up to date; it is mixed by BLAKE2b before it is used.
A step's hash is a cube of the sum of its label's hash and of what the step adds to the state's hash. A graph's digest
is the sum over its states of (mixed state) x (1 + sum of its steps), modulo a prime near 2^127. Two different graphs
have one digest with a chance of about 2^-120.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import Final

from tlastep.behaviour import Label
from tlastep.values import encode

PRIME: Final = 2**127 - 1
LOW: Final = 2**128 - 1
COLLISION: Final = "2^-120"


def part_hash(variable: str, key: bytes, value: bytes) -> int:
    """The hash of one part of a state."""
    text = b"%d:%s%d:%s" % (len(variable), variable.encode(), len(key), key)
    return _number(text + value)


def label_hash(label: Label) -> int:
    """The hash of an action with its arguments."""
    arguments = b"".join(encode(argument) for argument in label.arguments or ())
    return _number(b"%d:%s" % (len(label.action), label.action.encode()) + arguments)


def step_hash(label: int, change: int) -> int:
    """The hash of a step: its label's hash, and the difference of the states' hashes."""
    total = label + change
    return total * total * total % PRIME  # sooner than `pow`


REFUSED: Final = int.from_bytes(blake2b(b"refused", digest_size=16).digest())


def mixed(state: int) -> int:
    """A state's hash (a sum of part hashes) with its structure destroyed."""
    return int.from_bytes(blake2b((state & LOW).to_bytes(16, "big"), digest_size=16).digest())


def verdict_hash(names: Iterable[str]) -> int:
    """The hash of which properties hold in a state."""
    return _number(b"".join(b"%d:%s" % (len(name), name.encode()) for name in sorted(names)))


def _number(text: bytes) -> int:
    return int.from_bytes(blake2b(text, digest_size=16).digest())
