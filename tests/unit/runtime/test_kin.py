"""A server that has lost its disk is not taken for the one that had it."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any, Final

import pytest

from quorumlog import Cluster
from quorumlog.ledger.commands import Balance, Deposit
from quorumlog.runtime import kin
from quorumlog.runtime.config import alone
from quorumlog.runtime.database import FILE
from quorumlog.runtime.errors import UnusableStore
from quorumlog.runtime.kin import Kin
from quorumlog.runtime.running import run
from quorumlog.runtime.server import Server

SECONDS: Final = 20.0


def test_a_store_keeps_its_name_and_what_it_has_met(tmp_path: Path) -> None:
    first = Kin.open(tmp_path)
    assert first.knows("a2", "x", is_new=False)
    again = Kin.open(tmp_path)
    assert again.store == first.store != Kin.open(made(tmp_path / "other")).store
    assert [again.knows("a2", store, is_new=False) for store in ("x", "y", "")] == [True, False, True]
    assert again.knows("a2", "y", is_new=True)
    assert [Kin.open(tmp_path).knows("a2", store, is_new=False) for store in ("x", "y")] == [False, True]


def made(folder: Path) -> Path:
    """The folder, which is there now."""
    folder.mkdir()
    return folder


def test_what_is_no_list_of_members_is_refused(tmp_path: Path) -> None:
    for text in (b"", b"[]", b'{"store": 1}', b'{"store": "x", "known": 1}', b"\xff"):
        (tmp_path / kin.FILE).write_bytes(text)
        with pytest.raises(UnusableStore, match=r"members.json: expected the names"):
            Kin.open(tmp_path)


def test_a_log_that_is_gone_is_missed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Cluster(size=1, folder=tmp_path) as cluster, cluster.client() as client:
        client.ask(Deposit("x", 1), timeout=SECONDS)
    (tmp_path / "a1" / FILE).unlink()
    assert run(alone(tmp_path).place("a1")) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"quorumlog: {tmp_path / 'a1'}: expected {FILE} beside {kin.FILE}")
    assert not (tmp_path / "a1" / FILE).exists()
    kin.check(tmp_path / "a1", None, FILE, is_new=True)
    assert not (tmp_path / "a1" / kin.FILE).exists()


def test_what_is_there_is_not_new(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with Cluster(size=1, folder=tmp_path) as cluster, cluster.client() as client:
        client.ask(Deposit("x", 1), timeout=SECONDS)
    assert run(alone(tmp_path).place("a1"), is_new=True) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert line.endswith("expected no store, for it is said to be new, found one: start without --new")
    with Cluster(size=1, folder=tmp_path) as cluster, cluster.client() as client:
        assert client.read(Balance("x"), timeout=SECONDS) == 1


def a2_without_its_disk(folder: Path) -> tuple[list[str], bool]:
    """One of three servers loses its disk, and comes back. What is said, and whether it runs on."""
    with Cluster(folder=folder) as cluster, cluster.client() as client:
        for _ in range(5):
            client.ask(Deposit("x", 1), timeout=SECONDS)
        until = time.monotonic() + SECONDS
        while any(each.commit < 6 for each in cluster.status().values()) and time.monotonic() < until:
            time.sleep(0.05)
        cluster.stop("a2")
        shutil.rmtree(folder / "a2")
        cluster.start("a2")
        came = cluster._nodes["a2"]
        while not came.failure.done() and cluster.status()["a2"].commit < 6 and time.monotonic() < until:
            time.sleep(0.05)
        client.ask(Deposit("x", 1), timeout=SECONDS)
        return cluster.said, not came.failure.done()


def test_whoever_has_lost_its_disk_is_not_listened_to_and_ends(tmp_path: Path) -> None:
    said, runs = a2_without_its_disk(tmp_path)
    assert not runs
    assert any(
        "a2 is known to a" in line and "by another store: a server that has lost its votes" in line for line in said
    )


def test_whoever_listens_to_it_has_it_vote_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: it is taken for the one that had the disk."""

    def knows(*_: Any, **__: Any) -> bool:
        return True

    monkeypatch.setattr(Kin, "knows", knows)
    assert a2_without_its_disk(tmp_path)[1]


def test_a_group_starts_for_the_first_time_and_again_as_it_always_did(tmp_path: Path) -> None:
    for number in (1, 2):
        with Cluster(folder=tmp_path) as cluster, cluster.client() as client:
            assert client.ask(Deposit("x", 1), timeout=SECONDS)
            assert client.read(Balance("x"), timeout=SECONDS) == number
            assert not [line for line in cluster.said if "store" in line]


def follows_again(folder: Path, seconds: float) -> bool:
    """Whether a follower that has lost its disk, and is said to be new, gets all that is decided, and stays."""
    with Cluster(folder=folder) as cluster, cluster.client() as client:
        for _ in range(5):
            client.ask(Deposit("x", 1), timeout=SECONDS)
        lost = next(name for name in cluster.servers if name != client.leader)
        cluster.stop(lost)
        shutil.rmtree(folder / lost)
        cluster.start(lost, is_new=True)
        until = time.monotonic() + seconds
        while cluster.status()[lost].commit < 6 and time.monotonic() < until:
            time.sleep(0.05)
        if cluster.status()[lost].commit < 6:
            return False
        cluster.stop(lost)
        cluster.start(lost)
        client.ask(Deposit("x", 1), timeout=SECONDS)
        while cluster.status()[lost].commit < 7 and time.monotonic() < until:
            time.sleep(0.05)
        return cluster.status()[lost].commit >= 7


def test_a_member_that_is_said_to_be_new_is_let_in_and_remembered(tmp_path: Path) -> None:
    assert follows_again(tmp_path, SECONDS)


def test_a_leader_that_goes_by_the_lost_disk_sends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: it goes on leading."""
    monkeypatch.setattr(Server, "forget_disks", lambda _: None)
    assert not follows_again(tmp_path, 3)
