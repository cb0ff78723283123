"""TLC's configuration files, as far as running TLC needs it: their sections, to ask for less than all of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

_COMMENTS: Final = re.compile(r'("[^"\n]*")|\\\*[^\n]*|\(\*.*?\*\)', re.DOTALL)
_TOKENS: Final = re.compile(r'"[^"\n]*"|[^\s"]+')
_PROPERTIES: Final = frozenset({"PROPERTY", "PROPERTIES"})
_CHECKS: Final = frozenset({"INVARIANT", "INVARIANTS"}) | _PROPERTIES
_DROPPED: Final = _CHECKS | {"POSTCONDITION"}
_BOUNDS: Final = frozenset({"CONSTRAINT", "CONSTRAINTS", "ACTION_CONSTRAINT", "ACTION_CONSTRAINTS"})
_KEYWORDS: Final = {
    *_DROPPED,
    *_BOUNDS,
    *("CONSTANT", "CONSTANTS", "INIT", "NEXT", "SPECIFICATION", "SYMMETRY", "VIEW", "TYPE", "TYPE_CONSTRAINT"),
    *("CHECK_DEADLOCK", "ALIAS", "_PERIODIC", "_RL_REWARD"),
}


def properties(text: str) -> list[str]:
    """The names under PROPERTY."""
    return [word for keyword, word, _, _ in _words(text) if keyword in _PROPERTIES and word != keyword]


def checking_only(text: str, name: str | None = None) -> str:
    """The same configuration with one of its properties or invariants, or with none; the lines keep their numbers."""
    keyword = "PROPERTY" if name in properties(text) else "INVARIANT"
    return _without(_DROPPED, text) + (f"\n{keyword} {name}\n" if name is not None else "")


def without_other_properties(text: str, name: str) -> str:
    """The same configuration with one of its properties and all of its invariants; the lines keep their numbers."""
    return _without(_PROPERTIES, text) + f"\nPROPERTY {name}\n"


def without_bounds(text: str) -> str:
    """The same configuration with no constraint; the lines keep their numbers."""
    return _without(_BOUNDS, text)


def _without(dropped: frozenset[str], text: str) -> str:
    kept = list(without_comments(text))
    for keyword, _, begin, end in _words(text):
        if keyword in dropped:
            kept[begin:end] = " " * (end - begin)
    return "".join(kept)


def _words(text: str) -> Iterator[tuple[str, str, int, int]]:
    """Each word with the keyword whose section it is in (a keyword is in its own), its begin and its end."""
    keyword = ""
    for found in _TOKENS.finditer(without_comments(text)):
        if found[0] in _KEYWORDS:
            keyword = found[0]
        yield keyword, found[0], found.start(), found.end()


def without_comments(text: str) -> str:
    """The text, of a configuration or a module, with blanks in place of its comments."""

    def blank(found: re.Match[str]) -> str:
        return found[1] or re.sub(r"[^\n]", " ", found[0])

    return _COMMENTS.sub(blank, text)
