"""A store on a disk in memory does what it must; on real files it does so, too, and lets one process in."""

from __future__ import annotations

import pytest
from tests.unit.runtime.store_checks import CHECKS
from tests.unit.runtime.store_trial import Opens

from quorumlog.runtime.storage import Storage


@pytest.mark.parametrize("check", CHECKS, ids=[check.__name__ for check in CHECKS])
def test_of_a_store(check: object) -> None:
    assert callable(check)
    check(Storage)
