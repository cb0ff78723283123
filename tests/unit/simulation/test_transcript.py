"""Scripts of transcripts: what is read, what is refused with one line, and how what happens is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quorumlog.core.consensus.messages import AppendReply, AppendRequest, Entry, VoteReply, VoteRequest
from quorumlog.simulation.transcript import MalformedScript, parse, perform
from quorumlog.simulation.transcript.words import entries_text, lines, message_text, place, table

DOCUMENT: Final = Path(__file__).parents[3] / "docs" / "transcripts.md"
EXAMPLE: Final = re.compile(r"<!-- a transcript -->\n```\n(.*?)```", re.DOTALL)
BEGIN: Final = "> cluster a b c leader a\n"


def output(commands: str) -> list[str]:
    """What is printed below these commands, by a cluster that a leads."""
    return [line.strip() for line in perform(parse(f"{BEGIN}> {commands}\n")).lines[-1].output]


# -- scripts that are not well formed -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "line", "expected"),
    [
        ("", 1, "expected a first command"),
        ("# only a remark\n", 1, "expected a first command"),
        ("cluster a b c\n", 1, "expected a remark"),
        ("> timeout a\n", 1, "expected `cluster SERVER SERVER...` before"),
        ("> cluster\n", 1, "expected from one to 9 different names"),
        ("> cluster a a\n", 1, "expected from one to 9 different names"),
        ("> cluster a 1b\n", 1, "expected from one to 9 different names"),
        ("> cluster a b batch\n", 1, "expected from one to 9 different names"),
        ("> cluster a b batch 0\n", 1, "expected a number of entries"),
        ("> cluster a b batch x\n", 1, "expected a number of entries"),
        ("> cluster a b leader c\n", 1, "expected one of the servers a, b, not `c`"),
        (f"{BEGIN}> cluster a b\n", 2, "expected one command `cluster` only"),
        (f"{BEGIN}> dance a\n", 2, "expected one of the commands cluster, timeout"),
        (f"{BEGIN}> \n", 2, "expected one of the commands"),
        (f"{BEGIN}> sync a;\n", 2, "expected one of the commands"),
        (f"{BEGIN}> sync\n", 2, "expected `sync SERVER`"),
        (f"{BEGIN}> sync a b\n", 2, "expected `sync SERVER`"),
        (f"{BEGIN}> sync d\n", 2, "expected one of the servers a, b, c, not `d`"),
        (f"{BEGIN}> replicate a\n", 2, "expected `replicate SERVER SERVER`"),
        (f"{BEGIN}> propose a\n", 2, "expected `propose SERVER EVENT...`"),
        (f'{BEGIN}> propose a ""\n', 2, "expected an event that is not empty"),
        (f'{BEGIN}> propose a "pay 7\n', 2, "expected a second quotation mark"),
        (f"{BEGIN}> deliver a b append\n", 2, "expected `deliver SERVER -> SERVER MESSAGE`"),
        (f"{BEGIN}> deliver a -> b letter\n", 2, "with a message of vote-request, vote-reply"),
        (f"{BEGIN}> deliver a -> * append\n", 2, "not `*`"),
        (f"{BEGIN}> cut\n", 2, "expected `cut SERVER...`"),
        (f"{BEGIN}> cut a | a b\n", 2, "expected `cut SERVER...`"),
        (f"{BEGIN}> cut a b c\n", 2, "expected `cut SERVER...`"),
        (f"{BEGIN}> quiet please\n", 2, "expected `quiet` and nothing after it"),
        ("    output\n", 1, "expected a line of commands"),
        (f"# a remark\n\n{BEGIN}# another\n    output\n", 5, "expected a line of commands"),
    ],
)
def test_a_malformed_script_has_one_error_that_names_file_and_line(text: str, line: int, expected: str) -> None:
    with pytest.raises(MalformedScript) as raised:
        parse(text, "story.txt")
    assert str(raised.value).startswith(f"story.txt:{line}: ")
    assert expected in str(raised.value)
    assert "\n" not in str(raised.value)


WORDS: Final = st.sampled_from(
    [
        *("cluster", "timeout", "sync", "crash", "propose", "replicate", "deliver", "repeat", "lose", "settle", "cut"),
        *("heal", "quiet", "loud", "show", "waiting", "decided", "a", "b", "c", "->", "*", "|", "all", "batch", "2"),
        *("leader", "append", "vote-request", "vote-reply", "append-reply", '"', '"pay 7"', ";", ">", "#", "é", "\t"),
    ]
)
LINES: Final = st.builds(
    lambda start, words: start + " ".join(words), st.sampled_from(["> ", "> ", "> ", "", "# ", "    "]), st.lists(WORDS)
)
COMMANDS: Final = st.sampled_from(
    [
        *("timeout a", "timeout b", "sync a", "sync b", "sync c", "crash a", "crash b", "propose a x", "propose b y"),
        *(
            "replicate a b",
            "replicate b c",
            "deliver a -> b append",
            "deliver b -> a append-reply",
            "repeat a -> b append",
        ),
        *("deliver b -> c vote-request", "deliver c -> b vote-reply", "lose all", "lose b -> * vote-request"),
        *("settle", "settle a b", "cut a", "cut a | b", "heal", "show", "waiting", "decided", "quiet", "loud"),
    ]
)


@settings(deadline=None)
@given(st.one_of(st.text(), st.lists(LINES).map("\n".join), st.lists(LINES).map(lambda each: BEGIN + "\n".join(each))))
def test_whatever_a_script_is_the_one_error_is_all_that_is_raised(text: str) -> None:
    try:
        script = parse(text)
    except MalformedScript:
        return
    again = perform(script).text
    assert perform(parse(again)).text == again


@settings(deadline=None)
@given(st.lists(COMMANDS))
def test_whatever_is_commanded_is_performed_and_what_is_printed_can_be_read(commands: list[str]) -> None:
    text = BEGIN + "".join(f"> {command}\n" for command in commands)
    performed = perform(parse(text)).text
    assert perform(parse(performed)).text == performed
    assert "impossible" not in performed


# -- what happens -------------------------------------------------------------------------------------------


def test_remarks_and_commands_stay_and_output_is_replaced() -> None:
    text = "# One.\n\n> cluster a b leader a\n> decided\n    something else\n\n# Two.\n> decided;  show b\n\n\n"
    assert perform(parse(text)).text == (
        "# One.\n\n> cluster a b leader a\n> decided\n    decided: 1.1 no-op\n\n# Two.\n> decided;  show b\n"
        "    decided: 1.1 no-op\n    b  follower  term 1  vote a  log [1.1 no-op]  knows 1 decided\n"
    )


def test_each_step_is_told_and_kept_with_its_line() -> None:
    performance = perform(parse("> cluster a b c\n> timeout a\n\n> sync a; sync a\n"))
    assert [(number, step.action, step.arguments, step.after is None) for number, step in performance.steps] == [
        (2, "Timeout", ("a",), False),
        (4, "Sync", ("a",), False),
        (4, "Sync", ("a",), True),
    ]
    first, second, third = [step for _, step in performance.steps]
    assert first.after == second.before
    assert second.after == third.before


def test_a_leader_is_elected_before_the_story_begins_and_nothing_is_on_its_way() -> None:
    assert output("waiting") == ["waiting: nothing"]
    assert output("show") == [
        "a  leader    term 1  vote a  log [1.1 no-op]  knows 1 decided  b has 1, c has 1",
        "b  follower  term 1  vote a  log [1.1 no-op]  knows 1 decided",
        "c  follower  term 1  vote a  log [1.1 no-op]  knows 1 decided",
    ]


def test_quiet_hides_steps_and_not_refusals() -> None:
    assert output("quiet; propose a x; propose b x; loud; sync a") == [
        "refused: b is follower and takes no Propose",
        "a       writes log to 1.2",
    ]


def test_a_message_is_chosen_by_its_beginning_and_the_oldest_comes_first() -> None:
    twice = "quiet; propose a x y; replicate a b; replicate a b; loud; "
    assert output(f"{twice} deliver a -> b append")[0] == "a → b   append 1 after 1.1 [1.2 x] decided 1"
    assert output(f"{twice} deliver a -> b append 1 after 1.2")[0] == "a → b   append 1 after 1.2 [1.3 y] decided 1"
    assert output(f"{twice} deliver a -> b append 1 after 1") == ["refused: no append 1 after 1 from a to b"]
    assert output(f"{twice} repeat a -> b append") == ["refused: no append from a to b"]


def test_what_is_lost_does_not_arrive_and_a_request_for_votes_is_lost_for_all() -> None:
    assert output("quiet; timeout b; sync b; loud; lose b -> * vote-request; waiting") == [
        "b → *   lost: vote-request 2 last 1.1",
        "waiting: nothing",
    ]
    assert output("quiet; replicate a b; deliver a -> b append; lose a -> b append; repeat a -> b append") == [
        "refused: no append from a to b"
    ]


def test_what_is_cut_waits_until_it_is_healed() -> None:
    said = output("quiet; cut a | b; replicate a b; settle; loud; waiting; deliver a -> b append; heal; settle a b")
    assert said[:3] == [
        "a → b   append 1 after 1.1 [] decided 1",
        "refused: the way is cut",
        "a → b   append 1 after 1.1 [] decided 1",
    ]
    assert output("cut a; timeout a; decided")[0] == "refused: a is leader and takes no ElectionTimeout"


def test_settling_ends_where_a_deposed_leader_cannot_be_told() -> None:
    deposed = "cut a; quiet; timeout b; settle; heal; lose all; loud;"
    assert output(f"{deposed} settle a c") == []
    assert output(f"{deposed} quiet; settle; show a") == [
        "a  follower  term 2  no vote  log [1.1 no-op, 2.2 no-op]  knows 2 decided"
    ]


def test_the_example_in_the_documentation_is_what_happens() -> None:
    (example,) = EXAMPLE.findall(DOCUMENT.read_text(encoding="utf-8"))
    assert perform(parse(example, DOCUMENT.name)).text == example


# -- words --------------------------------------------------------------------------------------------------


def test_messages_are_written_with_their_term_first() -> None:
    entries = (Entry(1, "pay7"), Entry(2, None), Entry(2, "pay 9"), Entry(2, "no-op"))
    assert message_text(VoteRequest("a", 2, 3, 1)) == "vote-request 2 last 1.3"
    assert message_text(VoteReply("a", "b", 2)) == "vote-reply 2"
    assert message_text(AppendReply("a", "b", 2, True, 4)) == "append-reply 2 accepted 4"
    assert message_text(AppendReply("a", "b", 2, False, 0)) == "append-reply 2 refused 0"
    assert (
        message_text(AppendRequest("a", "b", 2, 1, 1, entries, 1))
        == 'append 2 after 1.1 [1.2 pay7, 2.3 no-op, 2.4 "pay 9", 2.5 "no-op"] decided 1'
    )
    assert message_text(AppendRequest("a", "b", 2, 0, 0, (), 0)) == "append 2 after 0 [] decided 0"


def test_long_lines_go_on_below() -> None:
    assert place(0, 0) == "0"
    assert entries_text(()) == ""
    assert lines("a", ["x" * 60, "y" * 60]) == [f"a       {'x' * 60}", f"        {'y' * 60}"]
    assert lines("a", []) == []
    assert table([["a", "bb", ""], ["aaa", "b", "c"]]) == ["a    bb", "aaa  b   c"]
