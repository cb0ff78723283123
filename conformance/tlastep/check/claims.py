"""What the project claims, property by property: where each holds, where it is expected to fail, and what breaks it.

A property that nothing can violate says nothing. So each that some model holds to needs a mutant of the spec that
violates it, run with that property alone where another would fall first. What a spec has from one that it extends may
be violated there.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from tlastep.check.models import MACHINE, Model, Project
from tlastep.check.mutants import Judged
from tlastep.language.config import read_config

_EXTENDS: Final = re.compile(r"^\s*EXTENDS\s+(\w+(?:\s*,\s*\w+)*)", re.MULTILINE)


class Claim(msgspec.Struct, frozen=True):
    """One property of a module.

    `holds` are the models in which it is expected to hold, `fails` those of which it is the expected violation, and
    `mutants` the changes that violate it.
    """

    module: str
    name: str
    kind: str
    holds: tuple[str, ...]
    fails: tuple[str, ...]
    mutants: tuple[str, ...]

    @property
    def problem(self) -> str:
        """Why it claims too much, or nothing."""
        if self.holds and not self.mutants and not self.fails:
            return f"no mutant violates {self.name} of {self.module}"
        return ""

    def row(self, judged: Mapping[str, bool]) -> dict[str, object]:
        """The claim as a row of the report; `judged` says of each model whether it is as expected."""
        models = (*self.holds, *self.fails)
        return {
            "module": self.module,
            "property": self.name,
            "kind": self.kind,
            "": "fails" if self.problem or not all(judged.get(name, True) for name in models) else "ok",
            "holds in": len(self.holds) or None,
            "is violated, as expected, in": ", ".join(self.fails) or None,
            "mutants": len(self.mutants) or None,
            "violated by": ", ".join(self.mutants) or None,
        }


class Other(msgspec.Struct, frozen=True):
    """A model that a verification did not look at, and the properties that it names."""

    model: Model
    properties: tuple[str, ...]

    def row(self) -> dict[str, object]:
        """The model as a row of the report."""
        return {
            "model": self.model.name,
            "module": self.model.module,
            "kind": self.model.kind,
            "size": self.model.size,
            "expected": self.model.result,
            "properties": ", ".join(self.properties),
            "says": self.model.says,
        }


def others(project: Project, looked_at: Collection[str]) -> list[Other]:
    """The models of the project beside those that were looked at."""
    return [
        Other(model, tuple(name for name, _ in _properties(project, model)))
        for model in project.models
        if model.name not in looked_at
    ]


def claims(project: Project, models: Sequence[Model], judged: Sequence[Judged]) -> list[Claim]:
    """The properties that these models name, with the mutants of their modules that were killed by them."""
    holds: dict[tuple[str, str], list[str]] = {}
    fails: dict[tuple[str, str], list[str]] = {}
    kinds: dict[tuple[str, str], str] = {}
    for model in models:
        if model.kind == MACHINE:
            continue
        wrong = model.result.partition(" ")[2]
        for name, kind in _properties(project, model):
            key = (model.module, name)
            if name == wrong:
                fails.setdefault(key, []).append(model.name)
            elif model.result == "ok":  # a search that stops at a violation shows nothing of the others
                holds.setdefault(key, []).append(model.name)
            else:
                continue
            kinds[key] = model.kind if model.kind == "witness" else kind
    killed = _killed(judged)
    return [
        Claim(
            module,
            name,
            kind,
            tuple(holds.get((module, name), ())),
            tuple(fails.get((module, name), ())),
            tuple(mutant for each in extended(project.specs, module) for mutant in killed.get((each, name), ())),
        )
        for (module, name), kind in sorted(kinds.items())
    ]


def extended(specs: Path, module: str) -> list[str]:
    """A module and those of the same folder that it extends, however far."""
    found = [module]
    for name in found:
        path = specs / f"{name}.tla"
        text = path.read_text(encoding="utf-8") if path.is_file() else ""
        for names in _EXTENDS.findall(text):
            found += [each for each in re.split(r"\s*,\s*", names) if each not in found]
    return found


def _properties(project: Project, model: Model) -> list[tuple[str, str]]:
    config = read_config(project.config(model))
    temporal = "liveness" if model.kind == "liveness" else "property"
    return [
        *((each.text, "invariant") for each in config.invariants),
        *((each.text, temporal) for each in config.properties),
    ]


def _killed(judged: Sequence[Judged]) -> dict[tuple[str, str], tuple[str, ...]]:
    """By property, the mutants that violated it, those of the code with their side."""
    found: dict[tuple[str, str], list[str]] = {}
    for each in judged:
        breaks = each.mutant.breaks
        if each.killed and breaks is not None:
            name = each.mutant.name if each.mutant.side == "spec" else f"{each.mutant.name} (code)"
            found.setdefault((each.mutant.module, breaks.property), []).append(name)
    return {key: tuple(names) for key, names in found.items()}
