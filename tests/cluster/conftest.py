"""Servers that several files of tests share, since starting them takes longer than most of what is done to them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import pytest

from quorumlog.runtime.supervisor import Supervisor, configuration

HOSTED: Final = {"a": "shard", "b": "shard", "c": "coordinator"}


@pytest.fixture(scope="session")
def shards(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Supervisor]:
    """Two shards and their coordinator, each a group of three. Whoever kills one starts it again."""
    with Supervisor(tmp_path_factory.mktemp("shards"), configuration(dict.fromkeys(HOSTED, 3), HOSTED)) as running:
        running.start()
        yield running
