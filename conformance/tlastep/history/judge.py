"""The verdict on a history: porcupine and our own checker side by side, and whoever is done first is believed.

If both come to an end they must agree. The one that is still at work when the other is done gets as much time again,
so that mostly both have spoken; a second at least, since starting costs something.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

from tlastep.errors import ToolFailure
from tlastep.history import porcupine
from tlastep.history.checker import search
from tlastep.history.format import History, Operation
from tlastep.history.found import Found, GaveUp
from tlastep.history.models import Model

OK: Final = "ok"
VIOLATION: Final = "violation"
UNKNOWN: Final = "unknown"
PORCUPINE: Final = "porcupine"
OWN: Final = "own"
GRACE: Final = 1.0


@dataclass(frozen=True)
class Verdict:
    """What was found of a history.

    Of a violation `stuck` is the line of an answer that no order reaches, if it is known, and `failing` the operation
    that it completes; the first `ordered` lines have an order, and mostly those are all before it. `orders` are what
    our own checker found, a part each: orders of everything, or of what returned in those lines. `checkers` says what
    each of them found; `missing` why one did not run.
    """

    result: str
    seconds: float
    stuck: int = 0
    ordered: int = 0
    failing: Operation | None = None
    orders: tuple[Found, ...] = ()
    checkers: Mapping[str, str] = field(default_factory=dict)
    missing: str = ""


@dataclass
class _Clock:
    """When a search has to stop: at the end of its time, or when the other checker has been done for long enough."""

    timeout: float | None
    run: porcupine.Run | None
    begun: float = field(default_factory=monotonic)
    heard: float = 0.0

    def passed(self) -> float:
        """The seconds since the beginning."""
        return monotonic() - self.begun

    def left(self) -> float | None:
        """The seconds that are left, if there is an end."""
        return None if self.timeout is None else max(0.0, self.timeout - self.passed())

    def grace(self) -> float:
        """How long the other one is waited for, once one is done."""
        grace = max(GRACE, self.passed())
        left = self.left()
        return grace if left is None else min(grace, left)

    def stop(self) -> bool:
        """Whether our own checker should give up."""
        if self.timeout is not None and self.passed() >= self.timeout:
            return True
        judged = self.run is not None and not self.heard and self.run.done() and not self.run.failed()
        if judged and self.run is not None and self.run.result(0).result != UNKNOWN:
            self.heard = self.passed() + self.grace()
        return bool(self.heard) and self.passed() >= self.heard


def judge(
    model: Model,
    history: History,
    timeout: float | None = None,
    *,
    own: Callable[..., list[Found]] = search,
    with_porcupine: bool = True,
) -> Verdict:
    """The verdict of both checkers, or of our own alone if porcupine can't be had."""
    run, missing = None, "" if with_porcupine else "porcupine was not asked"
    if with_porcupine:
        try:
            run = porcupine.Run(model, history.operations, timeout)
        except ToolFailure as failure:
            missing = str(failure)
    clock = _Clock(timeout, run)
    try:
        orders: tuple[Found, ...] | None = tuple(own(model, history.operations, clock.stop))
    except GaveUp:
        orders = None
    except BaseException:
        if run is not None:
            run.end()
        raise
    said = porcupine.Judged(UNKNOWN, 0)
    if run is not None:
        try:
            said = run.result(clock.grace() if orders is not None else clock.left() if not clock.heard else 0)
        except ToolFailure as failure:
            missing = str(failure)
        finally:
            run.end()
    return _verdict(history, orders, said, clock.passed(), {PORCUPINE: missing} if missing else {})


def _verdict(
    history: History,
    orders: tuple[Found, ...] | None,
    said: porcupine.Judged,
    seconds: float,
    missing: Mapping[str, str],
) -> Verdict:
    wrong = [each for each in orders or () if each.stuck]
    stuck = min((each.stuck for each in wrong), default=0)
    ours = UNKNOWN if orders is None else VIOLATION if stuck else OK
    assert UNKNOWN in (ours, said.result) or ours == said.result, f"the checkers disagree: {ours} and {said.result}"
    ordered = min([stuck - 1, *(each.ordered for each in wrong)])
    if stuck and said.stuck:
        agree = ordered < said.stuck <= stuck
        assert agree, f"the checkers disagree: {ordered} lines have an order and {stuck} do not, or {said.stuck}"
    if said.stuck:
        stuck, ordered = said.stuck, said.stuck - 1
    checkers = {PORCUPINE: "missing" if missing else said.result, OWN: ours}
    return Verdict(
        result=said.result if ours == UNKNOWN else ours,
        seconds=seconds,
        stuck=stuck,
        ordered=max(ordered, 0),
        failing=next((each for each in history.operations if each.completed == stuck), None) if stuck else None,
        orders=orders or (),
        checkers=checkers,
        missing=missing.get(PORCUPINE, ""),
    )
