"""Whatever a program does to a store, and wherever its disk fails: what was acknowledged is there."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.unit.runtime.store_trial import Compact, Fail, Read, Restart, Save, Step, Tidy, Trial, Write

from quorumlog.runtime import storage
from quorumlog.runtime.storage import Storage

PARTS = st.tuples(st.sampled_from((0, 0, 1, 3)), st.sampled_from((0, 1, 1, 2, 40, 400)))
DICE = st.integers(0, 999)
STEPS: st.SearchStrategy[Step] = st.one_of(
    st.builds(Write, st.lists(PARTS, min_size=1, max_size=2).map(tuple), st.booleans()),
    st.builds(Save, st.integers(0, 4)),
    st.builds(Compact, st.integers(0, 4)),
    st.builds(Tidy, st.booleans()),
    st.builds(Read, st.integers(0, 60), st.integers(0, 60)),
    st.builds(Restart, st.sampled_from(("close", "kill", "crash")), DICE),
    st.builds(Fail, st.sampled_from(("power", "full", "failed")), st.integers(1, 20)),
)
PROGRAMS = st.lists(STEPS, min_size=1, max_size=20)


@pytest.fixture(autouse=True, scope="module")
def _often() -> Iterator[None]:
    """Checkpoints after a few pages, so that short programs have some."""
    patch = pytest.MonkeyPatch()
    patch.setattr(storage, "IDLE_FRAMES", 4)
    patch.setattr(storage, "MOST_FRAMES", 10)
    yield
    patch.undo()


@given(PROGRAMS)
@settings(max_examples=400, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_what_was_acknowledged_is_there_and_the_rest_as_a_whole_or_not_at_all(program: list[Step]) -> None:
    Trial(Storage).run(program)


@given(PROGRAMS.map(lambda program: [step for step in program if not isinstance(step, Fail)]), st.data())
@settings(max_examples=30, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
def test_the_power_may_be_lost_at_every_write_and_sync(program: list[Step], data: st.DataObject) -> None:
    """The same program again and again, each time one deed further, until it comes to its end."""
    dice = data.draw(DICE)
    for deeds in range(1, 400):
        trial = Trial(Storage)
        trial.run([Fail("power", deeds), *program, Restart("crash", dice)])
        if trial.countdown is not None and trial.countdown[1] > 1:
            break
