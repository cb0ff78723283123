"""Which function of the lock is which action of its spec, and what of it is which variable."""

from __future__ import annotations

from typing import cast

from lock import Lock, NotNow
from recorded_lock import recording
from tlastep.binding import Binding, Constants
from tlastep.values import Value, model_value

lock: Binding[Lock] = Binding("Lock", refused=NotNow)


def clients(constants: Constants) -> list[str]:
    """The clients of a model."""
    return sorted(map(str, cast(frozenset[Value], constants["Client"])))


def shown(client: str | None) -> Value:
    """A client, or nobody."""
    return model_value("Nobody" if client is None else client)


lock.recording = recording
lock.parameter("c", domain=clients, spec=shown)


@lock.start("Spec")
def start(constants: Constants) -> Lock:
    """Nobody has the lock."""
    return Lock()


@lock.action
def Ask(state: Lock, c: str) -> Lock:
    return state.ask(c)


@lock.action
def Release(state: Lock, c: str) -> Lock:
    return state.release(c)


@lock.action
def GiveUp(state: Lock, c: str) -> Lock:
    return state.give_up(c)


@lock.observe
def variables(state: Lock) -> dict[str, object]:
    """The lock as the spec's variables."""
    return {"holder": shown(state.holder), "waiting": tuple(map(shown, state.waiting))}


# What the properties say of the code, in the code's own words.
lock.invariant("TypeOK")(lambda state: len(set(state.waiting)) == len(state.waiting))
lock.invariant("NoIdleLock")(lambda state: not (state.waiting and state.holder is None))
lock.invariant("HolderDoesNotWait")(lambda state: state.holder not in state.waiting)
