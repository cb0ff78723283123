"""What clients of the demo do, and what they write down, with groups that answer what a test wants them to."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any, cast

import pytest

from quorumlog.core.leader_output import Answered, Request
from quorumlog.demo import workload
from quorumlog.demo.demo import longest
from quorumlog.demo.workload import Clients, History, Workload
from quorumlog.ledger.commands import Balance, Command, Deposit, Total, Transfer
from quorumlog.ledger.placement import Placement
from quorumlog.persistent.frozen_map import FrozenMap
from quorumlog.runtime.session import Unanswered

PLACEMENT = Placement(("a", "b"), FrozenMap({"x": "a", "y": "b"}))


class Group:
    """Answers what it was told to, and remembers what it was asked."""

    def __init__(self, *answers: Any) -> None:
        self.asked: list[tuple[str, Command]] = []
        self.forgotten: list[str] = []
        self._answers = list(answers)

    def _next(self, how: str, command: Command) -> Any:
        self.asked.append((how, command))
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def ask(self, command: Command) -> Any:
        return self._next("log", command)

    async def read(self, command: Command) -> Any:
        return self._next("index", command)

    def forward(self, request: Request[Command]) -> asyncio.Future[Answered[Any]]:
        answer: asyncio.Future[Answered[Any]] = asyncio.get_running_loop().create_future()
        if (said := self._next(request.session, request.command)) != "silence":
            answer.set_result(Answered(1, said))
        return answer

    def forget(self, session: str, number: int) -> None:
        self.forgotten.append(session)


def performed(
    folder: Path, groups: dict[str, Group], *commands: Command, keyed: bool = False
) -> tuple[list[bool], list[dict[str, Any]], History]:
    """Whether a process went on after each command, the lines of the history, and the history."""

    async def story() -> list[bool]:
        load = Workload(cast(Clients, groups), PLACEMENT, history, ("x", "y"))
        return [await load.perform(history.process(), each, keyed=keyed) for each in commands]

    with History(folder / "history.ndjson") as history:
        went_on = asyncio.run(story())
    lines = [json.loads(line) for line in history.file.read_text(encoding="utf-8").splitlines()]
    return went_on, lines, history


def test_an_answer_is_written_down(tmp_path: Path) -> None:
    went_on, lines, history = performed(tmp_path, {"a": Group(True)}, Deposit("x", 5))
    assert went_on == [True]
    assert [(each["type"], each["f"], each["value"], each["process"]) for each in lines] == [
        ("invoke", "deposit", {"account": "x", "amount": 5}, 1),
        ("ok", "deposit", True, 1),
    ]
    assert lines[0]["time"] <= lines[1]["time"]
    assert history.outcomes == {"ok": 1}
    assert [each.how for each in history.operations] == ["ok"]


def test_a_command_with_a_key_has_a_session_of_its_own(tmp_path: Path) -> None:
    group = Group(True)
    performed(tmp_path, {"a": group}, Deposit("x", 5), Deposit("x", 5), keyed=True)
    sessions = [how for how, _ in group.asked]
    assert len(set(sessions)) == 2
    assert group.forgotten == sessions


def test_nobody_answers_and_nobody_knows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "PATIENCE", 0.05)
    group = Group(Unanswered("no"), "silence")
    went_on, lines, history = performed(tmp_path, {"a": group}, Deposit("x", 5))
    assert (went_on, lines[-1]["type"], history.outcomes) == ([False], "info", {"info": 1})
    went_on, lines, _ = performed(tmp_path, {"a": group}, Deposit("x", 5), keyed=True)
    assert (went_on, lines[-1]["type"]) == ([False], "info")
    assert len(group.forgotten) == 1


def test_what_is_in_doubt_is_asked_again_and_then_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workload, "RETRY", 0.0)
    _, lines, _ = performed(tmp_path, {"a": Group(None, None, (7, 1))}, Balance("x"))
    assert (lines[-1]["type"], lines[-1]["value"]) == ("ok", 7)
    never = Group(None)
    went_on, lines, _ = performed(tmp_path, {"a": never}, Balance("x"))
    assert (went_on, lines[-1]["type"], len(never.asked)) == ([True], "fail", workload.TRIES)


def test_a_transfer_between_shards_is_the_coordinators_and_a_total_is_asked_of_all_twice(tmp_path: Path) -> None:
    groups = {"a": Group((3, 1)), "b": Group((4, 1)), "c": Group(True)}
    _, lines, _ = performed(tmp_path, groups, Transfer("x", "y", 1), Total())
    assert [command for _, command in groups["c"].asked] == [Transfer("x", "y", 1)]
    assert [len(groups[each].asked) for each in "ab"] == [2, 2]
    assert [each["value"] for each in lines if each["type"] == "ok"] == [True, 7]


def test_workers_draw_the_same_from_the_same_seed_and_stop(tmp_path: Path) -> None:
    def drawn(seed: int, name: str) -> list[tuple[str, Any]]:
        async def story() -> None:
            load = Workload(cast(Clients, groups), PLACEMENT, history, ("x", "y"))
            working = asyncio.create_task(load.run(1, seed, 0.0))
            while len(history.operations) < 30:
                await asyncio.sleep(0)
            load.stop()
            await working

        groups = {"a": Group((3, 1)), "b": Group((4, 1)), "c": Group(True)}
        with History(tmp_path / name) as history:
            asyncio.run(story())
        lines = map(json.loads, history.file.read_text(encoding="utf-8").splitlines())
        return [(each["f"], each["value"]) for each in lines if each["type"] == "invoke"][:30]

    assert drawn(1, "one") == drawn(1, "again") != drawn(2, "other")


def test_the_longest_time_without_an_answer(tmp_path: Path) -> None:
    with History(tmp_path / "history.ndjson") as history:
        assert longest(history) == 0
        history.operations += [
            workload.Lasted(0, 1_000_000_000, "ok"),
            workload.Lasted(0, 2_000_000_000, "info"),
            workload.Lasted(0, 3_500_000_000, "ok"),
            workload.Lasted(0, 1_500_000_000, "ok"),
        ]
        assert longest(history) == 2.0
