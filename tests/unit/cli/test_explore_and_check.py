"""The commands explore, check, trace, stubs and init: what they print, and their exit status."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tlastep.binding import Binding
from tlastep.cli.main import run

CLOCK = """---- MODULE Clock ----
EXTENDS Naturals
CONSTANT Last
VARIABLE hour
TypeOK == hour \\in 0..Last
Init == hour = 0
Tick(n) == hour' = (hour + n) % (Last + 1)
Next == \\E n \\in 1..2 : Tick(n)
Early == hour < 3
====
"""
CONFIG = "CONSTANT Last = 3\nINIT Init\nNEXT Next\nINVARIANT TypeOK\n"
PROJECT = '[tool.tlastep]\nmodels = "spec/models.toml"\n'
MODELS = """
[[model]]
name = "Clock"
module = "Clock"
spec = "Clock.tla"
config = "Clock.cfg"
says = "It ticks."
deadlock = false
distinct = 4
generated = 9
depth = 3

[[model]]
name = "ClockEarly"
module = "Clock"
spec = "Clock.tla"
config = "Early.cfg"
kind = "violation"
says = "It grows late."
result = "invariant Early"
"""


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with one spec, and its folder as the current one."""
    monkeypatch.setenv("TLASTEP_CACHE", str(tmp_path / "cache"))
    (tmp_path / "spec").mkdir()
    (tmp_path / "pyproject.toml").write_text(PROJECT)
    (tmp_path / "spec" / "models.toml").write_text(MODELS)
    (tmp_path / "spec" / "Clock.tla").write_text(CLOCK)
    (tmp_path / "spec" / "Clock.cfg").write_text(CONFIG)
    (tmp_path / "spec" / "Early.cfg").write_text(CONFIG + "INVARIANT Early\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_explore_prints_one_json_document(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explore", "spec/Clock.tla", "--json"]) == 0
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert set(found) == {"spec", "result", "distinct", "generated", "depth", "seconds"}
    assert (found["result"], found["distinct"], found["generated"], found["depth"]) == ("ok", 4, 9, 3)
    assert err == ""


def test_a_violation_is_shown_action_by_action(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["explore", "spec/Clock.tla", "--config", "spec/Early.cfg", "--counterexample", "found.itf.json"]) == 1
    shown = capsys.readouterr().out
    assert "invariant Early" in shown
    assert "Tick(1)" in shown
    assert run(["trace", "found.itf.json", "--format", "text"]) == 0
    assert capsys.readouterr().out.strip() in "\n".join(line.rstrip() for line in shown.splitlines())
    assert run(["trace", "found.itf.json", "--format", "html"]) == 0
    assert "<!doctype html>" in capsys.readouterr().out
    assert run(["trace", "found.itf.json", "--format", "itf"]) == 0
    assert json.loads(capsys.readouterr().out)["states"][-1]["hour"] == 3


@pytest.mark.parametrize("engine", ["python", "tlc"])
def test_check_compares_with_what_is_expected(engine: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["check", "--engine", engine, "--json", "--junit", "junit.xml"]) == 0
    clock, early = json.loads(capsys.readouterr().out)
    assert list(clock) == [
        *("model", "module", "engine", "result", "expected", "unchecked", "distinct", "generated", "depth", "seconds")
    ]
    assert (clock["result"], clock["distinct"], clock["generated"], clock["depth"]) == ("ok", 4, 9, 3)
    assert early["result"] == early["expected"] == "invariant Early"
    suite = ElementTree.parse("junit.xml").getroot()[0]
    assert (suite.get("tests"), suite.get("failures")) == ("2", "0")


def test_other_counts_than_expected_are_a_finding(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / "spec" / "models.toml").write_text(MODELS.replace("distinct = 4", "distinct = 5"))
    assert run(["check", "Clock", "--engine", "python"]) == 1
    assert "Clock: distinct 4, expected 5" in capsys.readouterr().err


