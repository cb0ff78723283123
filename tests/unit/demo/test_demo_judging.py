"""Judges run beside each other, as memory allows, and end when stopped, when it is late, or when one is wrong."""

from __future__ import annotations

import stat
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from quorumlog.demo import judging
from quorumlog.demo.judges import lines_of
from quorumlog.demo.judging import Judge, Judging, Question, Standing, fitting
from quorumlog.demo.show import judging as shown
from quorumlog.demo.verdicts import HOLDS, Verdict

Programs = Callable[[str], None]


@pytest.fixture
def program(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    """Puts a script in the place of `tlastep`."""
    file = tmp_path / "tlastep"

    def written(script: str) -> None:
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(file.stat().st_mode | stat.S_IXUSR)

    monkeypatch.setattr("shutil.which", lambda *_, **__: str(file))
    return written


def test_a_question_has_an_answer_and_says_how_far_it_is(program: Programs) -> None:
    program("echo '7 lines judged' >&2; echo '{\"result\": \"ok\"}'")
    question = Question()
    assert question.ask(["validate"]) == {"result": "ok"}
    assert question.lines == 7


def test_who_says_nothing_is_quoted(program: Programs) -> None:
    program("echo 'a first word' >&2; echo '9 lines judged' >&2; echo 'tlastep: it cannot be read' >&2; exit 2")
    assert Question().ask(["validate"]) == "tlastep: it cannot be read"
    program("exit 3")
    assert Question().ask(["validate"]) == "tlastep validate has ended with status 3"


def test_who_takes_too_long_is_ended_with_all_that_it_has_started(program: Programs, tmp_path: Path) -> None:
    program(f"(sleep 1; touch {tmp_path}/late) & sleep 30")
    begun = time.monotonic()
    assert Question().ask(["validate"], 0.2) == "tlastep validate has not ended within 0 s"
    assert time.monotonic() - begun < 20
    time.sleep(1.2)
    assert not (tmp_path / "late").exists()


def test_who_is_stopped_is_not_asked(program: Programs) -> None:
    program("sleep 30")
    question = Question()
    stopping = threading.Timer(0.2, question.stop)
    stopping.start()
    assert question.ask(["validate"]) == "tlastep validate has ended with status -9"
    assert question.ask(["validate"]) == "it was stopped"
    stopping.join()


def verdict(name: str) -> Verdict:
    """One that holds."""
    return Verdict(name, HOLDS, "")


def test_verdicts_come_in_their_order_and_judges_run_beside_each_other() -> None:
    both = threading.Barrier(2, timeout=20)

    def speaks(name: str) -> Judge:
        def speak(_: Question) -> list[Verdict]:
            both.wait()  # nobody gets past it alone
            return [verdict(name)]

        return Judge(name, speak)

    names = ["a", "b", "c", "d"]
    assert [each.what for each in Judging(map(speaks, names), at_once=2).run()] == names


def test_who_needs_nothing_begins_and_then_who_needs_most() -> None:
    begun: list[str] = []

    def judge(name: str, needs: int) -> Judge:
        def speak(_: Question) -> list[Verdict]:
            begun.append(name)
            return [verdict(name)]

        return Judge(name, speak, needs=needs)

    spoken = Judging([judge("small", 1), judge("none", 0), judge("large", 9)], at_once=1).run()
    assert begun == ["none", "large", "small"]
    assert [each.what for each in spoken] == ["small", "none", "large"]


def test_a_judge_that_is_wrong_ends_it_all() -> None:
    def breaks(_: Question) -> list[Verdict]:
        raise ZeroDivisionError

    judged = Judging([Judge("a", breaks), Judge("b", lambda _: [verdict("b")])], at_once=1)
    with pytest.raises(ZeroDivisionError):
        judged.run()
    assert judged.standings[1].question.ask([]) == "it was stopped"


def standing(needs: int) -> Standing:
    """A judge that needs so many bytes."""
    return Standing(Judge(f"{needs}", lambda _: [], needs=needs))


def test_nobody_begins_without_memory_unless_alone() -> None:
    large, small = standing(1000), standing(10)
    assert fitting([large, small], [], 0) is large
    assert fitting([large, small], [standing(1000)], 2000) is large
    assert fitting([large, small], [standing(1000)], 1999) is small
    assert fitting([large], [standing(1000)], 1999) is None
    assert fitting([], [], 1e12) is None
    assert judging.memory() > 0


def test_how_many_lines_there_are_is_said_by_the_last_whole_one(tmp_path: Path) -> None:
    file = tmp_path / "a1.ndjson"
    assert lines_of(file) == 0
    file.write_text('{"n":1,"i":1,"do":"start"}\n{"n":2,"i":1,"do":"Sync"}\n', encoding="utf-8")
    assert lines_of(file) == 2
    file.write_text('{"n":1,"i":1,"do":"start"}\n{"n":2,"i":1,"do":"Sync"}\n{"n', encoding="utf-8")
    assert lines_of(file) == 2


def test_how_far_they_are_is_shown() -> None:
    waits, judges, has_judged = (
        Standing(Judge("a", lambda _: [], 5)),
        Standing(Judge("b", lambda _: [], 5_000)),
        standing(1),
    )
    judges.begun, judges.question.lines = 100.0, 1_200
    has_judged.verdicts = [Verdict("c", HOLDS, "all of it")]
    cells = [list(column.cells) for column in shown([waits, judges, has_judged], 107.0).columns]
    assert list(map(str, cells[1])) == ["waits", "judges", "holds"]
    assert cells[2] == ["5 lines", "1,200 of 5,000 lines, 7 s", "all of it"]
