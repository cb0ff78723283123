"""The one flag of the transcripts: `--rewrite` puts what happens where something else stands."""

from __future__ import annotations

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the flag."""
    parser.addoption("--rewrite", action="store_true", help="write what happens into the transcripts that differ")


@pytest.fixture
def rewrite(request: pytest.FixtureRequest) -> bool:
    """Whether transcripts are to be rewritten; the flag is unknown to a run that begins in another folder."""
    return bool(request.config.getoption("--rewrite", default=False))
