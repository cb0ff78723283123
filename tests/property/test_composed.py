"""The whole system: walks through it hold what is claimed, every kind of fault happens, and what is wrong is found."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test
from msgspec.structs import replace

from quorumlog.core import consistent_read, read_model
from quorumlog.core.two_phase_commit import coordinator, participant
from quorumlog.core.two_phase_commit.messages import Decision, Prepare, Transfer
from quorumlog.core.two_phase_commit.participant import PREPARED, ShardState, Staged
from quorumlog.ledger import commands
from quorumlog.sharding.clients import Operation
from quorumlog.simulation.composed import reading
from quorumlog.simulation.composed.claims import Claims
from quorumlog.simulation.composed.committing import Committing
from quorumlog.simulation.composed.confirming import Confirming
from quorumlog.simulation.composed.consensus import Taken, taken
from quorumlog.simulation.composed.copying import Copying
from quorumlog.simulation.composed.moves import KINDS, RATES, Kind, Move, take
from quorumlog.simulation.composed.scripts import script
from quorumlog.simulation.composed.speaking import Gates
from quorumlog.simulation.composed.walks import Walk, fresh, opening, replay, shortest, walk
from quorumlog_bindings.composed import MODULES, SEEDS, Hearing, Judges, kill, walked
from quorumlog_bindings.composed_specs import STEPPED
from tlastep.check.models import find_project

WALKS: Final = 20
PROJECT: Final = find_project(Path(__file__).parent)


@pytest.fixture(scope="module")
def walks() -> list[Walk]:
    return [walk(seed, Claims()) for seed in range(WALKS)]


def test_nothing_is_wrong_and_every_kind_of_move_is_taken(walks: list[Walk]) -> None:
    assert [found.wrong for found in walks] == [None] * WALKS
    taken = sum([found.taken for found in walks], Counter[str]())
    assert [kind.move for kind in KINDS.values() if not taken[kind.move]] == []


def test_clients_get_answers(walks: list[Walk]) -> None:
    ended = Counter((line.f, line.type) for found in walks for line in found.last.history)
    assert min(ended[f, "ok"] for f in ("deposit", "transfer", "balance", "total")) > 0
    assert ended["transfer", "info"] + ended["transfer", "fail"] > 0


def test_a_seed_is_a_walk_and_a_walk_is_its_moves() -> None:
    found = walk(3, Claims(), 300)
    again = replay(found.moves, Claims())
    assert again.moves == found.moves
    assert again.last.history == found.last.history


def test_a_seed_is_the_same_walk_in_every_process() -> None:
    ran = {
        subprocess.run(
            [sys.executable, "-c", PRINTED], env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, check=True
        ).stdout
        for seed in ("1", "2")
    }
    assert len(ran) == 1
    assert b"on_letter" in ran.pop()


PRINTED: Final = """
from quorumlog.simulation.composed.claims import Claims
from quorumlog.simulation.composed.consensus import Taken
from quorumlog.simulation.composed.walks import walk
for move in walk(11, Claims()).moves:
    print(move.name, sorted(map(str, move.arguments)))
