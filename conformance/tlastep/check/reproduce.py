"""A finding as a test: the labels that lead to it, stepped on spec and code together, without any search."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tlastep.behaviour import Label
from tlastep.binding import Binding
from tlastep.check.bindings import binding_of
from tlastep.check.explore import load
from tlastep.check.models import find_project
from tlastep.check.verdict import Finding
from tlastep.check.walk import Script
from tlastep.engine.code_system import BoundModel, CodeSystem
from tlastep.engine.spec_system import SpecSystem
from tlastep.language.config import read_config
from tlastep.values import show


def differences(model: str, labels: Sequence[str], *, start: int = 0, binding: Binding[Any] | None = None) -> list[str]:
    """Steps spec and code of a model along these labels; says where they part, or nothing if they never do.

    A label is written as in the report: `OnVoteReply(a, [type |-> "VoteReply", ...])`. `start` is the number of the
    initial state among those of the binding. Without a binding the project's own is taken.
    """
    project = find_project()
    chosen = project.model(model)
    spec = SpecSystem(load(project.spec(chosen), project.config(chosen)))
    bound = BoundModel(binding or binding_of(project, chosen.module), read_config(project.config(chosen)))
    code = CodeSystem(bound, spec.variables)
    code_state = list(code.initial())[start]
    shown = dict(code.observe(code_state))
    same = [state for state in spec.initial() if dict(spec.observe(state)) == shown]
    if not same:
        return [f"start {start}: only the code has this initial state"]
    spec_state = same[0]
    for number, text in enumerate(labels, start=1):
        spec_next = [state for label, state in spec.steps(spec_state) if str(label) == text]
        code_next = [state for label, state in code.steps(code_state) if str(label) == text]
        if bool(spec_next) != bool(code_next):
            who = "spec" if spec_next else "code"
            return [f"step {number}, {text}: only the {who} takes it"]
        if not spec_next:
            return []  # both refuse: they agree, and there is no way to go on
        spec_before, spec_state, code_state = spec_state, spec_next[0], code_next[0]
        mine, others = spec.observe(spec_state), code.observe(code_state)
        if wrong := [name for name in mine if mine[name] != others.get(name)]:
            return [
                f"step {number}, {text}: {name} is {show(mine[name])}, in the code {others.get(name)}" for name in wrong
            ]
        if broken := spec.check_step(spec_before, spec_state):
            return [f"step {number}, {text}: {broken.result} of the spec"]
    broken = code.check_state(code_state)
    return [f"after step {len(labels)}: {broken.result} of the code"] if broken else []


def labels_of(finding: Finding) -> list[str]:
    """The labels that lead to a finding, the differing step included."""
    labels: list[Label] = [step.label for step in finding.behaviour.steps if step.label is not None]
    if finding.label is not None and finding.kind == "difference":
        labels.append(finding.label)
    return [str(label) for label in labels]


def write_test(model: str, finding: Finding, folder: Path) -> Path:
    """Writes a pytest file that fails as long as the finding stands."""
    return _write(model, finding.summary, labels_of(finding), 0, folder)


def write_script(model: str, kind: str, summary: str, script: Script, folder: Path) -> Path:
    """Writes a pytest file that takes the steps of a script, and fails as long as spec and code part there."""
    labels = [str(label) for label in script.labels]
    return _write(model, f"{kind}: {summary}", labels, script.start, folder)


def _write(model: str, said: str, labels: Sequence[str], start: int, folder: Path) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"test_{model}.py"
    lines = "".join(f"\n    {label!r}," for label in labels)
    begin = f", start={start}" if start else ""
    summary = said.replace("\\", "\\\\").replace('"""', "'''")
    path.write_text(
        f'"""{model}: {summary}.\n\nRun it with pytest inside the project.\n"""\n\n'
        "from tlastep.check.reproduce import differences\n\n"
        f"LABELS: list[str] = [{lines}\n]\n\n\n"
        "def test_spec_and_code_agree() -> None:\n"
        f"    assert differences({model!r}, LABELS{begin}) == []\n"
    )
    return path
