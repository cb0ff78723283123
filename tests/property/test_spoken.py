"""Recordings of whole nodes are behaviours of LeaderOutput, over reigns; what gates must not do gives itself away."""

from __future__ import annotations

import copy
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.property.speaking_group import Recordings, spoken
from tests.property.tampered import tamper, write
from tests.property.test_recordings import project

from quorumlog.core.leader_output import Append, Gate, LeaderOutput, Say
from quorumlog.persistent.hash_map import HashMap
from quorumlog_bindings.leader_output import leader_output
from quorumlog_bindings.replication import replication
from tlastep.check.recording import Validated, validate_files
from tlastep.errors import UnusableInput

TAMPERINGS: Final = 40


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Recordings]:
    """A few runs."""
    return [spoken(seed, tmp_path_factory.mktemp(f"run{seed}")).recordings() for seed in range(4)]


def judged(recordings: Recordings, folder: Path) -> Validated:
    """What LeaderOutput says of recordings."""
    return validate_files(project(), leader_output, write(recordings, folder))


def test_what_gates_do_over_reigns_is_a_behaviour(recorded: list[Recordings], tmp_path: Path) -> None:
    actions: Counter[str] = Counter()
    for number, recordings in enumerate(recorded):
        found = judged(recordings, tmp_path / str(number))
        assert found.rejection is None, "\n".join(found.rejection.text())
        assert found.lines == sum(map(len, recordings.values()))
        actions += found.actions
    assert min(actions[each] for each in ("Lead", "StepDown", "Follow", "Copy", "Decide", "Crash")) > 10
    assert min(actions[each] for each in ("OnRequest", "Commit")) > 200
    said = [line for recordings in recorded for lines in recordings.values() for line in lines if "said" in line]
    assert len(said) > 40
    assert {line["do"] for line in said} >= {"Ask", "Take"}


def test_consensus_below_is_judged_of_the_same_lines(recorded: list[Recordings], tmp_path: Path) -> None:
    found = validate_files(project(), replication, write(recorded[0], tmp_path))
    assert found.rejection is None, "\n".join(found.rejection.text())
