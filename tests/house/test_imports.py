"""Imports go one way."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest
from tests.house.project import PACKAGES, imports, module_name, modules, relative

# Each layer of the toolkit may import itself and what stands before it. Modules that lie in no folder are the root.
TLASTEP: Final = ("", "toolchain", "language", "compile", "engine", "check", "history", "report", "cli")
BESIDE: Final = {("toolchain", "language"), ("language", "toolchain")}  # neither knows the other
OUTERMOST: Final = ("tlastep.pytest_plugin",)  # what pytest loads stands above everything, like the command line

# What simulation and runtime stand on.
BELOW: Final = ("persistent", "core", "ledger", "node", "sharding", "ports", "pre_vote", "turns", "driver")

# Whatever `quorumlog` has: a layer and the layers that it may import.
QUORUMLOG: Final = {
    "persistent": {"persistent"},
    "core": {"persistent", "core"},
    "ledger": {"persistent", "core", "ledger"},
    "node": {"persistent", "core", "node"},
    "sharding": {"persistent", "core", "ledger", "node", "sharding"},
    "ports": {"core", "ports"},
    "records": {"core", "records"},
    "pre_vote": {"core", "pre_vote"},
    "turns": {"core", "turns"},
    "driver": {"core", "ports", "pre_vote", "turns", "driver"},
    "simulation": {*BELOW, "records", "simulation"},
    "runtime": {*BELOW, "records", "runtime"},
    "demo": {*BELOW, "runtime", "demo"},
    "virtual": {*BELOW, "runtime", "demo", "virtual"},
    "cli": {
        "persistent",
        "core",
        "ledger",
        "sharding",
        "ports",
        "driver",
        "simulation",
        "runtime",
        "demo",
        "virtual",
        "cli",
    },
    "": {"runtime"},  # `from quorumlog import Cluster`, when it is wanted
}

# The code's side of lock-step explores without the compiler of specs: then its digest owes nothing to it.
CODE_SIDE: Final = (
    "tlastep.binding",
    "tlastep.check.code_side",
    "tlastep.check.direct_code",
    "tlastep.engine.code_machine",
    "tlastep.engine.code_system",
    "tlastep.engine.digest",
    "tlastep.engine.entries",
    "tlastep.engine.fast",
    "tlastep.engine.layout",
    "tlastep.engine.machine",
    "tlastep.engine.memo",
    "tlastep.engine.recording",
    "tlastep.engine.search",
    "tlastep.engine.system",
)


def pairs(package: str) -> list[tuple[str, str]]:
    """(module, imported module) for all modules of a package."""
    return [
        (name, other)
        for name, path in modules().items()
        if name.split(".")[0] == package
        for other in sorted(imports(path))
    ]


def layer(module: str) -> str:
    """The folder of a package that a module belongs to; empty for the modules of its root that have no layer."""
    parts = module.split(".")
    is_package = modules()[module].name == "__init__.py"
    if len(parts) > 2 or (len(parts) == 2 and is_package):
        return parts[1]
    return parts[1] if len(parts) == 2 and parts[1] in QUORUMLOG and parts[0] == "quorumlog" else ""


def test_the_toolkit_knows_nothing_of_quorumlog() -> None:
    assert [pair for pair in pairs("tlastep") if pair[1].split(".")[0] != "tlastep"] == []


def test_quorumlog_knows_nothing_of_the_toolkit() -> None:
    assert [pair for pair in pairs("quorumlog") if pair[1].split(".")[0] != "quorumlog"] == []


def test_nobody_imports_bindings_but_bindings() -> None:
    found = [pair for package in ("tlastep", "quorumlog") for pair in pairs(package)]
    assert [pair for pair in found if pair[1].split(".")[0] == "quorumlog_bindings"] == []


def test_the_layers_of_the_toolkit() -> None:
    inner = [pair for pair in pairs("tlastep") if pair[0] not in OUTERMOST]
    assert [name for name in modules() if name.startswith("tlastep.") and layer(name) not in TLASTEP] == []
    upwards = [pair for pair in inner if TLASTEP.index(layer(pair[1])) > TLASTEP.index(layer(pair[0]))]
    assert upwards == []
    assert [pair for pair in inner if (layer(pair[0]), layer(pair[1])) in BESIDE] == []


def test_the_layers_of_quorumlog() -> None:
    assert [pair for pair in pairs("quorumlog") if layer(pair[1]) not in QUORUMLOG[layer(pair[0])]] == []


def test_the_simulation_takes_nothing_from_the_runtime_and_the_core_nothing_from_outside() -> None:
    """What the core may use of the world: values, types, and nothing that reads a clock, a socket, a file, a die."""
    allowed = {"__future__", "collections", "typing", "enum", "dataclasses", "functools", "itertools", "operator"}
    allowed |= {"msgspec", "quorumlog"}
    for name, path in modules().items():
        if name.startswith("quorumlog.core"):
            assert {each.split(".")[0] for each in outside(path.read_text(encoding="utf-8"))} <= allowed, relative(path)


def outside(text: str) -> list[str]:
    """The modules named at the beginning of import lines."""
    return [line.split()[1] for line in text.splitlines() if line.startswith(("import ", "from "))]


def test_the_code_side_runs_without_the_compiler() -> None:
    script = "\n".join(
        [
            "import importlib, sys",
            *(f"importlib.import_module({name!r})" for name in CODE_SIDE),
            "print(*sorted(name for name in sys.modules if name.startswith('tlastep.')), sep='\\n')",
        ]
    )
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert set(CODE_SIDE) <= set(loaded)
    assert [name for name in loaded if name.split(".")[1] in ("compile", "toolchain")] == []


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_is_typed(package: str) -> None:
    assert (PACKAGES[package] / "py.typed").is_file()


def test_every_module_is_imported_or_is_a_door() -> None:
    """A module that nothing imports is dead, unless it is loaded by name: commands, bindings, what pytest loads."""
    doors = {
        "quorumlog.cli",
        "quorumlog.runtime.__main__",
        "tlastep.check.code_side",
        "tlastep.check.random_machine",
        *OUTERMOST,
    }
    imported = {other for path in modules().values() for other in imports(path)}
    imported |= {parent for name in imported for parent in parents(name)}
    loose = [
        name
        for name, path in modules().items()
        if name not in imported | doors
        and not name.startswith(("tlastep.cli.", "quorumlog_bindings"))
        and path.name != "__init__.py"
    ]
    assert loose == []


def parents(module: str) -> list[str]:
    """The packages that a module lies in."""
    parts = module.split(".")
    return [".".join(parts[:length]) for length in range(1, len(parts))]


def test_names_are_unique() -> None:
    assert len({module_name(path) for path in modules().values()}) == len(modules())
