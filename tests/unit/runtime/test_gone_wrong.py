"""What goes wrong inside a server ends that server, and says so; what a client causes ends its connection."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

import pytest

from quorumlog import Cluster
from quorumlog.ledger.commands import Balance, Deposit
from quorumlog.runtime.node import NodeProcess
from quorumlog.runtime.session import Unanswered

FULL: Final = OSError(28, "No space left on device")
WRONG: Final = KeyError("what nobody has thought of")


def raising(error: Exception) -> Callable[..., Any]:
    """Whatever it is called with, it raises this."""

    def called(*_: Any) -> Any:
        raise error

    return called


def heard(cluster: Cluster, line: str) -> bool:
    """Whether this is said within ten seconds."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        if any(line in each for each in cluster.said):
            return True
        time.sleep(0.01)
    return False


@pytest.mark.parametrize("error", [FULL, WRONG])
def test_what_goes_wrong_in_a_step_that_a_peer_has_caused_ends_the_server(error: Exception) -> None:
    """Its connection is not to blame: with it alone closed, a step would be left half done, and nobody would know."""
    with Cluster(size=2) as cluster, cluster.client() as client:
        assert client.ask(Deposit("x", 1), timeout=20) is True
        leader = cluster._nodes[str(client.leader)]
        leader.server.on_peer = raising(error)  # type: ignore[method-assign]
        assert heard(cluster, f"{leader.place.identity} stops: {error}")


def test_a_file_that_fails_in_a_step_that_a_client_has_caused_ends_the_server() -> None:
    with Cluster(size=1) as cluster, cluster.client() as client:
        assert client.ask(Deposit("x", 1), timeout=20) is True
        cluster._nodes["a1"].server.on_read = raising(FULL)  # type: ignore[method-assign]
        with suppress(Unanswered):
            client.read(Balance("x"), timeout=0.1)
        assert heard(cluster, f"a1 stops: {FULL}")


def test_what_an_application_raises_at_a_client_ends_the_connection_alone() -> None:
    with Cluster(size=1) as cluster, cluster.client() as client:
        assert client.ask(Deposit("x", 1), timeout=20) is True
        server = cluster._nodes["a1"].server
        whole, server.on_read = server.on_read, raising(WRONG)  # type: ignore[method-assign]
        with suppress(Unanswered):
            client.read(Balance("x"), timeout=0.1)
        assert heard(cluster, repr(WRONG))
        server.on_read = whole  # type: ignore[method-assign]
        assert client.read(Balance("x"), timeout=20) == 1
        assert not any("stops" in each for each in cluster.said)


def in_a_timer(node: NodeProcess) -> None:
    """At the end of a turn."""
    node.server.steps.gathered = raising(WRONG)  # type: ignore[method-assign]


def when_the_disk_has_written(node: NodeProcess) -> None:
    """When entries are decided."""
    node.server.committed = raising(WRONG)  # type: ignore[method-assign]


def when_all_goes_out(node: NodeProcess) -> None:
    """When a recording is handed on, before messages are."""

    class Full:
        flush = staticmethod(raising(WRONG))
        close = staticmethod(lambda: None)

    node._recorder = Full()  # type: ignore[assignment]


@pytest.mark.parametrize("breaks", [in_a_timer, when_the_disk_has_written, when_all_goes_out])
def test_what_goes_wrong_in_a_callback_of_an_embedded_server_ends_that_one(
    breaks: Callable[[NodeProcess], None],
) -> None:
    """Its driver would wait for ever for the end of the turn."""
    with Cluster(size=2) as cluster, cluster.client() as client:
        assert client.ask(Deposit("x", 1), timeout=20) is True
        leader = str(client.leader)
        breaks(cluster._nodes[leader])
        with suppress(Unanswered):
            client.ask(Deposit("x", 1), timeout=0.1)
        assert heard(cluster, f"{leader} stops: {WRONG}")
        assert not any("stops" in line for line in cluster.said if not line.startswith(leader))


def test_what_is_nobodys_is_everyones() -> None:
    """A callback that no server has made: whichever is broken, none goes on as if it were not."""
    with Cluster(size=2) as cluster:
        cluster._background.loop.call_soon_threadsafe(raising(WRONG))
        assert heard(cluster, f"a1 stops: {WRONG}")
        assert heard(cluster, f"a2 stops: {WRONG}")