"""


def test_every_step_is_one_of_the_spec_and_the_history_is_linearizable() -> None:
    judges = Judges(PROJECT)
    assert [judges.walk(seed).wrong for seed in (1, 3, 5)] == [None] * 3
    for module, actions in TAKEN.items():
        found = judges.coverage(module).actions
        assert [name for name in actions if not found.get(name)] == [], module


TAKEN: Final = {
    "Replication": ("Timeout", "Sync", "Propose", "OnAppendReply"),
    "LeaderOutput": ("Lead", "Copy", "OnRequest", "Decide", "Commit", "Send"),
    "ConsistentRead": ("CallWrite", "Commit", "ReadByIndex", "Ask", "Confirm", "OnReply"),
    "ReadModel": ("Request", "OnAsk", "OnNews", "Switch", "Tick", "Query"),
    "ReplicatedTwoPhaseCommit": ("Call", "OnTransfer", "OnPrepare", "OnVote", "CommitDecision", "CommitEvent"),
}
"""Some actions that even three walks take of each spec."""


@pytest.mark.parametrize(
    ("module", "teller", "action"),
    [
        ("LeaderOutput", Gates, "Decide"),
        ("ConsistentRead", Confirming, "CallWrite"),
        ("ReadModel", Copying, "OnAsk"),
        ("ReplicatedTwoPhaseCommit", Committing, "Speak"),
    ],
)
def test_a_step_that_is_not_told_is_missed(
    module: str, teller: Any, action: str, told_walk: list[Taken], monkeypatch: pytest.MonkeyPatch
) -> None:
    told = teller.steps

    def skips(self: Any, each: Taken) -> Any:
        return [step for step in told(self, each) if step[0] != action]

    monkeypatch.setattr(teller, "steps", skips)
    assert next(Judges(PROJECT).wrong(told_walk)).startswith(f"{module}: step ")


@pytest.fixture(scope="module")
def told_walk() -> list[Taken]:
    """A walk with the states between its moves."""
    return list(taken(fresh(), walk(5, Claims()).moves))


@pytest.fixture(scope="module")
def exchange_in_doubt() -> list[Taken]:
    """A transfer is prepared beside an exchange that brings less than it takes, and is in doubt.

    There are 3 on y, and 4 are to leave it. Here 0 may come, so that is refused; to the spec 1 may come: a conflict.
    """
    system, moves = fresh(), list[Taken]()

    def go(name: str, *arguments: Any) -> None:
        nonlocal system
        after = take(system, Move(name, arguments))
        if after is not None and after != system:
            moves.append(Taken(Move(name, arguments), system, after))
            system = after

    for move in opening():
        go(move.name, *move.arguments)
    for client, command in ("k1", commands.Exchange("z", "y", 1)), ("k2", commands.Transfer("y", "z", 4)):
        go("invoke", client, Operation(f"o{client}", command, "log"))
        go("send", client, "c")
        go("on_request", "c1", system.requests[-1], min(RATES))
    for kind in ("sync", "replicate", "deliver") * 3:
        for arguments in list(KINDS[kind].offers(system)):
            go(kind, *arguments)
    go("speak", "c", "c1")
    prepares = [letter for letter in system.letters if isinstance(letter, Prepare) and letter.shard == "s2"]
    for prepare in sorted(prepares, key=lambda letter: letter.transfer.id):
        go("on_letter", "s21", prepare)
    return moves


def test_where_the_spec_has_no_words_the_telling_ends_and_what_came_before_is_judged(
    exchange_in_doubt: list[Taken], monkeypatch: pytest.MonkeyPatch
) -> None:
    spec, judges = STEPPED["ReplicatedTwoPhaseCommit"], Judges(PROJECT)

    def wrong() -> str | None:
        return next(Hearing(judges, spec, exchange_in_doubt).hear(exchange_in_doubt, last=True), None)

    assert wrong() is None
    assert judges.untold == {spec.module: 1}
    told = Committing.steps
    monkeypatch.setattr(Committing, "steps", lambda *arguments: [s for s in told(*arguments) if s[0] != "Speak"])
    assert str(wrong()).startswith(f"{spec.module}: step ")
    monkeypatch.undo()
    monkeypatch.setattr(Committing, "_hinges_on_exchange", lambda *arguments: False)
    assert "what s21 has appended is" in str(wrong())


# Each is one thing that the code does and its spec does not; no claim sees it, nor do clients.


def asks_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """A leader's question stays open after a quorum has confirmed, and the round is counted up."""
    told = consistent_read.counted

    def counted(asked: Any, servers: Any, commit_index: int) -> Any:
        after, effects = told(asked, servers, commit_index)
        return (after.change(round=after.round + 1) if effects else after), effects

    monkeypatch.setattr(consistent_read, "counted", counted)


def knows_more_than_it_was_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """A read model takes the end of what its source knows for the end of its own copy."""
    told = read_model.on_news

    def on_news(model: Any, folds: Any, news: Any) -> Any:
        return told(model, folds, replace(news, end=0))

    monkeypatch.setattr(reading, "on_news", on_news)


def remembers_votes(monkeypatch: pytest.MonkeyPatch) -> None:
    """The coordinator's leader keeps the votes for a transfer that it has decided."""
    monkeypatch.setattr(
        coordinator, "settle", lambda tally, transfer, ended: (tally, coordinator.Settle(transfer, ended))
    )


