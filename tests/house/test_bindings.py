"""Bindings translate and never decide, and what they name exists on both sides."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from tests.house.project import PACKAGES, ROOT, Function, functions, modules, parsed, python_files, relative
from tests.house.test_specs import PROJECT, SPECS, used_modules

from tlastep.binding import Binding

# What is no binding: contracts, layers of checks and models of histories say what must be so, and so they compare. Who
# reads recordings asks what a line mentions, and whether it can be so.
OTHERS: Final = {
    "__init__.py",
    "composed.py",
    "composed_specs.py",
    "contracts.py",
    "histories.py",
    "ledger_contracts.py",
    "recorded_asked.py",
    "recorded_entries.py",
    "recorded_gates.py",
    "recorded_known.py",
    "recorded_leader_output.py",
    "recorded_ledger.py",
    "recorded_letters.py",
    "recorded_messages.py",
    "recorded_pieces.py",
    "recorded_replication.py",
    "recorded_sharded_ledger.py",
    "recorded_slices.py",
    "recorded_steps.py",
    "recorded_transfers.py",
    "recorded_two_phase_commit.py",
}
FILES: Final = [path for path in python_files(relative(PACKAGES["quorumlog_bindings"])) if path.name not in OTHERS]
EXAMPLES: Final = [path for path in python_files("examples") if path.name == "binding.py"]
DEFINED: Final = re.compile(r"^\s*(?P<name>[A-Z]\w*)(?:\([^=()\n]*\))?\s*==", re.MULTILINE)
REFERENCE: Final = re.compile(
    r"\bSpec: (?P<module>[A-Z]\w*)(?:!(?P<name>[A-Z]\w*))?(?P<kinds> and the name of the kind)?"
)

# Where a spec's code does not bear its name. The rest is found by it: TwoPhaseCommit, two_phase_commit.py.
CODE: Final = {"Replication": "quorumlog.core.consensus.replica"}

BRANCHES: Final = (ast.If, ast.For, ast.While, ast.Try, ast.Match, ast.BoolOp, ast.AsyncFor, ast.TryStar)


def bindings() -> list[Binding[Any]]:
    """The bindings that the project names."""
    found = []
    for name in PROJECT.bindings:
        module = importlib.import_module(name)
        found += [value for value in vars(module).values() if isinstance(value, Binding)]
    return found


BINDINGS: Final = {binding.module: binding for binding in bindings()}


def operators(module: str) -> set[str]:
    """The operators that a spec defines, those of its models and of the specs that it stands on included."""
    paths = [*(SPECS / name for name in sorted(used_modules(f"{module}.tla"))), *SPECS.glob(f"MC{module}*.tla")]
    texts = [path.read_text(encoding="utf-8") for path in paths]
    return {found["name"] for text in texts for found in DEFINED.finditer(text)}


def decorations(function: Function) -> set[str]:
    """The last names of a function's decorators: `action` of `@replication.action`."""
    found = set()
    for decorator in function.decorator_list:
        called = decorator.func if isinstance(decorator, ast.Call) else decorator
        found.add(called.attr if isinstance(called, ast.Attribute) else ast.unparse(called))
    return found


def body(function: Function) -> list[ast.stmt]:
    """The statements of a function without its docstring."""
    first = function.body[0]
    documented = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    return function.body[1:] if documented else function.body


def of_bounds(path: Path) -> set[Function]:
    """The functions that state a model's bound, and those inside them: they judge states, as the spec's CONSTRAINT."""
    outer = [function for function in functions(path) if "bound" in decorations(function)]
    return {node for function in outer for node in ast.walk(function) if isinstance(node, Function)}


def decisions(function: Function) -> Iterator[str]:
    """What in a function decides something. Whether there is a value at all may be asked: None is written as Nil."""
    for node in ast.walk(function):
        if isinstance(node, BRANCHES) or (isinstance(node, ast.comprehension) and node.ifs):
            yield f"{function.name}, line {getattr(node, 'lineno', function.lineno)}"
        if isinstance(node, ast.Compare) and not compares_with_none(node):
            yield f"{function.name}, line {node.lineno}: {ast.unparse(node)}"
        if isinstance(node, ast.IfExp) and not isinstance(node.test, ast.Compare):
            yield f"{function.name}, line {node.lineno}: {ast.unparse(node)}"


def compares_with_none(node: ast.Compare) -> bool:
    """Whether it asks `is None` or `is not None`."""
    (operator,), (other,) = node.ops, node.comparators
    return isinstance(operator, ast.Is | ast.IsNot) and isinstance(other, ast.Constant) and other.value is None


@pytest.mark.parametrize("path", [*FILES, *EXAMPLES], ids=relative)
def test_an_action_is_one_call_of_the_code(path: Path) -> None:
    actions = [function for function in functions(path) if decorations(function) & {"action", "action_of"}]
    assert actions or path in [modules()[name] for name in shared()]
    for function in actions:
        (statement,) = body(function)
        assert isinstance(statement, ast.Return), function.name
        assert isinstance(statement.value, ast.Call), function.name
        calls = [node for node in ast.walk(statement) if isinstance(node, ast.Call | ast.IfExp | ast.BinOp)]
        assert calls == [statement.value], f"{function.name} does more than to call"


