"""What the tests of the toolchain share: a cache of their own, and the folder of samples."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache that starts empty, so that no test passes by what an earlier run left, and none touches the user's."""
    folder = tmp_path_factory.mktemp("cache")
    before = os.environ.get("TLASTEP_CACHE")
    os.environ["TLASTEP_CACHE"] = str(folder)
    yield folder
    if before is None:
        del os.environ["TLASTEP_CACHE"]
    else:
        os.environ["TLASTEP_CACHE"] = before


@pytest.fixture(scope="session")
def data() -> Path:
    """Small specs, and excerpts of what an old and a new TLC print."""
    return Path(__file__).parent / "data"
