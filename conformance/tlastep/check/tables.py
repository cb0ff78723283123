"""Lists kept in TOML files, read into structs; what is wrong is named in one line, with its place in the file."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec

from tlastep.errors import Place, UnusableInput

_S = TypeVar("_S", bound=msgspec.Struct)

_PATH: Final = re.compile(r" - at `\$(?P<path>[^`]*)`")
_ITEM: Final = re.compile(r"\.(?P<table>\w+)\[(?P<index>\d+)\](?:\.(?P<key>\w+))?.*")
_TOML_PLACE: Final = re.compile(r" ?\(at (?:line (\d+), column (\d+)|end of document)\)")


def read_toml(path: Path) -> dict[str, Any]:
    """The document. Raises `UnusableInput` with line and column where it is no TOML."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableInput(f"can't be read: {error.strerror}", str(path)) from error
    except UnicodeDecodeError as error:
        raise UnusableInput("is not text in UTF-8", str(path)) from error
    except tomllib.TOMLDecodeError as error:
        found = _TOML_PLACE.search(str(error))
        line, column = (int(found[1] or 0), int(found[2] or 0)) if found else (0, 0)
        raise UnusableInput(_TOML_PLACE.sub("", str(error)), Place(str(path), line, column)) from error


def convert(table: Any, kind: type[_S], path: Path, prefix: str = "") -> _S:
    """The table as a struct. Raises `UnusableInput` with the line of the first key that does not fit."""
    try:
        return msgspec.convert(table, kind)
    except msgspec.ValidationError as error:
        message = str(error)
        where = _PATH.search(message)
        words = _PATH.sub("", message).replace("Object contains", "the table contains").replace("`", "")
        words = words.replace("Object missing required field", "the table lacks").replace("field", "key")
        item = _ITEM.fullmatch(where["path"]) if where else None
        if item:
            unknown = re.search(r"unknown key (\w+)", words)
            key = item["key"] or (unknown[1] if unknown else None)
            raise UnusableInput(words, place(path, item["table"], int(item["index"]), key)) from error
        raise UnusableInput(f"[{prefix}] {words}" if prefix else words, str(path)) from error


def place(path: Path, table: str, index: int, key: str | None = None) -> Place:
    """Where the table `[[table]]` of this index, or a key of it, stands in the file."""
    begun = -1
    first = 0
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
        begun += bool(re.match(rf"\s*\[\[\s*{table}\s*\]\]", line))
        if begun == index:
            first = first or number
            if key and re.match(rf"\s*{re.escape(key)}\s*=", line):
                return Place(str(path), number)
    return Place(str(path), first)
