"""Recordings of all groups, with their letters, are told as ReplicatedTwoPhaseCommit; what must not be is found there.

That spec has exactly the letters of two-phase commit, so votes, decisions and who has heard what are judged here, which
ShardedLedger leaves open.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.property.tampered import Recordings, write
from tests.property.test_recordings import project
from tests.property.test_transferred import rows, transferred

from quorumlog.core.two_phase_commit import coordinator, participant
from quorumlog.core.two_phase_commit.messages import YES, Decision, Vote
from quorumlog.core.two_phase_commit.participant import Ended
from quorumlog.runtime import wire
from quorumlog.sharding.server import Server, Serving
from quorumlog_bindings.recorded_two_phase_commit import TwoPhaseCommitRecording
from quorumlog_bindings.replicated_two_phase_commit import replicated_two_phase_commit
from tlastep.check.recording import Validated, validate_files
from tlastep.check.recording_why import Rejection

Line = dict[str, Any]


def judged(recordings: Recordings, folder: Path) -> Validated:
    """What the spec says of all of them."""
    return validate_files(project(), replicated_two_phase_commit, write(recordings, folder))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    """One run, under faults."""
    return transferred(tmp_path_factory.mktemp("letters"), 26, seconds=3.0)


def test_what_all_groups_say_to_each_other_is_a_behaviour(recorded: Recordings, tmp_path: Path) -> None:
    found = judged(recorded, tmp_path)
    assert found.rejection is None, "\n".join(found.rejection.text())
    assert found.notes == []
    often = ("OnTransfer", "OnPrepare", "OnVote", "OnDecision", "OnAcknowledgement", "OnDeposit", "OnBalance")
    assert min(found.actions[each] for each in (*often, "AnswerTransfer", "AnswerDeposit", "AnswerBalance")) > 5
    assert min(found.actions[each] for each in ("Speak", "SpeakShard", "TimeOut", "OnTotal")) > 0
    assert any(each["transfer"]["received"] is not None for each in rows(recorded, "c", "begun")), "no exchange"


@pytest.mark.parametrize("seed", [24, 28])
def test_leaders_that_change_in_between_are_followed(seed: int, tmp_path: Path) -> None:
    found = judged(transferred(tmp_path / "run", seed, seconds=8.0), tmp_path / "recordings")
    assert found.rejection is None, "\n".join(found.rejection.text())
    assert found.actions["ElectLeader"] + found.actions["ElectCoordinator"] > 3


@pytest.mark.parametrize("size", [1, 30, 100_000])
def test_pieces_of_any_size_say_the_same(
    size: int, recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = judged(recorded, tmp_path / "whole")
    monkeypatch.setattr(TwoPhaseCommitRecording, "size", size)
    found = judged(recorded, tmp_path / "pieces")
    assert found.rejection is None, "\n".join(found.rejection.text())
    assert found.lines == whole.lines
    for action in ("OnTransfer", "CommitDecision", "CommitEvent", "OnDeposit", "AnswerTransfer", "AnswerBalance"):
        assert found.actions[action] == whole.actions[action], action


# -- tampered with -----------------------------------------------------------------------------------------------------


def letters(recordings: Recordings, groups: str, field: str, **said: object) -> Iterator[tuple[str, int, Line]]:
    """The letters that some groups have heard, or spoken, and that say this: server, place of the line, letter."""
    for node, lines in recordings.items():
        for index, line in enumerate(lines) if node[0] in groups else ():
            for letter in line.get(field, ()):
                if all(letter.get(key) == value for key, value in said.items()):
                    yield node, index, letter


def appended(recordings: Recordings, node: str, was: str, transfer: object) -> int:
    """The place of the line with which a server appends this."""
    for index, line in enumerate(recordings[node]):
        for row in line.get("wrote", ()):
            for event in row[3] or ():
                about = event.get("transfer")
                if event["was"] == was and (about["id"] if isinstance(about, dict) else about) == transfer:
                    return index
    return len(recordings[node])


def said_too_early(recordings: Recordings, groups: str, was: str, **said: object) -> tuple[str, int]:
    """What a leader says of an entry it says already when it appends it."""
    for node, index, letter in letters(recordings, groups, "spoke", **said):
        early = appended(recordings, node, was, letter["transfer"])
        if early < index:
            line = recordings[node][early]
            line["spoke"] = [*line.get("spoke", ()), letter]
            return node, early
    raise AssertionError("nobody says so")


def voted_too_early(recordings: Recordings) -> tuple[str, int]:
    """A shard promises before it is committed that it has prepared."""
    return said_too_early(recordings, "ab", "staged", f="vote", vote="yes")


def decided_too_early(recordings: Recordings) -> tuple[str, int]:
    """The coordinator tells how a transfer is decided before the decision is committed."""
    return said_too_early(recordings, "c", "decided", f="decision", commit=True)


def asked_too_early(recordings: Recordings) -> tuple[str, int]:
    """The coordinator asks for a promise before it is committed that the transfer has begun."""
    node, _, letter = next(letters(recordings, "c", "spoke", f="prepare"))
    early = appended(recordings, node, "begun", letter["transfer"]["id"])
    recordings[node][early]["spoke"] = [letter]
    return node, early


def acknowledged_too_early(recordings: Recordings) -> tuple[str, int]:
    """A shard has promised to commit, and says that it has nothing left to do."""
    node, index, letter = next(letters(recordings, "ab", "spoke", f="vote", vote="yes"))
    line = recordings[node][index]
    line["spoke"] = [*line["spoke"], {"f": "acknowledgement", "transfer": letter["transfer"], "shard": node[0]}]
    return node, index


def voted_otherwise(recordings: Recordings) -> tuple[str, int]:
    """A shard that could not commit says that it will."""
    node, index, letter = next(letters(recordings, "ab", "spoke", f="vote", vote="conflict"))
    letter["vote"] = "yes"
    return node, index


def decided_otherwise(recordings: Recordings) -> tuple[str, int]:
    """The coordinator tells one shard something else than it has decided."""
    node, index, letter = next(letters(recordings, "c", "spoke", f="decision", commit=True))
    letter["commit"] = False
    return node, index


def said_for_another(recordings: Recordings) -> tuple[str, int]:
    """A shard votes in the name of another."""
    node, index, letter = next(letters(recordings, "ab", "spoke", f="vote"))
    letter["shard"] = "b" if node[0] == "a" else "a"
    return node, index


def another_amount(recordings: Recordings) -> tuple[str, int]:
    """The coordinator asks for something else than what has begun."""
    node, index, letter = next(letters(recordings, "c", "spoke", f="prepare"))
    letter["transfer"] = {**letter["transfer"], "amount": letter["transfer"]["amount"] + 1}
    return node, index


SAID: Final[tuple[tuple[Callable[[Recordings], tuple[str, int]], str, str], ...]] = (
    (voted_too_early, "SpeakShard", "leads elsewhere: network"),
    (decided_too_early, "Speak()", "leads elsewhere: network"),
    (asked_too_early, "Speak()", "leads elsewhere: network"),
    (acknowledged_too_early, "SpeakShard", "leads elsewhere: network"),
    (voted_otherwise, "SpeakShard", "leads elsewhere: network"),
    (decided_otherwise, "Speak()", "leads elsewhere: network"),
    (said_for_another, "", "for another group"),
    (another_amount, "", "has begun as"),
)


@pytest.mark.parametrize(("tamper", "action", "reason"), SAID, ids=lambda each: getattr(each, "__name__", None))
def test_what_must_not_be_said_is_rejected_where_it_is_said(
    tamper: Callable[[Recordings], tuple[str, int]], action: str, reason: str, recorded: Recordings, tmp_path: Path
) -> None:
    tampered = copy.deepcopy(recorded)
    node, index = tamper(tampered)
    found = rejected(judged(tampered, tmp_path))
    assert (found.path.stem, found.line) == (node, index + 1), "\n".join(found.text())
    assert action in found.action
    assert reason in found.reason
    if action:
        assert found.conjuncts[0].startswith("ReplicatedTwoPhaseCommit.tla:")
        assert [each.what for each in found.differences] == ["network"]


def rejected(found: Validated) -> Rejection:
    """Why recordings are rejected, which they are."""
    assert found.rejection is not None
    return found.rejection


@pytest.mark.parametrize(("kind", "groups"), [("vote", "c"), ("prepare", "ab"), ("decision", "ab")])
def test_a_letter_from_nowhere_is_rejected_where_it_is_heard(
    kind: str, groups: str, recorded: Recordings, tmp_path: Path
) -> None:
    tampered = copy.deepcopy(recorded)
    node, index, letter = next(letters(tampered, groups, "heard", f=kind))
    for _, _, spoken in letters(tampered, "abc", "spoke", f=kind, shard=letter["shard"], transfer=letter["transfer"]):
        spoken["f"] = "over"
        spoken.update(number=0)
        for key in spoken.keys() - {"f", "shard", "number"}:
            del spoken[key]
    found = rejected(judged(tampered, tmp_path))
    assert (found.path.stem, found.line) == (node, index + 1), "\n".join(found.text())
    assert kind in found.action
    assert "nobody is recorded to have sent" in found.reason


def test_a_vote_that_was_changed_on_its_way_is_rejected(recorded: Recordings, tmp_path: Path) -> None:
    tampered = copy.deepcopy(recorded)
    node, index, letter = next(letters(tampered, "c", "heard", f="vote", vote="conflict"))
    letter["vote"] = "yes"
    found = rejected(judged(tampered, tmp_path))
    assert (found.path.stem, found.line) == (node, index + 1), "\n".join(found.text())
    assert f"vote {letter['transfer']} {letter['shard']} conflict" in found.nearest


def another_outcome(recordings: Recordings) -> None:
    """A transfer is committed although a shard has voted against it."""
    event = next(each for each in rows(recordings, "c", "decided") if each["outcome"] == "refused")
    event["outcome"] = "committed"


def a_vote_less(recordings: Recordings) -> None:
    """A transfer is committed, and its coordinator has heard one promise only."""
    number = next(each for each in rows(recordings, "c", "decided") if each["outcome"] == "committed")["transfer"]
    for line in (line for lines in recordings.values() for line in lines if "heard" in line):
        line["heard"] = [
            each for each in line["heard"] if (each["f"], each.get("transfer"), each["shard"]) != ("vote", number, "b")
        ]


def another_end(recordings: Recordings) -> None:
    """A shard aborts what is committed."""
    next(each for each in rows(recordings, "ab", "ended") if each["stage"] == "committed")["stage"] = "aborted"


def unasked(recordings: Recordings) -> None:
    """A shard ends a transfer, and nobody has told its leader how."""
    number = next(each for each in rows(recordings, "ab", "ended"))["transfer"]
    for line in (line for lines in recordings.values() for line in lines if "heard" in line):
        line["heard"] = [each for each in line["heard"] if (each["f"], each.get("transfer")) != ("decision", number)]


def promised_all_the_same(recordings: Recordings) -> None:
    """A shard prepares what its account does not hold."""
    event = next(each for each in rows(recordings, "ab", "staged") if each["stage"] != "prepared")
    event["stage"] = "prepared"


COMMITTED: Final[tuple[tuple[Callable[[Recordings], None], str, str], ...]] = (
    (another_outcome, "OnVote", "coordinatorSuffix"),
    (a_vote_less, "OnVote", "coordinatorSuffix"),
    (another_end, "OnDecision", "suffix"),
    (unasked, "", "heard no letter"),
    (promised_all_the_same, "OnPrepare", "suffix"),
)


@pytest.mark.parametrize(("tamper", "action", "differs"), COMMITTED, ids=lambda each: getattr(each, "__name__", None))
def test_what_must_not_be_committed_is_rejected(
    tamper: Callable[[Recordings], None], action: str, differs: str, recorded: Recordings, tmp_path: Path
) -> None:
    tampered = copy.deepcopy(recorded)
    tamper(tampered)
    found = rejected(judged(tampered, tmp_path))
    assert action in found.action, "\n".join(found.text())
    assert differs in found.reason
    if action:
        assert found.conjuncts
        assert found.differences
        assert "applied" in tampered[found.path.stem][found.line - 1]


# -- groups that do what they must not ---------------------------------------------------------------------------------

TRUE: Final[dict[str, Any]] = {
    "count_vote": coordinator.count_vote,
    "decide_decision": participant.decide_decision,
    "letters": wire.letters,
}


def every_vote_is_for_it(tally: Any, draft: Any, vote: Any) -> Any:
    """The coordinator does not look at what a vote says."""
    return TRUE["count_vote"](tally, draft, replace(vote, vote=YES))


def applied_twice(state: Any, decision: Any) -> Any:
    """A shard books a decision as often as it is told."""
    if decision.commit and state.stage.get(decision.transfer, "") == "committed":
        return (Ended(decision.transfer, "committed"),)
    return TRUE["decide_decision"](state, decision)


def applied_otherwise(state: Any, decision: Any) -> Any:
    """A shard aborts whatever it is told."""
    return TRUE["decide_decision"](state, replace(decision, commit=False))


def from_nowhere(body: Any) -> Any:
    """On its way every vote becomes one for it."""
    said = TRUE["letters"](body)
    return [replace(each, vote=YES) if isinstance(each, Vote) else each for each in said]


VOTES_FOR_EVERYTHING: Final = dict.fromkeys(participant.VOTES, YES)
"""A shard says that it is ready to commit, prepared or not."""

SAYS_WHAT_IS_APPENDED: Final = property(lambda server: server.draft if server.leads else server.node.gate.table.state)
"""A leader says what it has appended, as if that were committed."""


@pytest.mark.parametrize(
    ("where", "name", "wrong", "action"),
    [
        (participant, "VOTES", VOTES_FOR_EVERYTHING, "SpeakShard"),
        (coordinator, "count_vote", every_vote_is_for_it, "OnVote"),
        (participant, "decide_decision", applied_otherwise, "OnDecision"),
        (Server, "committed", SAYS_WHAT_IS_APPENDED, "Speak"),
        (wire, "letters", from_nowhere, "vote"),
    ],
    ids=["votes unprepared", "votes unread", "applied otherwise", "said too early", "from nowhere"],
)
def test_groups_that_are_wrong_give_themselves_away(
    where: Any, name: str, wrong: Any, action: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They write down the truth."""
    monkeypatch.setattr(where, name, wrong)
    found = give_themselves_away(tmp_path)
    assert action in found.action, "\n".join(found.text())
    assert found.conjuncts or "nobody is recorded to have sent" in found.reason


def give_themselves_away(folder: Path) -> Rejection:
    """What is said of groups that are wrong."""
    for seed in range(21, 33):
        found = judged(transferred(folder / f"run{seed}", seed), folder / str(seed)).rejection
        if found is not None:
            return found
    raise AssertionError("no recording gives it away")


def test_a_decision_that_is_applied_twice_gives_itself_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A shard takes the letter with the decision twice, which is no harm by itself."""
    hear = Serving.hear

    def hear_twice(serving: Any, server: Any, taken: Any) -> Any:
        decisions = [each for each in taken if isinstance(each, Decision)]
        doubtful = [each for each in decisions if server.draft.part.stage.get(each.transfer, "") == "prepared"]
        return hear(serving, server, [*taken, *doubtful])

    monkeypatch.setattr(Serving, "hear", hear_twice)
    twice = judged(transferred(tmp_path / "run", 26), tmp_path / "recordings")
    assert twice.rejection is None, "\n".join(twice.rejection.text())
    monkeypatch.setattr(participant, "decide_decision", applied_twice)
    found = give_themselves_away(tmp_path)
    assert "OnDecision" in found.action, "\n".join(found.text())
    assert [each.what for each in found.differences] == [f"suffix.{found.path.stem[0]}"]