def test_what_tlc_has_found_is_recorded_if_it_is_as_expected(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    settings = project / "pyproject.toml"
    assert run(["check", "Clock", "--record", "--engine", "python"]) == 2
    assert "--record: records what TLC has found" in capsys.readouterr().err
    assert run(["check", "Clock", "--record"]) == 2
    assert "names no file `recorded`" in capsys.readouterr().err
    settings.write_text(PROJECT + 'recorded = "spec/recorded.toml"\n')
    models = project / "spec" / "models.toml"
    models.write_text(MODELS.replace('"invariant Early"', '"invariant Late"'))
    assert run(["check", "--record"]) == 1
    recorded = (project / "spec" / "recorded.toml").read_text()
    assert "\nClock = " in recorded
    assert "ClockEarly" not in recorded


def test_stubs_name_actions_parameters_and_types(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["stubs", "Clock"]) == 0
    shown = capsys.readouterr().out
    assert '"hour": "int"' in shown
    assert "def Tick(self, state: State, /, n: " in shown
    compile(shown, "stubs", "exec")


def test_init_writes_a_binding_once(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["init", "spec/Clock.tla"]) == 0
    compile((project / "clock_binding.py").read_text(), "binding", "exec")
    capsys.readouterr()
    assert run(["init", "spec/Clock.tla"]) == 2
    assert capsys.readouterr().err == "tlastep: clock_binding.py: exists, and is not written over\n"


def test_a_binding_to_fill_in_names_start_invariants_and_bounds_of_the_configuration(project: Path) -> None:
    more = "INVARIANT Early\nCONSTRAINT Early\n"
    (project / "spec" / "Clock.cfg").write_text(CONFIG + more)
    assert run(["init", "spec/Clock.tla"]) == 0
    text = (project / "clock_binding.py").read_text()
    compile(text, "binding", "exec")
    assert '@clock.start("Init")\ndef start(constants: Constants) -> YourState: ...' in text
    assert '@clock.invariant("Early")\ndef invariant_early(state: YourState) -> bool: ...' in text
    assert '@clock.bound("Early")\ndef bound_early(constants: Constants) -> list[Property]: ...' in text


def test_a_binding_of_a_specification_starts_with_it_and_can_be_loaded(project: Path) -> None:
    """A configuration may name one formula instead of Init and Next; the actions are found in it all the same."""
    clock = CLOCK.replace("Early ==", "Spec == Init /\\ [][Next]_hour /\\ WF_hour(Tick(1))\nEarly ==")
    (project / "spec" / "Clock.tla").write_text(clock)
    (project / "spec" / "Clock.cfg").write_text("CONSTANT Last = 3\nSPECIFICATION Spec\nINVARIANT TypeOK\n")
    assert run(["init", "spec/Clock.tla"]) == 0
    text = (project / "clock_binding.py").read_text()
    assert '@clock.start("Spec")\ndef start(constants: Constants) -> YourState: ...' in text
    assert "@clock.action\ndef Tick(state: YourState, n: object) -> YourState: ..." in text
    assert '@clock.invariant("TypeOK")' in text
    assert "Init" not in text
    names: dict[str, object] = {"YourState": int}
    exec(text.replace("from your_package import YourState", ""), names)
    binding = names["clock"]
    assert isinstance(binding, Binding)
    assert (binding.module, set(binding.actions), set(binding.starts)) == ("Clock", {"Tick"}, {"Spec"})


BAD = {
    "syntax error": (["explore", "spec/Bad.tla"], ("Bad.tla:3",)),
    "no such spec": (["explore", "nothing.tla"], ("nothing.tla", "no such spec")),
    "no such configuration": (["explore", "spec/Clock.tla", "--config", "none.cfg"], ("none.cfg",)),
    "unknown constant": (["explore", "spec/Clock.tla", "--config", "spec/Unknown.cfg"], ("Unknown.cfg:2:", "Most")),
    "unsupported operator": (["explore", "spec/Odd.tla", "--config", "spec/Odd.cfg"], ("TLC", "TLCGet")),
    "unknown model": (["check", "Clok"], ("models.toml", "no model Clok", "Clock")),
    "unknown model for stubs": (["stubs", "Clok"], ("models.toml", "no model Clok")),
    "unknown option": (["check", "--engin", "tlc"], ("--engin",)),
    "unknown engine": (["check", "--engine", "other"], ("other",)),
    "no trace": (["trace", "spec/Clock.tla"], ("Clock.tla", "expected")),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line_and_status_2(case: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments, words = BAD[case]
    (project / "spec" / "Bad.tla").write_text("---- MODULE Bad ----\nVARIABLE x\nInit == x = = 0\n====\n")
    (project / "spec" / "Bad.cfg").write_text("INIT Init\nNEXT Init\n")
    (project / "spec" / "Unknown.cfg").write_text("INIT Init\nCONSTANT Most = 3\nNEXT Next\n")
    odd = CLOCK.replace("MODULE Clock", "MODULE Odd").replace("Naturals", "Naturals, TLC")
    (project / "spec" / "Odd.tla").write_text(odd.replace("hour < 3", "hour < TLCGet(1)"))
    (project / "spec" / "Odd.cfg").write_text(CONFIG + "INVARIANT Early\n")
    assert run(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert [word for word in words if word not in err] == []
    assert "Traceback" not in err


def test_a_missing_jar_is_bad_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TLA2TOOLS_JAR", "no/such.jar")
    assert run(["check", "Clock"]) == 2
    assert capsys.readouterr().err.startswith("tlastep: no/such.jar: ")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("distinct = 4", "distinct = 4\ndistinkt = 4"), "models.toml:10: the table contains unknown key distinkt"),
        (("distinct = 4", 'distinct = "4"'), "models.toml:9: "),
        (("distinct = 4", "distinct ="), "models.toml:9:"),
        (('result = "invariant Early"', 'result = "bad"'), "models.toml:20: expected ok, invariant NAME"),
        (('name = "ClockEarly"', 'name = "Clock"'), "models.toml:14: a second model Clock"),
        (('spec = "Clock.tla"', 'spec = "Clok.tla"'), "names Clok.tla"),
    ],
)
def test_a_wrong_list_of_models_is_named_by_line(
    change: tuple[str, str], message: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (project / "spec" / "models.toml").write_text(MODELS.replace(*change))
    assert run(["check", "--engine", "python"]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1


def test_outside_a_project_models_are_unknown(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path_factory.mktemp("elsewhere"))
    assert run(["check"]) == 2
    assert "no pyproject.toml" in capsys.readouterr().err
