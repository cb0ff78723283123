"""What a server of one group among several says again to the others, and how often."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, cast

from quorumlog.core.two_phase_commit.messages import Decision
from quorumlog.ledger.forgetting import Letter, Over
from quorumlog.runtime.group_steps import RARELY, GroupSteps
from quorumlog.runtime.steps import SPEAK
from quorumlog.sharding.duties import Duty

DECISION = Decision("1", "a", True)
LEADS = cast(Any, SimpleNamespace(leads=True, committed=None, tally=None))


class Says:
    """A duty that has this to say."""

    def __init__(self, *letters: Letter) -> None:
        self.letters = letters

    def says(self, *_: object) -> Iterator[Letter]:
        return iter(self.letters)


def spoken(steps: GroupSteps) -> list[object]:
    """What follows from the next time that everything is said again."""
    return list(steps.take(LEADS, SPEAK).posted)


def test_what_is_over_is_said_more_and_more_rarely_and_what_waits_for_an_answer_each_time() -> None:
    over, duty = Over("a", 3), Says(Over("a", 3), DECISION)
    steps = GroupSteps(cast(Any, None), cast(Duty, duty))
    said = [spoken(steps) for _ in range(4 * RARELY)]
    assert all(DECISION in each for each in said)
    times = [number for number, each in enumerate(said) if over in each]
    assert times[:6] == [0, 1, 2, 4, 8, 16]
    assert max(later - earlier for earlier, later in pairwise(times)) <= RARELY


def test_news_of_what_is_over_is_said_at_once() -> None:
    duty = Says(Over("a", 3))
    steps = GroupSteps(cast(Any, None), cast(Duty, duty))
    for _ in range(20):
        spoken(steps)
    assert spoken(steps) == []
    duty.letters = (Over("a", 4),)
    assert [spoken(steps) for _ in range(4)] == [[Over("a", 4)]] * 3 + [[]]
