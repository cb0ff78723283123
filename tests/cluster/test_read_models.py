"""Read models of programs: from any server, by push and by pull, with projections of one's own, honest about age."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest

from quorumlog import Cluster
from quorumlog.core.consensus.effects import Refused
from quorumlog.core.read_model import KnownSince
from quorumlog.ledger.commands import Deposit, Withdraw
from quorumlog.ledger.events import Deposited
from quorumlog.ledger.ledger import Ledger
from quorumlog.runtime import feed
from quorumlog.runtime.client import Client, Unanswered
from quorumlog.runtime.hosting import LEDGER
from quorumlog.runtime.read_model import ProjectionFailed, SyncReadModel, View


class Sums:
    """What came in for each account, a projection of one's own."""

    def start(self) -> dict[str, int]:
        """Nothing."""
        return {}

    def evolve(self, state: dict[str, int], event: Any) -> dict[str, int]:
        """One more event."""
        if not isinstance(event, Deposited):
            return state
        return {**state, event.account: state.get(event.account, 0) + event.amount}


class Fragile(Sums):
    """A projection that does not take every event."""

    def evolve(self, state: dict[str, int], event: Any) -> dict[str, int]:
        """One more event."""
        if event == Deposited("dot", 13):
            raise ZeroDivisionError("thirteen")
        return super().evolve(state, event)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    """Three nodes with a ledger."""
    with Cluster() as running:
        yield running


def written_and_read(cluster: Cluster, model: SyncReadModel[dict[str, int]], account: str) -> list[int]:
    """What a client that deposits 1, 2, 3, ... sees in a read model each time."""
    with cluster.client() as ledger:
        found = []
        for amount in range(1, 8):
            ledger.ask(Deposit(account, amount))
            found.append(model.view(ledger.token).state.get(account, 0))
        return found


@pytest.mark.parametrize("subscribes", [True, False])
@pytest.mark.parametrize("source", ["a1", "a2", "a3"])
def test_clients_read_what_they_have_written(cluster: Cluster, source: str, subscribes: bool) -> None:
    with cluster.read_model(Sums(), source=source, subscribes=subscribes) as model:
        assert model.source == source
        assert written_and_read(cluster, model, f"{source}{subscribes}") == [1, 3, 6, 10, 15, 21, 28]


def test_views_without_a_token_would_be_noticed(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: whatever is known is told at once."""

    async def at_once(*_: object) -> bool:
        return True

    with cluster.read_model(Sums(), subscribes=False) as model:
        model.current()
        monkeypatch.setattr(feed.Copy, "until", at_once)
        with pytest.raises(Refused, match="is needed"):
            written_and_read(cluster, model, "mutant")


def test_an_application_is_a_projection_and_events_can_be_followed(cluster: Cluster) -> None:
    with cluster.client() as ledger, ledger.read_model(Ledger()) as model:
        ledger.ask(Deposit("cid", 3))
        ledger.ask(Withdraw("cid", 9))
        view = model.view(ledger.token)
        assert (view.state.balance("cid"), view.position) == (3, ledger.at)
        followed = list(islice(model.follow(ledger.at - 2), 2))
        assert [each.position for each in followed] == [ledger.at - 1, ledger.at]
        assert followed[0].event == Deposited("cid", 3)
        assert model.events(ledger.at) == []
        assert model.current().known


def cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The only server is stopped, and starts again."""
    monkeypatch.setattr(feed, "PATIENCE", 0.3)
    with Cluster(size=1) as alone, alone.client() as ledger, alone.read_model(Sums()) as model:
        ledger.ask(Deposit("ann", 5))
        assert model.view(ledger.token).state == {"ann": 5}
        assert model.current().known
        alone.stop("a1")
        until = time.monotonic() + 2
        while (view := model.now()).known and time.monotonic() < until:
            time.sleep(0.05)
        assert view.state == {"ann": 5}
        assert not view.known
        assert view.complete_ms_ago is not None
        assert view.complete_ms_ago >= 300
        assert view.staleness.startswith("unknown since ")
        with pytest.raises(Unanswered):
            model.current(timeout=0.1)
        with pytest.raises(Unanswered, match="has 1 events"):
            model.view({"a": 2}, timeout=0.1)
        alone.start("a1")
        assert model.current().known


def test_a_copy_that_is_cut_off_says_since_when(monkeypatch: pytest.MonkeyPatch) -> None:
    cut_off(monkeypatch)


def test_ages_that_are_always_known_would_be_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    """A mutant: what was heard last is never too old."""
    monkeypatch.setattr(feed, "freshness", lambda since, now, patience: KnownSince(since))
    with pytest.raises(AssertionError, match=r"not view\.known|not True"):
        cut_off(monkeypatch)


def test_ages_in_words() -> None:
    assert View(0, 0, False, None).staleness == "unknown: nothing was heard yet"
    assert View(0, 0, True, 20).staleness == "complete as of 20 ms ago"


def test_another_server_takes_over(cluster: Cluster) -> None:
    with cluster.read_model(Sums(), source="a2") as model, cluster.client() as ledger:
        model.current()
        cluster.stop("a2")
        try:
            ledger.ask(Deposit("eve", 5), timeout=30)
            assert model.view(ledger.token, timeout=30).state["eve"] == 5
            assert model.source != "a2"
        finally:
            cluster.start("a2")


def test_a_projection_that_fails_says_so(cluster: Cluster) -> None:
    with cluster.client() as ledger, cluster.read_model(Fragile()) as model:
        ledger.ask(Deposit("dot", 13))
        with pytest.raises(ProjectionFailed, match="thirteen"):
            model.view(ledger.token)
        with pytest.raises(ProjectionFailed):
            next(model.follow(ledger.at))


def test_a_source_that_there_is_not(cluster: Cluster) -> None:
    with pytest.raises(ValueError, match="expected one of a1, a2, a3, found 'z9'"):
        cluster.read_model(Sums(), source="z9")


def test_the_same_in_a_loop(cluster: Cluster) -> None:
    async def story() -> None:
        async with Client("a", cluster.servers, LEDGER.codec) as ledger, ledger.read_model(Sums()) as model:
            await ledger.ask(Deposit("fay", 4), timeout=30)
            assert (await model.view(ledger.token)).state["fay"] == 4
            async for each in model.follow(ledger.at - 1):
                assert each.event == Deposited("fay", 4)
                break
            assert model.token["a"] >= ledger.at

    asyncio.run(story())
