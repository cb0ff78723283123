"""What stands around a server in its process: whoever writes down its steps, and a clock and a disk that call back.

What goes wrong when they call back is the fault of that server alone, whichever loop it shares with others.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Protocol, TypeVarTuple

from quorumlog.core.consensus.effects import Durable, Input, Store
from quorumlog.driver import Turn
from quorumlog.ports import Disk, Time, Timer
from quorumlog.runtime.steps import NodeInput

Failed = Callable[[Exception], None]
Given = TypeVarTuple("Given")


class Recorder(Protocol):
    """Writes down each step of a node, and hands it to the operating system before the step is noticed elsewhere."""

    def started(self, whole: Any) -> None:
        """The server begins."""

    def stepped(self, before: Any, turn: Turn[Any, NodeInput[Any, Any] | Input]) -> None:
        """A step is over."""

    def refused(self, taken: NodeInput[Any, Any] | Input) -> None:
        """An input was refused."""

    def flush(self) -> None:
        """Hand on what was written."""

    def close(self) -> None:
        """Hand it on, and be done."""


def guarded(failed: Failed, call: Callable[[*Given], None], *given: *Given) -> None:
    """Call back; what that raises is handed to `failed`."""
    try:
        call(*given)
    except Exception as error:  # whatever it was: a step is left half done
        failed(error)


class GuardedTime:
    """A clock that hands on what its callbacks raise."""

    def __init__(self, time: Time, failed: Failed) -> None:
        self._time = time
        self._failed = failed

    def now(self) -> float:
        """As the clock does."""
        return self._time.now()

    def after(self, delay: float, call: Callable[[], None]) -> Timer:
        """As the clock does."""
        return self._time.after(delay, partial(guarded, self._failed, call))

    def draw(self, least: float, most: float) -> float:
        """As the clock does."""
        return self._time.draw(least, most)


class GuardedDisk:
    """A disk that hands on what its callbacks raise."""

    def __init__(self, disk: Disk, failed: Failed) -> None:
        self._disk = disk
        self._failed = failed

    def read(self) -> Durable:
        """As the disk does."""
        return self._disk.read()

    def write(self, stores: Sequence[Store], then: Callable[[], None]) -> None:
        """As the disk does."""
        self._disk.write(stores, partial(guarded, self._failed, then))
