"""What SANY says is wrong with a spec, from its output, as one line with file, line and column."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tlastep.errors import Place, ToolFailure, UnusableInput

_ENCOUNTERED = re.compile(r'Encountered "(?P<what>[^"]*)" at line (?P<line>\d+),? column (?P<column>\d+)(?P<rest>.*)')
_EXPECTED = re.compile(r'Was expecting "(?P<what>.*)"')
_LEXICAL = re.compile(r"Lexical error at line (?P<line>\d+),? column (?P<column>\d+)\.? *(?P<what>.*)", re.IGNORECASE)
_LOCATION = re.compile(
    r"line (?P<line>\d+), col (?P<column>\d+) to line \d+, col \d+ of module (?P<module>\w+)\s+"
    r"(?P<what>.+?)(?:\n[ \t]*\n|\Z)",
    re.DOTALL,
)
_MISSING = re.compile(r"Cannot find source file for module (\w+)(?: imported in module (\w+))?")
_WRONG_NAME = re.compile(r"File name '[^']*' does not match the name '[^']*' of the top level module it contains\.")
_PARSING = re.compile(r"^Parsing file (.+?\.tla)\b", re.MULTILINE)
_UNPARSED = re.compile(r"Could not parse module (\w+) from file (.+?\.tla)")


def has_errors(text: str) -> bool:
    """Whether SANY reports errors (warnings are none)."""
    return any(
        sign in text for sign in ("Semantic errors:", "*** Errors:", "*** Abort messages:", "Fatal errors while")
    )


def needs_detail(text: str) -> bool:
    """Whether the text says that a module can't be parsed without saying where."""
    return bool(_UNPARSED.search(text)) and not (_ENCOUNTERED.search(text) or _LEXICAL.search(text))


def explain(text: str, spec: Path, folders: list[Path]) -> UnusableInput:
    """The first error of SANY's (or TLC's) output on this spec; a failure of SANY's own where it names none."""
    for find in (_syntax, _missing, _semantic):
        for error in find(text, spec, folders):
            return error
    if _WRONG_NAME.search(text):
        module = re.search(r"name '([^']*)' of", text)
        return UnusableInput(
            f"holds module {module[1] if module else '?'}, whose name must be that of the file", str(spec)
        )
    if unparsed := _UNPARSED.search(text):
        return UnusableInput("not a TLA+ module that SANY can parse", _file(unparsed[1], spec, folders))
    if "NullPointerException" in text and "Fatal errors while parsing" in text:
        return UnusableInput("no TLA+ module (---- MODULE Name ----) found", str(spec))
    return ToolFailure(f"SANY failed: {_last_words(text)}", str(spec))


def _syntax(text: str, spec: Path, folders: list[Path]) -> Iterator[UnusableInput]:
    encountered = _ENCOUNTERED.search(text) or _LEXICAL.search(text)
    if encountered is None:
        return
    unparsed = _UNPARSED.search(text)
    parsed = _PARSING.findall(text[: encountered.start()])
    file = _file(unparsed[1], spec, folders) if unparsed else (parsed[-1] if parsed else str(spec))
    found = encountered.groupdict()
    before = re.search(r'token "(.*)"', found.get("rest") or "")
    expected = _EXPECTED.search(text)
    message = f"syntax error: {found['what']}" + (f" after {before[1]}" if before else "")
    if expected:
        message += f", expected {expected['what']}"
    yield UnusableInput(message, Place(file, int(found["line"]), int(found["column"])))


def _missing(text: str, spec: Path, folders: list[Path]) -> Iterator[UnusableInput]:
    for missing in _MISSING.finditer(text):
        importer = _file(missing[2], spec, folders) if missing[2] else str(spec)
        searched = ", ".join(str(folder) for folder in folders)
        yield UnusableInput(f"there is no module {missing[1]} in {searched}", importer)
    if "File does not exist" in text and not spec.exists():
        yield UnusableInput("no such spec", str(spec))


def _semantic(text: str, spec: Path, folders: list[Path]) -> Iterator[UnusableInput]:
    start = max(text.find("*** Errors:"), text.find("*** Abort messages:"))
    if start < 0:
        return
    for found in _LOCATION.finditer(text[start:].split("*** Warnings:")[0]):
        place = Place(_file(found["module"], spec, folders), int(found["line"]), int(found["column"]))
        yield UnusableInput(found["what"], place)


def _file(module: str, spec: Path, folders: list[Path]) -> str:
    """The file of a module: beside the spec or in a library folder; its name where it is a standard module."""
    if module == spec.stem:
        return str(spec)
    for folder in folders:
        if (file := folder / f"{module}.tla").is_file():
            return str(file)
    return module


def _last_words(text: str) -> str:
    """The last lines worth reading: no stack traces."""
    lines = [
        line.strip() for line in text.splitlines() if line.strip() and not line.startswith(("\tat ", "Parsing file"))
    ]
    return " ".join(lines[-3:]) or "it said nothing"
