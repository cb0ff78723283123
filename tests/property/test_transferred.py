"""Recordings of all groups of a ledger on shards are told as ShardedLedger; what must not be gives itself away."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.property.tampered import Recordings, write
from tests.property.test_recordings import project

from quorumlog.core.two_phase_commit import coordinator, participant
from quorumlog.core.two_phase_commit.coordinator import settle
from quorumlog.core.two_phase_commit.participant import Staged
from quorumlog.ledger.sharded_ledger import ShardedLedger
from quorumlog.virtual.run import VirtualRun, Wanted
from quorumlog_bindings.leader_output import leader_output
from quorumlog_bindings.recorded_sharded_ledger import ShardedLedgerRecording
from quorumlog_bindings.sharded_ledger import sharded_ledger
from tlastep.check.recording import Validated, validate_files

SHARD_ENTRY: Final = ("staged", "ended", "closed")


def transferred(folder: Path, seed: int, seconds: float = 2.0) -> Recordings:
    """What two shards and their coordinator write down in virtual time, under faults."""
    VirtualRun(Wanted(seconds, seed=seed, faults=True, folder=folder, workers=8)).run(judge=False)
    paths = sorted((folder / "recordings").glob("*.ndjson"))
    return {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in paths}


def judged(recordings: Recordings, folder: Path) -> Validated:
    """What ShardedLedger says of all of them."""
    return validate_files(project(), sharded_ledger, write(recordings, folder))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Recordings:
    """One run."""
    return transferred(tmp_path_factory.mktemp("transferred"), 21, seconds=3.0)


def test_what_all_groups_do_is_a_behaviour(recorded: Recordings, tmp_path: Path) -> None:
    found = judged(recorded, tmp_path)
    assert found.rejection is None, "\n".join(found.rejection.text())
    assert found.notes == []
    assert min(found.actions[each] for each in ("Begin", "OnPrepare", "OnDecision", "OnCommand", "Answer")) > 5
    assert min(found.actions[each] for each in ("CountVotes", "Close", "OnOver")) > 0


def rows(recordings: Recordings, groups: str, *was: str) -> list[dict[str, Any]]:
    """The events of this kind that some groups wrote down."""
    return [
        event
        for node, lines in recordings.items()
        if node[0] in groups
        for line in lines
        for row in line.get("wrote", ())
        for event in row[3] or ()
        if event["was"] in was
    ]


def another_amount(recordings: Recordings, dice: Random) -> None:
    """A shard books something else than the coordinator has."""
    dice.choice(rows(recordings, "ab", "staged"))["transfer"]["amount"] += 1


def another_stage(recordings: Recordings, dice: Random) -> None:
    """A shard that could not commit has promised to."""
    event = dice.choice([each for each in rows(recordings, "ab", "staged") if each["stage"] != "prepared"])
    event["stage"] = "prepared"


def another_outcome(recordings: Recordings, dice: Random) -> None:
    """A transfer that not all have promised is committed."""
    event = dice.choice([each for each in rows(recordings, "c", "decided") if each["outcome"] != "committed"])
    event["outcome"] = "committed"


def another_ending(recordings: Recordings, dice: Random) -> None:
    """One shard aborts what is committed."""
    event = dice.choice([each for each in rows(recordings, "ab", "ended") if each["stage"] == "committed"])
    event["stage"] = "aborted"


def another_deposit(recordings: Recordings, dice: Random) -> None:
    """More has come than everybody else knows: somebody reads a balance later."""
    rows(recordings, "ab", "deposited")[0]["amount"] += 1000


def another_answer(recordings: Recordings, dice: Random) -> None:
    """A client is told something else."""
    said = [row for lines in recordings.values() for line in lines for row in line.get("said", ()) if row[4]]
    dice.choice(said)[4] += 1


def over_too_early(recordings: Recordings, dice: Random) -> None:
    """Transfers count as over that nobody has begun."""
    rows(recordings, "c", "closed")[0]["number"] += 1000


def nothing_begins(recordings: Recordings, dice: Random) -> None:
    """A shard prepares what nobody has begun."""
    dice.choice(rows(recordings, "ab", "staged"))["transfer"]["id"] = "4711"


TAMPERED: Final[tuple[Callable[[Recordings, Random], None], ...]] = (
    *(another_amount, another_stage, another_outcome, another_ending, another_deposit, another_answer),
    *(over_too_early, nothing_begins),
)


@pytest.mark.parametrize("tamper", TAMPERED, ids=lambda tamper: tamper.__name__)
def test_what_was_tampered_with_is_rejected(
    tamper: Callable[[Recordings, Random], None], recorded: Recordings, tmp_path: Path
) -> None:
    tampered = copy.deepcopy(recorded)
    tamper(tampered, Random(tamper.__name__))
    assert judged(tampered, tmp_path).rejection is not None


# -- pieces ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 40, 100_000])
def test_pieces_of_any_size_say_the_same(
    size: int, recorded: Recordings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = judged(recorded, tmp_path / "whole")
    monkeypatch.setattr(ShardedLedgerRecording, "size", size)
    found = judged(recorded, tmp_path / "pieces")
    assert found.rejection is None, "\n".join(found.rejection.text())
    assert (found.lines, found.steps, found.actions) == (whole.lines, whole.steps, whole.actions)


def executed_again(recordings: Recordings) -> None:
    """The last deposit is the first once more."""
    lines = [line for node, own in recordings.items() if node[0] == "a" for line in own]
    wrote = [row for line in lines for row in line.get("wrote", ()) if row[3] and row[3][0]["was"] == "deposited"]
    wrote[-1][:] = wrote[0]


def answered_otherwise(recordings: Recordings) -> None:
    """What was answered long ago is answered again, and not as then."""
    speaks = next(own for own in recordings.values() if any(line.get("said") for line in own))
    said = next(line["said"][0] for line in speaks if line.get("said"))
    last = next(line for line in reversed(speaks) if line["do"] != "start")
    last["said"] = [*last.get("said", []), [*said[:4], 4711]]


@pytest.mark.parametrize(
    ("tamper", "says"),
    [(executed_again, "a second time"), (answered_otherwise, "it was answered with")],
    ids=["executed again", "answered otherwise"],
)
def test_what_the_spec_has_forgotten_is_not_undone(
    tamper: Callable[[Recordings], None],
    says: str,
    recorded: Recordings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(ShardedLedgerRecording, "size", 1)
    tampered = copy.deepcopy(recorded)
    tamper(tampered)
    found = judged(tampered, tmp_path)
    assert found.rejection is not None
    assert says in found.rejection.reason


# -- groups that do what they must not -------------------------------------------------------------------------------


def one_vote_is_enough(tally: Any, draft: Any, vote: Any) -> Any:
    """The coordinator commits as soon as anybody has promised."""
    after, wanted = TRUE["count_vote"](tally, draft, vote)
    if wanted is None and coordinator.is_open(draft, vote.transfer):
        return settle(after, vote.transfer, coordinator.COMMITTED)
    return after, wanted


def promises_everything(state: Any, transfer: Any) -> Any:
    """A shard promises what its account does not hold."""
    decided = TRUE["decide_prepare"](state, transfer)
    return tuple(replace(each, stage="prepared") if isinstance(each, Staged) else each for each in decided)


def spends_what_is_reserved(ledger: Any, state: Any, command: Any, rate: Any) -> Any:
    """Commands are decided on all that an account holds, what is promised to others included."""
    free = state.part.free
    for transfer in state.part.in_doubt:
        if transfer.source in free:
            free = free.set(transfer.source, free[transfer.source] + transfer.amount)
    return TRUE["decide_command"](ledger, replace(state, part=replace(state.part, free=free)), command, rate)


TRUE: Final[dict[str, Any]] = {
    "count_vote": coordinator.count_vote,
    "decide_prepare": participant.decide_prepare,
    "decide_command": ShardedLedger.decide_command,
}


@pytest.mark.parametrize(
    ("where", "name", "wrong"),
    [
        (coordinator, "count_vote", one_vote_is_enough),
        (participant, "decide_prepare", promises_everything),
        (ShardedLedger, "decide_command", spends_what_is_reserved),
    ],
    ids=["one vote is enough", "a shard promises everything", "what is reserved is spent"],
)
def test_groups_that_are_wrong_give_themselves_away(
    where: Any, name: str, wrong: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They write down the truth, and each group by itself does what it should."""
    monkeypatch.setattr(where, name, wrong)
    for seed in range(60, 72):
        recordings = transferred(tmp_path / f"run{seed}", seed)
        if judged(recordings, tmp_path / str(seed)).rejection is not None:
            of_a = {node: lines for node, lines in recordings.items() if node.startswith("a")}
            alone = validate_files(project(), leader_output, write(of_a, tmp_path / "alone"))
            assert alone.rejection is None
            return
    raise AssertionError("no recording gives it away")
