"""What all tests share: how many run at a time with `pytest -n auto`."""

from __future__ import annotations

import os

import pytest

# Tests of clusters wait a third of their time for servers and disks, so two processors have time for three.
SPARE = 1


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors; `--maxprocesses` bounds it."""
    return (os.cpu_count() or 1) + SPARE
