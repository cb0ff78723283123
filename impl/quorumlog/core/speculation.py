"""On which state a leader decides: the fold of its whole log, which it discards when it is deposed.

Consensus keeps the log, and says how much of it is decided and who leads. An entry of the log is all that one command
became, so that no change of leader takes half of it. Spec: Speculation.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Generic, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.event_sourcing import Application, Command, Event, Folds, Randomness, State, fold

Entry: TypeAlias = tuple[Event, ...]
"""The events of one command."""


class Speculative(Struct, Generic[State], frozen=True, cache_hash=True):
    """What a replica has in memory: the fold of the `folded` first entries, all decided, and what it decides on."""

    state: State
    folded: int
    leads: bool
    draft: State | None

    def lead(self, folds: Folds[State, Event], log: Sequence[Entry[Event]]) -> Speculative[State]:
        """This replica leads now, with this log, the undecided rest included. Spec: Speculation!Lead."""
        if self.leads:
            raise Refused("it leads already")
        return replace(self, leads=True, draft=fold(folds, self.state, chain.from_iterable(log[self.folded :])))

    def decide(
        self,
        application: Application[State, Command, Event, object, Randomness],
        command: Command,
        randomness: Randomness,
    ) -> tuple[Speculative[State], Entry[Event]]:
        """A command becomes an entry, which is to be appended to the log. Spec: Speculation!Decide."""
        if not self.leads or self.draft is None:
            raise Refused("only a leader decides")
        entry = application.decide(self.draft, command, randomness)
        return replace(self, draft=fold(application, self.draft, entry)), entry

    def learn(self, folds: Folds[State, Event], log: Sequence[Entry[Event]], decided: int) -> Speculative[State]:
        """So many entries of this log are decided: the next of them is folded. Spec: Speculation!Learn."""
        if self.folded >= decided:
            raise Refused("everything that is decided is folded")
        return replace(self, state=fold(folds, self.state, log[self.folded]), folded=self.folded + 1)

    def follow(self) -> Speculative[State]:
        """It hears that another replica leads, and discards what it decided on. Spec: Speculation!Follow."""
        if not self.leads:
            raise Refused("it does not lead")
        return replace(self, leads=False, draft=None)


def begin(folds: Folds[State, Event]) -> Speculative[State]:
    """A replica that starts, for the first time or after a crash. Spec: Speculation!Restart."""
    return Speculative(state=folds.start(), folded=0, leads=False, draft=None)
