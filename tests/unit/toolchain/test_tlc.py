"""The real TLC on small specs: every verdict, its counterexample, dumps, coverage, simulation."""

from __future__ import annotations

import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest

from tlastep.behaviour import Label
from tlastep.errors import ToolFailure, UnusableInput
from tlastep.toolchain import java, state_graph, tlc


@dataclass(frozen=True)
class Case:
    """A configuration, and what TLC says of it: the result, and the values of x in the counterexample."""

    config: str
    result: str
    xs: tuple[int, ...] | None = None
    loop: int | None = None
    stutters: bool = False
    deadlock: bool = False


CASES = {
    "deadlock": Case("SPECIFICATION Ends", "deadlock", (0, 1, 2), deadlock=True),
    "invariant": Case("SPECIFICATION Spec INVARIANT Small", "invariant Small", (0, 1, 2)),
    "initial state": Case("SPECIFICATION StartsTwice INVARIANT Small NotOne", "invariant NotOne", (1,)),
    "always": Case("SPECIFICATION Spec PROPERTY AlwaysSmall", "property AlwaysSmall", (0, 1, 2)),
    "action": Case("SPECIFICATION Spec PROPERTY Starts Rises", "property Rises", (0, 1, 2, 0)),
    "unnamed action": Case("SPECIFICATION Spec PROPERTY Counts", "property Counts", (0, 1, 2, 0)),
    "liveness": Case("SPECIFICATION Ends PROPERTY Starts Arrives Stays", "property Arrives", (0, 1, 2), stutters=True),
    "assertion": Case("SPECIFICATION Asserts", "error"),
    "assertion in an invariant": Case("SPECIFICATION Spec INVARIANT AssertsSmall", "error", (0, 1, 2)),
    "no value": Case("SPECIFICATION Applies", "error", (0,)),
    "no value in a property": Case("SPECIFICATION Spec PROPERTY NoValue", "error"),
}


@pytest.mark.parametrize("name", CASES)
def test_a_verdict_of_the_real_tlc(name: str, data: Path, tmp_path: Path) -> None:
    case = CASES[name]
    config = tmp_path / "case.cfg"
    config.write_text(f"CONSTANT Nil = Nil {case.config}", encoding="utf-8")
    result = tlc.check(data / "Verdicts.tla", config, deadlock=case.deadlock, fingerprint=0, timeout=60)
    assert result.result == case.result
    assert result.message
    behaviour = result.counterexample
    assert (behaviour and tuple(step.state["x"] for step in behaviour.steps)) == case.xs
    if behaviour:
        assert (behaviour.loop, behaviour.stutters) == (case.loop, case.stutters)
        assert [step.label for step in behaviour.steps[:2]] == [None, Label("Up")][: len(behaviour)]


def test_a_false_assumption(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "case.cfg"
    config.write_text("INIT Init NEXT Next", encoding="utf-8")
    assert tlc.check(data / "FalseAssumption.tla", config, deadlock=False).result == "assumption"


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ("SPECIFICATION Spec", "The constant parameter Nil is not assigned"),
        ("CONSTANT Nil = Nil SPECIFICATION Speck", "The name Speck"),
        ("CONSTANT Nil = Nil\nSPECIFICATION Spec\nNONSENSE x", ":3: It was expecting a keyword"),
    ],
)
def test_a_mistake_in_the_configuration_names_it(config: str, words: str, data: Path, tmp_path: Path) -> None:
    file = tmp_path / "case.cfg"
    file.write_text(config, encoding="utf-8")
    with pytest.raises(UnusableInput, match=words) as caught:
        tlc.check(data / "Verdicts.tla", file, deadlock=False)
    assert type(caught.value) is UnusableInput
    assert str(caught.value).startswith(str(file))


def test_a_mistake_in_the_spec_names_file_and_place(tmp_path: Path) -> None:
    spec = tmp_path / "Wrong.tla"
    spec.write_text("---- MODULE Wrong ----\nVARIABLE x\nInit == x = = 1\n====\n", encoding="utf-8")
    (tmp_path / "Wrong.cfg").touch()
    with pytest.raises(UnusableInput, match="syntax error") as caught:
        tlc.check(spec, deadlock=False)
    assert str(caught.value).startswith(f"{spec}:3:15: ")


def test_missing_files_are_named_without_starting_java(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "run", None)
    with pytest.raises(UnusableInput, match=r"Absent\.tla: no such spec"):
        tlc.check(data / "Absent.tla", deadlock=False)
    with pytest.raises(UnusableInput, match=r"Verdicts\.cfg: no such configuration"):
        tlc.check(data / "Verdicts.tla", deadlock=False)