@pytest.mark.parametrize(
    ("module", "plant"),
    [
        ("ConsistentRead", asks_twice),
        ("ReadModel", knows_more_than_it_was_told),
        ("ReplicatedTwoPhaseCommit", remembers_votes),
    ],
)
def test_only_its_spec_sees_it(module: str, plant: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plant(monkeypatch)
    judges = Judges(PROJECT)
    wrong = next(wrong for wrong in (judges.walk(seed).wrong for seed in range(12)) if wrong)
    assert wrong.startswith(f"{module}: ")
    assert all(walk(seed, Claims()).wrong is None for seed in range(4))


def test_the_walks_of_the_specs_are_different_ones() -> None:
    seeds = [seed for each in SEEDS.values() for seed in each]
    assert len(set(seeds)) == len(seeds)
    assert SEEDS.keys() == MODULES


# -- what is wrong is found ----------------------------------------------------------------------------------


@pytest.fixture
def prepares_again(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A shard that reserves the money once more whenever it is asked to prepare."""

    def prepare(state: ShardState, transfer: Transfer) -> tuple[Staged, ...]:
        return (Staged(transfer, PREPARED),)

    monkeypatch.setattr(participant, "decide_prepare", prepare)
    yield
    walked.cache_clear()  # what such code did is not to be taken for what the real one does


@pytest.mark.usefixtures("prepares_again")
def test_a_planted_bug_is_found_and_shrinks_to_a_script_that_reproduces_it(tmp_path: Path) -> None:
    found = next(each for each in (walk(seed, Claims()) for seed in range(40)) if each.wrong)
    assert found.wrong is not None
    least = shortest(found.moves, Claims)
    assert least.wrong is not None
    assert least.wrong.partition(":")[0] == found.wrong.partition(":")[0]
    assert len(least.moves) < len(found.moves) / 2
    path = tmp_path / "script.py"
    path.write_text(PLANTED + script(least.moves), encoding="utf-8")
    ran = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == least.wrong
    path.write_text(script(least.moves), encoding="utf-8")
    ran = subprocess.run([sys.executable, path], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "None", "without the bug nothing is wrong"


PLANTED: Final = """from quorumlog.core.two_phase_commit import participant
participant.decide_prepare = lambda state, transfer: (participant.Staged(transfer, participant.PREPARED),)
"""


@pytest.mark.usefixtures("prepares_again")
def test_it_kills_as_a_layer() -> None:
    killer = kill(PROJECT, "ReplicatedTwoPhaseCommit")
    assert killer is not None
    assert killer.layer == "composed"
    assert killer.depth > 100


def test_a_decision_that_is_spoken_before_it_is_decided_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    told = coordinator.messages

    def early(decisions: Any, tally: Any) -> Iterator[Any]:
        for message in told(decisions, tally):
            yield message
            if isinstance(message, Prepare):
                yield Decision(message.transfer.id, message.shard, True)

    monkeypatch.setattr(coordinator, "messages", early)
    found = next(each for each in (walk(seed, Claims()) for seed in range(20)) if each.wrong)
    assert found.wrong is not None
    assert found.wrong.startswith("SaidIsDecided")


# -- driven by Hypothesis ------------------------------------------------------------------------------------


def rules() -> dict[str, Any]:
    """A rule for each kind of move: any of what is on offer."""

    def rule_of(name: str, kind: Kind) -> Any:
        def move(self: Any, data: st.DataObject) -> None:
            offers = list(kind.offers(self.system))
            self.take(Move(kind.move, offers[data.draw(st.integers(0, len(offers) - 1), label=name)]))

        on_offer = precondition(lambda self: next(iter(kind.offers(self.system)), None) is not None)
        return on_offer(rule(data=st.data())(move))

    return {name: rule_of(name, kind) for name, kind in KINDS.items()}


class Driven(RuleBasedStateMachine):
    """The whole system after an election in each group, with one rule a kind of move."""

    def __init__(self) -> None:
        super().__init__()
        self.claims = Claims()
        self.system = fresh()
        for move in opening():
            self.take(move)

    def take(self, move: Move) -> None:
        after = take(self.system, move)
        if after is not None:
            assert self.claims(move, self.system, after) is None, f"after {move}"
            self.system = after


Machine: Final = type("Machine", (Driven,), rules())


def test_hypothesis_drives_it() -> None:
    run_state_machine_as_test(
        Machine,
        settings=settings(
            max_examples=25,
            stateful_step_count=60,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
