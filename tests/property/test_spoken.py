"""Recordings of whole nodes are behaviours of LeaderOutput, over reigns; what gates must not do gives itself away."""

from __future__ import annotations

import copy
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest
from msgspec.structs import replace
from tests.property.speaking_group import Recordings, spoken
from tests.property.tampered import write
from tests.property.test_recordings import project

from quorumlog.core.leader_output import Append, Gate, LeaderOutput, Say
from quorumlog.persistent.hash_map import HashMap
from quorumlog_bindings.leader_output import leader_output
from quorumlog_bindings.replication import replication
from tlastep.check.recording import Validated, validate_files


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Recordings]:
    """A few runs."""
    return [spoken(seed, tmp_path_factory.mktemp(f"run{seed}")).recordings() for seed in range(2)]


def judged(recordings: Recordings, folder: Path) -> Validated:
    """What LeaderOutput says of recordings."""
    return validate_files(project(), leader_output, write(recordings, folder))


def test_what_gates_do_over_reigns_is_a_behaviour(recorded: list[Recordings], tmp_path: Path) -> None:
    actions: Counter[str] = Counter()
    for number, recordings in enumerate(recorded):
        found = judged(recordings, tmp_path / str(number))
        assert found.rejection is None, "\n".join(found.rejection.text())
        assert found.lines == sum(map(len, recordings.values()))
        actions += found.actions
    assert min(actions[each] for each in ("Lead", "StepDown", "Follow", "Copy", "Decide", "Crash")) > 3
    assert min(actions[each] for each in ("OnRequest", "Commit")) > 100
    said = [line for recordings in recorded for lines in recordings.values() for line in lines if "said" in line]
    assert len(said) > 15
    assert {line["do"] for line in said} >= {"Ask", "Take"}


def test_consensus_below_is_judged_of_the_same_lines(recorded: list[Recordings], tmp_path: Path) -> None:
    found = validate_files(project(), replication, write(recorded[0], tmp_path))
    assert found.rejection is None, "\n".join(found.rejection.text())


# -- recordings that were tampered with ------------------------------------------------------------------------------


def lines_with(recordings: Recordings, field: str) -> list[tuple[str, int]]:
    """The lines that say something."""
    return [(node, index) for node, lines in recordings.items() for index, line in enumerate(lines) if field in line]


