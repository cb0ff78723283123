"""What an old and a new TLC print is read alike: messages, counts, coverage, behaviours."""

from __future__ import annotations

from pathlib import Path

import pytest

from tlastep.behaviour import Behaviour, Label
from tlastep.errors import UnusableInput
from tlastep.toolchain import tlc_output
from tlastep.toolchain.tlc_output import Counts, Message
from tlastep.values import Fn, model_value, record

A, B = model_value("a"), model_value("b")
R1 = model_value("r1")
BOTH = pytest.mark.parametrize("year", ["2020", "2026"])


def output(data: Path, name: str) -> list[Message]:
    return tlc_output.messages((data / name).read_text(encoding="utf-8"))


def test_a_nested_message_is_part_of_the_outer_one() -> None:
    text = (
        "Parsing file X\n@!@!@STARTMSG 1000:1 @!@!@\r\nbefore\n: @!@!@STARTMSG 5006:0 @!@!@\ninner\n"
        "@!@!@ENDMSG 5006 @!@!@\nafter\n@!@!@ENDMSG 1000 @!@!@\nnoise\n@!@!@STARTMSG 7:0 @!@!@\ncut off"
    )
    expected = [Message(1000, 1, "before\n: inner\nafter", (5006,)), Message(7, 0, "cut off", ())]
    assert tlc_output.messages(text) == expected


@BOTH
def test_counts_version_and_coverage(data: Path, year: str) -> None:
    found = output(data, f"holds_{year}.tool.txt")
    assert tlc_output.counts(found) == Counts(generated=1499, distinct=230, queue=0, depth=22)
    assert tlc_output.version(found).startswith({"2020": "2.15 of", "2026": "2026.04.29"}[year])
    assert tlc_output.coverage(found) == {
        "Timeout": (3, 358),
        "Sync": (36, 188),
        "Crash": (36, 460),
        "Propose": (0, 102),
        "Replicate": (24, 102),
        "Next": (130, 288),
    }
    assert tlc_output.counterexample(found) is None
    assert not tlc_output.errors(found)


def test_only_the_last_coverage_report_counts() -> None:
    report = [
        Message(2201, 0, "The coverage"),
        Message(2772, 0, "<Up line 1, col 1 to line 1, col 2 of module M>: 1:2"),
    ]
    assert tlc_output.coverage(report * 2) == {"Up": (1, 2)}


@BOTH
def test_a_counterexample(data: Path, year: str) -> None:
    found = output(data, f"violated_{year}.tool.txt")
    behaviour = tlc_output.counterexample(found)
    assert behaviour is not None
    w1 = model_value("w1")
    arguments: dict[str, list[tuple[object, ...] | None]] = {
        "2020": [None] * 5,
        "2026": [(w1,), None, (w1,), (R1,), (R1,)],
    }
    names = ["Call", "Next", "Ret", "Call", "Ret"]
    labels = [step.label for step in behaviour.steps]
    assert labels == [None, *(Label(name, args) for name, args in zip(names, arguments[year], strict=True))]  # type: ignore[arg-type]
    assert behaviour.steps[-1].state["hist"] == (("call", w1), ("ret", w1), ("call", R1), ("ret", R1))
    assert behaviour.loop is None
    assert not behaviour.stutters
    assert tlc_output.errors(found)[0].text == "Invariant Linearizable is violated."


def trace(*ends: Message) -> Behaviour:
    states = [
        Message(2217, 4, "1: <Initial predicate>\nx = 0\n"),
        Message(2217, 4, "2: <Up line 1, col 1 to line 1, col 2 of module M>\nx = 1\n"),
    ]
    behaviour = tlc_output.counterexample([*states, *ends])
    assert behaviour is not None
    assert len(behaviour) == 2
    return behaviour


def test_a_counterexample_may_end_in_a_loop_or_stutter() -> None:
    assert trace(Message(2122, 4, "2: Back to state: <Down line 7, col 12 to line 7, col 45 of module M>")).loop == 1
    assert trace(Message(2218, 4, "3: Stuttering")).stutters
    assert trace() == Behaviour(trace().steps, None, False)


def test_a_false_initial_state_is_a_behaviour_of_one_state() -> None:
    behaviour = tlc_output.counterexample(
        [Message(2107, 1, "Invariant I is violated by the initial state:\n/\\ x = 1\n/\\ y = 2")]
    )
    assert behaviour is not None
    assert [step.state for step in behaviour.steps] == [{"x": 1, "y": 2}]


@pytest.mark.parametrize(
    ("line", "counts"),
    [
        (
            (
                "Progress(22) at 2026-11-24 12:02:03: 1,499 states generated (109,549 s/min), "
                "230 distinct states found (16,808 ds/min), 0 states left on queue."
            ),
            Counts(1499, 230, 0, 22),
        ),
        (
            "Progress(3) at 2026-11-24 12:24:44: 4 states generated, 3 distinct states found, 1 states left on queue.",
            Counts(4, 3, 1, 3),
        ),
        ("Progress: 12 states checked.", None),
        ('"Progress(1)"', None),
    ],
)
def test_progress(line: str, counts: Counts | None) -> None:
    assert tlc_output.progress(line) == counts


@BOTH
def test_a_simulated_behaviour(data: Path, year: str) -> None:
    behaviour = tlc_output.simulated((data / f"simulated_{year}.txt").read_text(encoding="utf-8"))
    labels = [step.label for step in behaviour.steps]
    assert labels == ([None] * 3 if year == "2020" else [None, Label("Timeout", (A,)), Label("Sync", (A,))])
    assert behaviour.steps[0].state["term"] == Fn({A: 0, B: 0})
    assert len(behaviour.steps[0].state) == 12
    if year == "2026":
        request = record(**{"term": 1, "type": "VoteRequest", "from": A, "lastTerm": 0, "lastIndex": 0})
        assert behaviour.steps[-1].state["network"] == frozenset({request})


def test_a_file_that_is_no_simulation_is_refused() -> None:
    with pytest.raises(UnusableInput, match="expected STATE_1"):
        tlc_output.simulated("---- MODULE M ----\n====\n")