def test_counts_coverage_progress_and_graph_agree(data: Path, tmp_path: Path) -> None:
    seen: list[tuple[int, int, int]] = []
    dump = tmp_path / "made" / "graph.dot"
    result = tlc.check(
        data / "Counter.tla",
        deadlock=True,
        coverage=True,
        dump=dump,
        fingerprint=0,
        on_progress=lambda generated, distinct, queue: seen.append((generated, distinct, queue)),
    )
    assert (result.result, result.message, result.counterexample) == ("ok", "", None)
    assert (result.distinct, result.generated, result.depth) == (3, 6, 3)
    assert result.coverage == {"Up": (2, 2), "Down": (0, 3)}
    assert result.version
    assert 0 < result.seconds < 60
    assert seen[-1] == (6, 3, 0)
    graph = state_graph.read(dump)
    assert {state["count"] for state in graph.states.values()} == {0, 1, 2}
    assert {state["note"] for state in graph.states.values()} == {'a "quoted" \\n'}
    assert [graph.states[state]["count"] for state in graph.initial] == [0]
    steps = {(graph.states[s]["count"], label.action, graph.states[t]["count"]) for s, label, t in graph.edges}
    assert steps == {(0, "Up", 1), (1, "Up", 2), (1, "Down", 0), (2, "Down", 1), (2, "Down", 0)}


def test_simulation_checks_nothing_and_repeats_itself(data: Path, tmp_path: Path) -> None:
    config = tmp_path / "case.cfg"
    config.write_text("CONSTANT Limit = 9 SPECIFICATION Spec INVARIANT Small", encoding="utf-8")

    def counts(seed: int) -> list[list[object]]:
        found = tlc.simulate(data / "Counter.tla", config, count=12, depth=15, seed=seed)
        return [[step.state["count"] for step in behaviour.steps] for behaviour in found]

    first = counts(3)
    assert len(first) == 12
    assert all(len(behaviour) <= 15 and behaviour[0] == 0 for behaviour in first)
    assert max(len(behaviour) for behaviour in first) > 3
    assert first == counts(3)
    assert first != counts(4)


def test_modules_are_found_in_the_library(data: Path, tmp_path: Path) -> None:
    spec = tmp_path / "Root.tla"
    spec.write_text("---- MODULE Root ----\nEXTENDS Counter\n====\n", encoding="utf-8")
    config = tmp_path / "Root.cfg"
    config.write_text("CONSTANT Limit = 1 SPECIFICATION Spec", encoding="utf-8")
    assert tlc.check(spec, deadlock=True, library=[data]).distinct == 2
    with pytest.raises(UnusableInput, match="there is no module Counter"):
        tlc.check(spec, deadlock=True)


@pytest.mark.parametrize(("knows", "asked"), [(b"xx-noGenerateSpecTEyy", True), (b"-simulate", False)])
def test_only_a_tlc_that_writes_trace_specs_is_asked_not_to(
    knows: bytes, asked: bool, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    jar = tmp_path / "some.jar"
    with zipfile.ZipFile(jar, "w") as archive:
        archive.writestr("tlc2/TLC.class", knows)
    monkeypatch.setenv("TLA2TOOLS_JAR", str(jar))
    runs: list[list[str]] = []

    def run(arguments: list[str], **_: object) -> java.Finished:
        runs.append(arguments)
        return java.Finished(0, b"@!@!@STARTMSG 2193:0 @!@!@\n@!@!@ENDMSG 2193 @!@!@\n", "", 0.1)

    monkeypatch.setattr(java, "run", run)
    assert tlc.check(data / "Counter.tla", deadlock=True).result == "ok"
    assert ("-noGenerateSpecTE" in runs[0]) is asked
    assert "-deadlock" not in runs[0]


def test_status_0_alone_is_no_proof(data: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "run", lambda *_, **__: java.Finished(0, b"", "", 0.1))
    with pytest.raises(ToolFailure, match="without saying that it has checked all states"):
        tlc.check(data / "Counter.tla", deadlock=True)


def test_a_jar_without_tlc_is_named(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    jar = tmp_path / "other.jar"
    jar.write_bytes(b"no archive")
    monkeypatch.setenv("TLA2TOOLS_JAR", str(jar))
    with pytest.raises(ToolFailure, match=r"other\.jar: not a jar with TLC in it"):
        tlc.check(data / "Counter.tla", deadlock=True)
