"""The steps of CI: what must succeed before a change is taken. `ci/run.py` runs them, and so does the workflow."""

from __future__ import annotations

from typing import Final, NamedTuple


class Step(NamedTuple):
    """A step: its name on the command line, and the command."""

    name: str
    command: tuple[str, ...]


WORKFLOWS: Final = (".github/workflows/ci.yml", ".github/workflows/night.yml")
TRIED: Final = (
    "leader-grants-votes",
    "next-falls-behind-match",
    "accepts-entries-of-earlier-terms",
    "commits-old-terms-by-counting",
    "previous-zero-appends",
    "vote-before-disk",
    "vote-lost-on-restart",
)
"""Mutants of each class that some layer misses, or that ask much of all of them. The others are tried every night."""

STEPS: Final = (
    Step("lint", ("ruff", "check")),
    Step("format", ("ruff", "format", "--check")),
    Step("types", ("mypy",)),
    Step("workflow", ("check-jsonschema", "--builtin-schema", "vendor.github-workflows", *WORKFLOWS)),
    # Mutants of the consensus core against every layer. First, for `verify` takes over and shows what it found.
    Step("matrix", ("tlastep", "matrix", "--side", "code", *TRIED)),
    Step("verify", ("tlastep", "verify")),
    # `verify` explores mutants of specs with the Python engine; TLC has to see the same properties of consensus fall.
    Step("mutants", ("tlastep", "mutants", "--side", "spec", "--engine", "tlc", "--module", "Replication")),
    # The last one, so that its closing line ends the output.
    Step("tests", ("pytest", "-n", "auto")),
)
