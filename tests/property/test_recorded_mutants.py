"""Servers with an error of durability give themselves away by what they write down, although they write the truth."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from tests.property.tampered import record, write
from tests.property.test_recordings import project

from quorumlog import driver
from quorumlog.core.consensus import durability, roles
from quorumlog.core.consensus.effects import Durable, Send, Store, Sync
from quorumlog.core.consensus.messages import AppendReply, Message, VoteReply
from quorumlog.core.consensus.state import Outcome, Replica
from quorumlog.simulation.disk import SimulatedDisk
from quorumlog.simulation.faults import CrashAtWrite, Schedule, Weather
from quorumlog_bindings.replication import replication
from tlastep.check.recording import validate_files
from tlastep.check.recording_why import Rejection

ROUGH = Weather(delay=(1, 12), lose=2, sync=(0, 4), flush=(0, 4))


def schedule(seed: int) -> Schedule:
    """A run in which every server crashes before and during some write."""
    faults: list[CrashAtWrite] = []
    for offset, server in enumerate("abc"):
        faults += [CrashAtWrite(server, "before", 3 + offset, 80), CrashAtWrite(server, "during", 7 + 2 * offset, 80)]
        faults.append(CrashAtWrite(server, "before", 12 + offset, 80))
    return Schedule(seed, until=900, command=40, batch=2, weather=ROUGH, faults=tuple(faults))


def rejection(folder: Path, seeds: Sequence[int] = range(12)) -> Rejection:
    """What the first recordings that are rejected are rejected for."""
    for seed in seeds:
        recordings = record(schedule(seed), folder / "written")
        found = validate_files(project(), replication, write(recordings, folder / str(seed)))
        if found.rejection is not None:
            return found.rejection
    raise AssertionError(f"none of {len(seeds)} recordings gives the error away")


def test_without_an_error_all_of_them_are_behaviours(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="none of 4"):
        rejection(tmp_path, range(4))


def test_a_message_that_is_sent_before_the_sync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crash in between leaves a message of which its sender knows nothing."""

    def carry_out(outcome: Any, ports: Any, done: Callable[[], None]) -> None:
        for effect in outcome.effects:
            if isinstance(effect, Send):
                ports.network.send(effect.message)
        later = [effect for effect in outcome.effects if not isinstance(effect, Send)]
        true_order(replace(outcome, effects=tuple(later)), ports, done)

    true_order: Callable[..., None] = driver.carry_out
    monkeypatch.setattr(driver, "carry_out", carry_out)
    found = rejection(tmp_path)
    assert "nobody is recorded to have sent" in found.reason
    assert "the message that was sent and is most like it" in found.nearest


def test_an_acknowledgement_before_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch, AppendReply)
    found = rejection(tmp_path)
    assert found.action.startswith("OnAppendRequest(")
    assert {each.what.partition("[")[0] for each in found.differences} == {"owed", "network"}
    assert found.conjuncts[0].startswith("Replication.tla:")


def test_a_vote_before_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    at_once(monkeypatch, VoteReply)
    assert rejection(tmp_path).action.startswith("OnVoteRequest(")


def at_once(monkeypatch: pytest.MonkeyPatch, kind: type[Message]) -> None:
    """Messages of this kind do not wait for the disk."""
    owe = durability.owe

    def hasty(replica: Replica, message: Message) -> Outcome:
        return durability.say(replica, message) if isinstance(message, kind) else owe(replica, message)

    monkeypatch.setattr(durability, "owe", hasty)


def test_a_vote_that_is_not_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = SimulatedDisk.write

    def forgetful(disk: SimulatedDisk, stores: Sequence[Store], then: Callable[[], None]) -> None:
        lost = [Store(Durable(each.durable.term, None, each.durable.log), each.kept) for each in stores]
        written(disk, lost, then)

    monkeypatch.setattr(SimulatedDisk, "write", forgetful)
    found = rejection(tmp_path)
    assert found.action.startswith("Crash(")
    assert any("votedFor" in each.what for each in found.differences)


def test_a_disk_that_says_it_has_written_and_has_not(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lying(disk: SimulatedDisk, stores: Sequence[Store], then: Callable[[], None]) -> None:
        disk.writes += 1
        if disk.writes in disk.traps and disk.trapped is not None:
            disk.trapped(disk.traps[disk.writes][1])
        else:
            then()

    monkeypatch.setattr(SimulatedDisk, "write", lying)
    found = rejection(tmp_path)
    assert found.action.startswith("Crash(")
    assert any(each.what.startswith("disk[") for each in found.differences)


def test_a_sync_that_leaves_the_term_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sync = durability.sync

    def partial(replica: Replica, taken: Any) -> Outcome:
        after, effects = sync(replica, taken)
        disk = Durable(replica.disk.term, after.disk.voted_for, after.disk.log)
        return after.change(disk=disk), effects

    row = dict.fromkeys(("follower", "candidate", "leader"), partial)
    monkeypatch.setitem(roles.TABLE, Sync, row)
    found = rejection(tmp_path)
    assert found.action.startswith("Sync(")
    assert found.differences[0].what.endswith(".term")
    assert any(each.startswith("Replication.tla:") for each in found.conjuncts)
