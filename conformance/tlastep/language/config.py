"""TLC's configuration files (.cfg), as values. Names are checked against the spec where TLC would be silent."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, NamedTuple

from tlastep.errors import Place, UnusableInput
from tlastep.values import FALSE, TRUE, Value, model_value

_SECTIONS: Final = {
    "CONSTANT": "CONSTANT",
    "CONSTANTS": "CONSTANT",
    "INIT": "INIT",
    "NEXT": "NEXT",
    "SPECIFICATION": "SPECIFICATION",
    "INVARIANT": "INVARIANT",
    "INVARIANTS": "INVARIANT",
    "PROPERTY": "PROPERTY",
    "PROPERTIES": "PROPERTY",
    "CONSTRAINT": "CONSTRAINT",
    "CONSTRAINTS": "CONSTRAINT",
    "ACTION_CONSTRAINT": "ACTION_CONSTRAINT",
    "ACTION_CONSTRAINTS": "ACTION_CONSTRAINT",
    "SYMMETRY": "SYMMETRY",
    "VIEW": "VIEW",
    "CHECK_DEADLOCK": "CHECK_DEADLOCK",
    "ALIAS": "ALIAS",
    "POSTCONDITION": "POSTCONDITION",
}
_TOKEN: Final = re.compile(
    r"""(?P<blank>\s+|\\\*[^\n]*|\(\*.*?\*\))
      | (?P<string>"(?:[^"\\]|\\.)*")
      | (?P<number>-?\d+)
      | (?P<name>[A-Za-z0-9_!]*[A-Za-z_!][A-Za-z0-9_!]*)
      | (?P<sign><-|[={},\[\]])""",
    re.VERBOSE | re.DOTALL,
)


class Name(NamedTuple):
    """A name in a .cfg and where it stands there."""

    text: str
    place: Place


@dataclass
class Config:
    """What a .cfg says. `constants` are values; `overrides` maps a name to the definition that replaces it."""

    path: Path
    constants: dict[Name, Value] = field(default_factory=dict)
    overrides: dict[Name, Name] = field(default_factory=dict)
    init: Name | None = None
    next: Name | None = None
    specification: Name | None = None
    invariants: list[Name] = field(default_factory=list)
    properties: list[Name] = field(default_factory=list)
    constraints: list[Name] = field(default_factory=list)
    action_constraints: list[Name] = field(default_factory=list)
    symmetry: Name | None = None
    view: Name | None = None
    check_deadlock: bool = True

    @property
    def start(self) -> str:
        """What a model starts from, by name: its INIT or its SPECIFICATION."""
        name = self.init or self.specification
        return name.text if name else ""


def read_config(path: Path) -> Config:
    """The configuration in that file. Raises `UnusableInput` with line and column for anything else."""
    try:
        text = path.read_text()
    except OSError as error:
        raise UnusableInput(f"can't be read: {error.strerror}", str(path)) from error
    return _Parser(path, text).config()


class _Token(NamedTuple):
    kind: str
    text: str
    place: Place


def _tokens(path: Path, text: str) -> Iterator[_Token]:
    position = 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        line = text.count("\n", 0, position) + 1
        place = Place(str(path), line, position - text.rfind("\n", 0, position))
        if not match or not match.lastgroup:
            raise UnusableInput(f"unexpected {text[position]!r}", place)
        if match.lastgroup != "blank":
            yield _Token(match.lastgroup, match[0], place)
        position = match.end()


class _Parser:
    def __init__(self, path: Path, text: str) -> None:
        self._tokens = list(_tokens(path, text))
        self._at = 0
        self._end = Place(str(path), text.count("\n") + 1, 1)
        self._config = Config(path)

    def config(self) -> Config:
        while (token := self._peek()) is not None:
            section = _SECTIONS.get(token.text)
            if section is None:
                raise UnusableInput(
                    f"expected a section such as CONSTANT or INVARIANT, not {token.text!r}", token.place
                )
            self._take()
            self._read_section(section, token.place)
        return self._config

    def _read_section(self, section: str, place: Place) -> None:
        config = self._config
        if section == "CONSTANT":
            self._read_constants()
        elif section == "CHECK_DEADLOCK":
            config.check_deadlock = self._name().text == "TRUE"
        elif section in ("INVARIANT", "PROPERTY", "CONSTRAINT", "ACTION_CONSTRAINT"):
            lists = {
                "INVARIANT": config.invariants,
                "PROPERTY": config.properties,
                "CONSTRAINT": config.constraints,
                "ACTION_CONSTRAINT": config.action_constraints,
            }
            while self._at_name():
                lists[section].append(self._name())
        elif section in ("ALIAS", "POSTCONDITION"):
            self._name()  # they change what TLC prints, not what it finds
        else:
            attribute = section.lower()
            if getattr(config, attribute) is not None:
                raise UnusableInput(f"a second {section}", place)
            setattr(config, attribute, self._name())

    def _read_constants(self) -> None:
        while self._at_name():
            name = self._name()
            sign = self._take()
            if sign.text == "=":
                self._config.constants[name] = self._value()
            elif sign.text == "<-":
                if (module := self._peek()) is not None and module.text == "[":
                    raise UnusableInput("a replacement inside a named module (<-[M]) is not supported", module.place)
                self._config.overrides[name] = self._name()
            else:
                raise UnusableInput(f"expected = or <- after {name.text}, not {sign.text!r}", sign.place)

    def _value(self) -> Value:
        token = self._take()
        if token.kind == "number":
            return int(token.text)
        if token.kind == "string":
            return re.sub(r"\\(.)", r"\1", token.text[1:-1])
        if token.kind == "name":
            return {"TRUE": TRUE, "FALSE": FALSE}.get(token.text) or model_value(token.text)
        if token.text == "{":
            return self._set()
        raise UnusableInput(f"expected a value, not {token.text!r}", token.place)

    def _set(self) -> Value:
        items = set()
        if (token := self._peek()) is not None and token.text == "}":
            self._take()
            return frozenset()
        while True:
            items.add(self._value())
            token = self._take()
            if token.text == "}":
                return frozenset(items)
            if token.text != ",":
                raise UnusableInput(f"expected , or }} in a set, not {token.text!r}", token.place)

    def _at_name(self) -> bool:
        token = self._peek()
        return token is not None and token.kind == "name" and token.text not in _SECTIONS

    def _name(self) -> Name:
        token = self._take()
        if token.kind != "name":
            raise UnusableInput(f"expected a name, not {token.text!r}", token.place)
        return Name(token.text, token.place)

    def _peek(self) -> _Token | None:
        return self._tokens[self._at] if self._at < len(self._tokens) else None

    def _take(self) -> _Token:
        token = self._peek()
        if token is None:
            raise UnusableInput("the file ends where a name or a value was expected", self._end)
        self._at += 1
        return token
