"""Whoever runs servers notices which of them end by themselves; the others do without it, so that nobody else would."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from quorumlog.runtime.supervisor import Supervisor, configuration

SECONDS = 10.0


@pytest.fixture
def servers(tmp_path: Path) -> Supervisor:
    """A server that is alone in its group."""
    return Supervisor(tmp_path, configuration({"a": 1}))


def test_who_is_killed_and_started_again_and_asked_to_end_has_not_ended_by_itself(servers: Supervisor) -> None:
    with servers:
        servers.start()
        servers.kill("a1")
        servers.start("a1")
    servers.close()
    assert servers.ended == []


@pytest.mark.parametrize("then", ["kill", "close"])
def test_who_ends_otherwise_has(servers: Supervisor, then: str) -> None:
    with servers:
        servers.start()
        os.kill(servers.pid("a1"), signal.SIGABRT)
        until = time.monotonic() + SECONDS
        while servers.is_running("a1") and time.monotonic() < until:
            time.sleep(0.01)
        if then == "kill":
            servers.kill("a1")
    (says,) = servers.ended
    assert says.startswith("a1 has ended with status -6: ")
