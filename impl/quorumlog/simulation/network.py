"""The network as a value: the set of messages that may still arrive.

Being a set is what makes it bad: nothing says in which order messages arrive, what has arrived may arrive again, since
it stays in the set, and what is lost is taken out of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

from quorumlog.core.consensus.messages import Message

Network: TypeAlias = frozenset[Message]

SILENT: Network = frozenset()


def send(network: Network, messages: Iterable[Message]) -> Network:
    """The messages are on their way."""
    return network | frozenset(messages)


def lose(network: Network, message: Message) -> Network:
    """The message will not arrive (again)."""
    return network - frozenset((message,))
