"""A store on a disk in memory does what it must."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.unit.runtime import store_checks, store_damage
from tests.unit.runtime.store_trial import Opens

from quorumlog.runtime.storage import Storage

CHECKS = (*store_checks.CHECKS, *store_damage.CHECKS)


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_of_a_store(check: Callable[[Opens], None]) -> None:
    check(Storage)