@pytest.mark.parametrize("path", [*FILES, *EXAMPLES], ids=relative)
def test_nothing_in_a_binding_decides(path: Path) -> None:
    exempt = of_bounds(path)
    said = {"invariant", "step_property", "initial_property"}
    judged = [each for each in functions(path) if each not in exempt and not decorations(each) & said]
    assert [found for function in judged for found in decisions(function)] == []
    at_top = [node for node in parsed(path).body if isinstance(node, ast.If | ast.While | ast.Try | ast.Match)]
    assert at_top == []


@pytest.mark.parametrize(
    "line",
    [
        "if s.role == 'leader': return s.sync(i)",
        "return s.sync(i) if s.role else s",
        "return s.leads and s.sync(i)",
        "return [m for m in s.network if m.to]",
        "return s.term > 1",
        "for m in s.network: return m",
    ],
)
def test_a_decision_would_be_seen(line: str) -> None:
    """What the tests above look for is found where it is."""
    (function,) = ast.parse(f"def Sync(s, i):\n    {line}").body
    assert isinstance(function, ast.FunctionDef)
    assert list(decisions(function)) != []


def test_whether_there_is_a_value_may_be_asked() -> None:
    (function,) = ast.parse("def shown(i): return NIL if i is None else model_value(i)").body
    assert isinstance(function, ast.FunctionDef)
    assert list(decisions(function)) == []


def test_every_file_of_bindings_is_named_in_the_project() -> None:
    files = {name for name, path in modules().items() if path in FILES}
    public = {name for name in files if not name.split(".")[-1].startswith("_")}
    assert public <= set(PROJECT.bindings) | shared()
    assert {binding.module for binding in bindings()} == set(BINDINGS)


def shared() -> set[str]:
    """Modules of bindings that hold no binding of their own."""
    names = {name for name, path in modules().items() if path in FILES}
    return {name for name in names if "Binding(" not in modules()[name].read_text(encoding="utf-8")}


@pytest.mark.parametrize("module", BINDINGS)
def test_what_a_binding_names_is_defined_in_the_spec(module: str) -> None:
    binding = BINDINGS[module]
    named = {*binding.actions, *binding.starts, *binding.bounds, *binding.added}
    named |= {name for added in binding.added.values() for name in added}
    named |= {*binding.invariants, *binding.step_properties, *binding.initial_properties}
    temporal = re.findall(r"!(\w+)", (SPECS / f"{module}.tla").read_text(encoding="utf-8"))
    assert sorted(named - operators(module) - set(temporal)) == []


@pytest.mark.parametrize("module", BINDINGS)
def test_the_code_bears_the_name_of_its_spec(module: str) -> None:
    expected = CODE.get(module)
    names = [expected] if expected else [name for name in modules() if name.split(".")[-1] == snake(module)]
    assert [name for name in names if name in modules() and name.startswith("quorumlog.")] != []


@pytest.mark.parametrize("module", BINDINGS)
def test_the_variables_have_their_names_in_the_code(module: str) -> None:
    fields = {
        node.target.id
        for path in python_files("impl")
        for node in ast.walk(parsed(path))
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)
    }
    text = "\n".join((SPECS / name).read_text(encoding="utf-8") for name in [f"{module}.tla", *extended_by(module)])
    declared = re.search(r"^VARIABLES?\b(.*?)^\S", text, re.M | re.S)
    assert declared
    variables = re.findall(r"\w+", re.sub(r"\\\*.*|\(\*.*?\*\)", "", declared[1]))
    assert variables
    assert [name for name in variables if snake(name) not in fields] == []


def test_what_the_code_says_of_the_specs_is_there() -> None:
    """Docstrings in `impl` end with `Spec: Module!Operator` where they do what that operator says."""
    missing = []
    for path in python_files("impl"):
        for found in REFERENCE.finditer(path.read_text(encoding="utf-8")):
            known = operators(found["module"]) if (SPECS / f"{found['module']}.tla").is_file() else set()
            prefix = found["kinds"] is not None
            named = found["name"]
            there = any(name.startswith(named) for name in known) if prefix else named is None or named in known
            if not known or not there:
                missing.append(f"{relative(path)}: {found[0]}")
    assert missing == []


def extended_by(module: str) -> list[str]:
    """The specs that a spec extends, however far: their variables and actions are its own."""
    return sorted(used_modules(f"{module}.tla", instances=False) - {f"{module}.tla"})


def test_every_action_of_a_bound_spec_is_named_in_the_code() -> None:
    """Whoever reads an action of the spec finds the code by its name."""
    text = "\n".join(path.read_text(encoding="utf-8") for path in python_files("impl"))
    for module, binding in BINDINGS.items():
        modules_of = [module, *(name.removesuffix(".tla") for name in extended_by(module))]
        missing = [name for name in binding.actions if not any(f"{each}!{name}" in text for each in modules_of)]
        assert missing == [], module


def snake(name: str) -> str:
    """TwoPhaseCommit, votedFor → two_phase_commit, voted_for."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()


def test_the_folder_of_bindings_is_where_the_project_says() -> None:
    assert all(
        (ROOT / "conformance" / name.replace(".", "/")).with_suffix(".py").is_file() for name in PROJECT.bindings
    )