def other(value: Any) -> Any:
    """Another value of the same kind."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case None:
            return 1
        case "s0":
            return "s1"
    return "s0"


def alter(recordings: Recordings, dice: Random, field: str, *path: int) -> None:
    """One value in one line becomes another."""
    node, index = dice.choice(lines_with(recordings, field))
    line = recordings[node][index]
    if not path:
        line[field] = other(line[field])
        return
    row = dice.choice(line[field])
    place = dice.choice(path)
    row[place] = other(row[place])


def drop(recordings: Recordings, dice: Random, field: str) -> None:
    """One line says less."""
    node, index = dice.choice(lines_with(recordings, field))
    del recordings[node][index][field]


def hasten(recordings: Recordings, dice: Random) -> None:
    """What was said when a command was decided was said when it was proposed."""
    proposed = lines_with(recordings, "wrote")
    pairs = [
        (node, one, other)
        for node, other in lines_with(recordings, "said")
        for proposer, one in proposed
        if proposer == node and one < other
        if {tuple(each[1:3]) for each in recordings[node][other]["said"]}
        & {tuple(each[:2]) for each in recordings[node][one]["wrote"]}
    ]
    node, one, later = dice.choice(pairs)
    lines = recordings[node]
    lines[one]["said"] = [*lines[one].get("said", []), *lines[later].pop("said")]


def repeat(recordings: Recordings, dice: Random) -> None:
    """An answer is another one when it is given again."""
    given: dict[tuple[str, int], list[list[Any]]] = {}
    for node, index in lines_with(recordings, "said"):
        for row in recordings[node][index]["said"]:
            given.setdefault((row[1], row[2]), []).append(row)
    row = dice.choice([rows[-1] for rows in given.values() if len(rows) > 1])
    row[4] = other(row[4])


def invent(recordings: Recordings, dice: Random) -> None:
    """Somebody who leads no more answers, from what he knows."""
    node, index = dice.choice(lines_with(recordings, "said"))
    answer = recordings[node][index]["said"][0]
    places = [place for place, line in enumerate(recordings[node]) if line.get("leads") is False]
    after = dice.choice([place for place in places if place > index])
    line = {"n": 0, "i": 0, "do": "Ask", "asked": [[1, *answer[1:3], 0, None]], "said": [[1, *answer[1:]]]}
    recordings[node].insert(after + 1, line)


TAMPERED: Final[dict[str, Callable[[Recordings, Random], None]]] = {
    "an answer": lambda recordings, dice: alter(recordings, dice, "said", 0, 1, 2, 3),
    "an answer that is given again": repeat,
    "no answer": lambda recordings, dice: drop(recordings, dice, "said"),
    "an answer too early": hasten,
    "an answer of a follower": invent,
    "what was written": lambda recordings, dice: alter(recordings, dice, "wrote", 0, 1, 2),
    "nothing of what was written": lambda recordings, dice: drop(recordings, dice, "wrote"),
    "how many wait": lambda recordings, dice: alter(recordings, dice, "waits"),
    "who leads": lambda recordings, dice: alter(recordings, dice, "leads"),
    "not who leads": lambda recordings, dice: drop(recordings, dice, "leads"),
}


@pytest.mark.parametrize("kind", TAMPERED)
def test_what_was_tampered_with_is_rejected(kind: str, recorded: list[Recordings], tmp_path: Path) -> None:
    for seed in range(1):
        dice = Random(f"{kind} {seed}")
        while True:
            tampered = copy.deepcopy(dice.choice(recorded))
            try:
                TAMPERED[kind](tampered, dice)
                break
            except IndexError:
                continue  # nothing of that kind has happened there
        found = judged(tampered, tmp_path / str(seed))
        assert found.rejection is not None, f"{kind}, seed {seed}"


def test_what_clients_call_received_was_given(recorded: list[Recordings], tmp_path: Path) -> None:
    """Else a gate would forget an answer that nobody has."""
    tampered = copy.deepcopy(recorded[0])
    for lines in tampered.values():
        for line in lines:
            line.pop("said", None)
    found = judged(tampered, tmp_path)
    assert found.rejection is not None


# -- gates that do what they must not --------------------------------------------------------------------------------


def answers_at_once(rules: Any, gate: Any, asked: Any) -> Any:
    """Whoever asks is told what has been written, and nobody has decided that."""
    after, wanted = TRUE["on_requests"](rules, gate, asked)
    said = []
    for each in wanted:
        if isinstance(each, Append):
            for by, request, _ in asked:
                if (answer := after.draft.session(request.session).remembered(request.number)) is not None:
                    said.append(Say(by, request.session, request.number, answer))
    return after, (*said, *wanted)


def answers_always(rules: Any, gate: Any, asked: Any) -> Any:
    """A gate that does not lead answers what it knows."""
    if gate.leads:
        return TRUE["on_requests"](rules, gate, asked)
    known = [(by, each, gate.table.session(each.session).remembered(each.number)) for by, each, _ in asked]
    return gate, tuple(Say(by, each.session, each.number, answer) for by, each, answer in known if answer is not None)


def forgets_who_asked(rules: Any, gate: Gate[Any, Any, Any], rest: Any) -> Any:
    """Whoever begins to lead does not know what was executed."""
    return TRUE["lead"](rules, replace(gate, table=replace(gate.table, sessions=HashMap())), rest)


def goes_on(rules: Any, gate: Gate[Any, Any, Any]) -> Any:
    """Whoever leads no more goes on as if it did."""
    return gate


TRUE: Final[dict[str, Any]] = {name: getattr(LeaderOutput, name) for name in ("on_requests", "lead", "step_down")}


@pytest.mark.parametrize(
    ("name", "wrong"),
    [
        ("on_requests", answers_at_once),
        ("on_requests", answers_always),
        ("lead", forgets_who_asked),
        ("step_down", goes_on),
    ],
    ids=["answer before commit", "follower answers", "deduplication lost", "no resignation"],
)
def test_gates_that_are_wrong_give_themselves_away(
    name: str, wrong: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They write down the truth, and consensus below does what it should."""
    monkeypatch.setattr(LeaderOutput, name, wrong)
    for seed in range(6):
        recordings = spoken(seed, tmp_path / f"run{seed}", 600).recordings()
        found = judged(recordings, tmp_path / str(seed))
        if found.rejection is not None:
            below = validate_files(project(), replication, write(recordings, tmp_path / "below"))
            assert below.rejection is None
            return
    raise AssertionError("no recording gives it away")
