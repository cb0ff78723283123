"""Each transcript says what happens, and each of its steps is one that the spec allows.

`pytest tests/transcripts --rewrite` puts what happens into the files; look at the difference before you keep it.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest

from quorumlog.simulation.transcript import files, parse, perform
from quorumlog_bindings.transcripts import disagreements

FOLDER: Final = Path(__file__).parent
ROOT: Final = Path(__file__).parents[2]
SPEC: Final = ROOT / "spec" / "Replication.tla"
TRANSCRIPTS: Final = files(FOLDER)

each_transcript = pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)


@each_transcript
def test_it_says_what_happens(path: Path, rewrite: bool) -> None:
    text = path.read_text(encoding="utf-8")
    happens = perform(parse(text, path.name)).text
    if rewrite and happens != text:
        path.write_text(happens, encoding="utf-8")
    elif not rewrite:
        assert text == happens, f"{path.name} says something else (left) than happens; --rewrite writes what happens"


@each_transcript
def test_each_step_is_one_of_the_spec(path: Path) -> None:
    performance = perform(parse(path.read_text(encoding="utf-8"), path.name))
    assert performance.steps
    assert disagreements(performance, SPEC) == []
