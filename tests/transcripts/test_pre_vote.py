"""The same for the transcripts in `pre_vote`, of servers that ask before they stand: they are steps of PreVote."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import pytest
from msgspec.structs import replace

from quorumlog.simulation.transcript import MalformedScript, Performance, files, parse, perform
from quorumlog_bindings.transcripts import disagreements

FOLDER: Final = Path(__file__).parent / "pre_vote"
SPEC: Final = Path(__file__).parents[2] / "spec" / "PreVote.tla"
TRANSCRIPTS: Final = files(FOLDER)

each_transcript = pytest.mark.parametrize("path", TRANSCRIPTS, ids=lambda path: path.stem)


def performed(path: Path) -> Performance:
    """What happens in a transcript."""
    return perform(parse(path.read_text(encoding="utf-8"), path.name))


@each_transcript
def test_it_says_what_happens(path: Path, rewrite: bool) -> None:
    text = path.read_text(encoding="utf-8")
    happens = performed(path).text
    if rewrite and happens != text:
        path.write_text(happens, encoding="utf-8")
    elif not rewrite:
        assert text == happens, f"{path.name} says something else (left) than happens; --rewrite writes what happens"


@each_transcript
def test_each_step_is_one_of_the_spec(path: Path) -> None:
    performance = performed(path)
    assert performance.steps
    assert disagreements(performance, SPEC) == []


def test_a_step_that_the_spec_lacks_is_said() -> None:
    performance = perform(parse("> cluster a b c leader a asks yes\n> tick b\n> ask b\n"))
    steps = list(performance.steps)
    number, asked = steps[-1]
    steps[-1] = (number, replace(asked, after=asked.before))
    (said,) = disagreements(replace(performance, steps=tuple(steps)), SPEC)
    assert said.startswith("line 3: Ask(b) leads elsewhere: ")


def test_together_they_show_each_new_action() -> None:
    taken = {step.action for path in TRANSCRIPTS for _, step in performed(path).steps}
    assert {"Ask", "OnPreVoteRequest", "OnPreVoteReply", "Timeout", "Tick", "LosePreVote"} <= taken


@pytest.mark.parametrize(
    ("script", "expected"),
    [
        ("> cluster a b\n> ask a\n", "script:2: expected `cluster SERVER SERVER... asks yes` before `ask`"),
        ("> cluster a b asks maybe\n", "script:1: expected `asks yes`, not `asks maybe`"),
    ],
)
def test_only_servers_that_ask_are_told_to(script: str, expected: str) -> None:
    with pytest.raises(MalformedScript) as raised:
        parse(script)
    assert str(raised.value) == expected
