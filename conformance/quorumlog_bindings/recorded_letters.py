"""Letters between groups in recordings: how they are named, and what becomes of those that a leader takes.

A leader takes letters in their order, and what follows from one of them is an entry. That is told when the entry is
committed; so is what it took before that and nothing followed from, for only then it is known where that stands.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from typing import Final, NamedTuple

from quorumlog.core.two_phase_commit.messages import Acknowledgement, Decision, Prepare, Vote
from quorumlog.ledger.forgetting import Letter, Over
from quorumlog.runtime.recorded import Wrote
from quorumlog_bindings.recorded_entries import Standing
from quorumlog_bindings.recorded_ledger import Event, number_of
from tlastep.recorded import Key

ACTIONS: Final[dict[type[Letter], str]] = {
    Prepare: "OnPrepare",
    Vote: "OnVote",
    Decision: "OnDecision",
    Acknowledgement: "OnAcknowledgement",
}
"""What it is in the spec to take one. That transfers are over is none of its business."""

FOLLOWS: Final[dict[type[Letter], str]] = {Prepare: "staged", Vote: "decided", Decision: "ended"}
"""What can follow from a letter."""

YES: Final = "yes"


def key_of_letter(letter: Letter) -> Key:
    """What a letter is known by at both of its ends: all that it says."""
    match letter:
        case Prepare(transfer, shard):
            return ("prepare", transfer.id, shard, transfer.source, transfer.target, transfer.amount, transfer.received)
        case Vote(name, shard, vote):
            return ("vote", name, shard, vote)
        case Decision(name, shard, commit):
            return ("decision", name, shard, "commit" if commit else "abort")
        case Acknowledgement(name, shard):
            return ("acknowledgement", name, shard)
        case Over(shard, number):
            return ("over", str(number), shard)


def transfer_of(letter: Letter) -> int:
    """The number of the transfer that a letter is about, or up to which all are over."""
    match letter:
        case Over(number=number):
            return number
        case Prepare(transfer):
            return int(transfer.id)
        case _:
            return int(letter.transfer)


class Heard(NamedTuple):
    """A letter that a leader has taken while so many entries were in its log; and whether the next is its doing."""

    place: int
    letter: Letter
    follows: bool


class Reign:
    """What one leader has heard, of which nothing was told yet, and the votes of which something was."""

    def __init__(self) -> None:
        self.heard: deque[Heard] = deque()
        self.votes: list[Vote] = []
        """Votes for transfers that were told, in their order."""
        self._promised: dict[int, set[str]] = {}

    def hear(
        self, letters: Iterable[Letter], wrote: Sequence[Wrote], at: Standing, between: dict[int, tuple[str, str]]
    ) -> None:
        """A line: letters, and what was appended with them."""
        left: dict[tuple[str, int], deque[int]] = {}
        for place, row in enumerate(wrote, start=at.length):
            for event in _events(row):
                left.setdefault((str(event["was"]), number_of(event)), deque()).append(place)
        place = at.length
        for letter in letters:
            if isinstance(letter, Over):
                continue
            places = left.get((FOLLOWS.get(type(letter), ""), transfer_of(letter)))
            settles = not isinstance(letter, Vote) or self._settles(letter, between)
            if places and settles:
                place = max(place, places.popleft())
                self.heard.append(Heard(place, letter, True))
                place += 1
            else:
                self.heard.append(Heard(place, letter, False))

    def promised(self, number: int) -> set[str]:
        """The shards whose promises it has heard."""
        return self._promised.setdefault(number, set())

    def _settles(self, vote: Vote, between: dict[int, tuple[str, str]]) -> bool:
        """Whether this is the vote with which the transfer can be decided."""
        number = int(vote.transfer)
        promised = self.promised(number)
        if vote.vote != YES:
            return True
        promised.add(vote.shard)
        return promised >= set(between.get(number, ()))

    def before(self, place: int) -> Iterator[Letter]:
        """What it heard before this entry, and nothing followed from."""
        heard = self.heard
        while heard and (heard[0].place < place or (heard[0].place == place and not heard[0].follows)):
            yield heard.popleft().letter

    def cause(self, place: int) -> Letter | None:
        """The letter from which this entry followed, if there was one."""
        if self.heard and self.heard[0].place == place and self.heard[0].follows:
            return self.heard.popleft().letter
        return None


def _events(row: Wrote) -> Sequence[Event]:
    return row[3] if isinstance(row[3], list) else ()
