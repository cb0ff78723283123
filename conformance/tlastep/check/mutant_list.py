"""The lists of mutants: named small changes of specs and of code, each with what is expected to kill it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Literal, TypeAlias

import msgspec

from tlastep.check.models import Project
from tlastep.check.tables import convert, place, read_toml
from tlastep.errors import Place, UnusableInput

Side: TypeAlias = Literal["spec", "code"]


class Breaks(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A property that is violated, and the model in which it is."""

    model: str
    property: str


class SpecEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of a spec, as its list has it. The file is one of the folder of the specs."""

    name: str
    module: str
    file: str
    find: str
    replace: str
    killed_by: Breaks
    kind: str = msgspec.field(name="class")
    says: str = ""


class CodeEntry(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A change of code, as its list has it. The file is named from the project's folder.

    `models` are those in which lock-step finds it, the soonest first; without them all small ones are tried.
    `breaks` is the property that the code alone violates, where there is one.
    """

    name: str
    module: str
    file: str
    find: str
    replace: str
    kind: str = msgspec.field(name="class")
    models: tuple[str, ...] = ()
    breaks: Breaks | None = None
    says: str = ""


class _SpecList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    side: Literal["spec"]
    mutant: tuple[SpecEntry, ...]


class _CodeList(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    side: Literal["code"]
    mutant: tuple[CodeEntry, ...]


class _Sided(msgspec.Struct, frozen=True):
    side: Side


class Mutant(msgspec.Struct, frozen=True):
    """One mutant of either side. `file` is the file to be changed, `place` where the list names the mutant."""

    name: str
    side: Side
    module: str
    kind: str
    says: str
    file: Path
    find: str
    replace: str
    models: tuple[str, ...]
    breaks: Breaks | None
    place: str

    def changed(self) -> str:
        """The text of the file with the change. Raises `UnusableInput` unless `find` stands in it exactly once."""
        try:
            text = self.file.read_text(encoding="utf-8")
        except OSError as error:
            raise UnusableInput(f"mutant {self.name}: {self.file}: {error.strerror}", self.place) from error
        found = text.count(self.find)
        if found != 1:
            often = "does not stand" if found == 0 else f"stands {found} times"
            raise UnusableInput(f"mutant {self.name}: `find` {often} in {self.file.name}, expected once", self.place)
        return text.replace(self.find, self.replace)

    @property
    def killers(self) -> tuple[str, ...]:
        """The models that are expected to kill it."""
        return tuple(dict.fromkeys([*self.models, *([self.breaks.model] if self.breaks else [])]))


def read_mutants(project: Project) -> tuple[Mutant, ...]:
    """All mutants of the project's lists. What does not fit is one line that names file and place."""
    found: list[Mutant] = []
    for path in project.mutants:
        table = read_toml(path)
        if convert({"side": table.get("side")}, _Sided, path, "side").side == "spec":
            entries = convert(table, _SpecList, path).mutant
            found += [_of_spec(project, path, index, each) for index, each in enumerate(entries)]
        else:
            coded = convert(table, _CodeList, path).mutant
            found += [_of_code(project, path, index, each) for index, each in enumerate(coded)]
    _check_names(found)
    return tuple(found)


def select(mutants: Sequence[Mutant], models: Sequence[str], side: Side | None = None) -> list[Mutant]:
    """The mutants of one side, and of these the ones that one of the models is expected to kill."""
    return [
        each
        for each in mutants
        if side in (None, each.side) and (not models or not each.killers or set(models) & set(each.killers))
    ]


def of_modules(mutants: Sequence[Mutant], modules: Sequence[str]) -> list[Mutant]:
    """The mutants of these modules; of all of them where none is named."""
    if unknown := sorted(set(modules) - {each.module for each in mutants}):
        raise UnusableInput(f"no mutant of {unknown[0]}", "--module")
    return [each for each in mutants if not modules or each.module in modules]


def _of_spec(project: Project, path: Path, index: int, entry: SpecEntry) -> Mutant:
    _check_models(project, entry.killed_by.model, at=place(path, "mutant", index, "killed_by"))
    where = place(path, "mutant", index, "find")
    return Mutant(
        name=entry.name,
        side="spec",
        module=entry.module,
        kind=entry.kind,
        says=entry.says,
        file=project.specs / entry.file,
        find=entry.find,
        replace=entry.replace,
        models=(),
        breaks=entry.killed_by,
        place=str(where),
    )


def _of_code(project: Project, path: Path, index: int, entry: CodeEntry) -> Mutant:
    _check_models(project, *entry.models, at=place(path, "mutant", index, "models"))
    if entry.breaks is not None:
        _check_models(project, entry.breaks.model, at=place(path, "mutant", index, "breaks"))
    where = place(path, "mutant", index, "find")
    return Mutant(
        name=entry.name,
        side="code",
        module=entry.module,
        kind=entry.kind,
        says=entry.says,
        file=project.root / entry.file,
        find=entry.find,
        replace=entry.replace,
        models=entry.models,
        breaks=entry.breaks,
        place=str(where),
    )


def _check_models(project: Project, *names: str, at: Place) -> None:
    known = {model.name for model in project.models}
    for name in names:
        if name not in known:
            raise UnusableInput(f"no model {name} in {project.list.name}", at)


def _check_names(mutants: Sequence[Mutant]) -> None:
    seen: set[tuple[str, str]] = set()
    for each in mutants:
        if (each.side, each.name) in seen:
            raise UnusableInput(f"a second mutant {each.name} of the {each.side}", each.place)
        seen.add((each.side, each.name))
