"""A store on a disk in memory does what it must."""

from __future__ import annotations

from collections.abc import Callable

import apsw
import pytest
from tests.unit.runtime import store_checks, store_damage
from tests.unit.runtime.store_bench import Bench, entries
from tests.unit.runtime.store_trial import Opens

from quorumlog.runtime import storage
from quorumlog.runtime.storage import DiskFailed, Storage

CHECKS = (*store_checks.CHECKS, *store_damage.CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_of_a_store(check: Callable[[Opens], None]) -> None:
    check(Storage)


def written_at_once(largest: int, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """A store with rows of up to 2,000 bytes, into which much more is written at once."""
    monkeypatch.setattr(storage, "LARGEST", largest)
    bench = Bench(Storage)
    bench.store._connection.limit(apsw.SQLITE_LIMIT_LENGTH, 2_000)
    bench.write(entries(1, 1_000))
    return bench


def test_what_no_row_takes_is_written_in_several(monkeypatch: pytest.MonkeyPatch) -> None:
    """All that has gathered while the disk wrote may be more than SQLite takes at once."""
    bench = written_at_once(1_500, monkeypatch)
    bench.write(entries(400, 900, 2), kept=399, term=2)
    assert bench.store.entries(300, 800) == bench.states[-1].log[299:800]
    bench.restart()
    assert bench.known() == bench.states[-1]
    assert bench.store.entries(1, 900) == bench.states[-1].log


def test_a_row_that_is_too_long_would_stop_the_node(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(DiskFailed, match="too big"):
        written_at_once(1 << 28, monkeypatch)
