"""Values, states and labels as TLC prints them → `tlastep.values`.

In dumps and traces the same text comes again and again, so a `Reader` remembers what each text means: whole variables,
and in the others every innermost record, tuple, set and function, which the tokeniser takes as one token.
"""

from __future__ import annotations

import re
from typing import Final, NoReturn

from tlastep.behaviour import Label
from tlastep.errors import UnusableInput
from tlastep.values import FALSE, TRUE, Value, function, model_value

_STRING: Final = r'"(?:[^"\\]|\\.)*+"'
_SIMPLE: Final = rf"{_STRING}|<<|>>|\|->|:>|@@|\.\.|-?\d+(?!\w)|\w+|\S"
_FLAT: Final = "|".join(
    rf"{begin}(?:[^\[\]{{}}()<{also}\"]|{_STRING})*+{end}"
    for begin, also, end in ((r"\[", "", r"\]"), (r"\(", "", r"\)"), (r"\{", ">", r"\}"), ("<<", ">", ">>"))
)
_TOKENS: Final = re.compile(f"{_FLAT}|{_SIMPLE}", re.DOTALL)
_SIMPLE_TOKENS: Final = re.compile(_SIMPLE, re.DOTALL)
_NUMBER: Final = re.compile(r"-?\d+\Z")
_LABEL: Final = re.compile(r"(?P<action>[\w!]+)(?P<arguments>\(.*\))?(?: line \d+, col \d+ .*)?\Z", re.DOTALL)
_ESCAPE: Final = re.compile(r"\\(.)", re.DOTALL)
_ESCAPED: Final = {"n": "\n", "t": "\t", "r": "\r", "f": "\f"}
_END: Final = "the end"
_REMEMBERED: Final = 500_000


class Reader:
    """Reads many values, and each text once."""

    def __init__(self) -> None:
        self._values: dict[str, Value] = {}
        self._parts: dict[str, Value] = {"TRUE": TRUE, "FALSE": FALSE}
        self._labels: dict[str, Label] = {}

    def value(self, text: str) -> Value:
        """The value of a text. Raises `UnusableInput` for what TLC does not print."""
        known = self._values.get(text)
        if known is None:
            if len(self._values) >= _REMEMBERED:
                self._values.clear()
            known = self._values[text] = self._parse(text, _TOKENS)
        return known

    def state(self, text: str) -> dict[str, Value]:
        r"""The state of a text: `/\ x = …`, on one line or several, for each variable; one alone has no `/\ `."""
        text = text.strip()
        parts = text[3:].split("\n/\\ ") if text.startswith("/\\ ") else [text]
        state: dict[str, Value] = {}
        for part in parts:
            name, equals, value = part.partition("=")
            if not equals:
                raise UnusableInput(f"expected a state of TLC (name = value), found {_short(text)}")
            state[name.strip()] = self.value(value.strip())
        return state

    def label(self, text: str) -> Label:
        """The label of `Act`, `Act(a, 1)` or `Act line 1, col 2 to …`; `arguments` is None where TLC gives none."""
        known = self._labels.get(text)
        if known is None:
            known = self._labels[text] = self._label(text)
        return known

    def _label(self, text: str) -> Label:
        found = _LABEL.match(text)
        if found is None:
            return Label(text.partition(" line ")[0])
        if found["arguments"] is None:
            return Label(found["action"])
        arguments = self._parse(f"<<{found['arguments'][1:-1]}>>", _TOKENS)
        assert isinstance(arguments, tuple)
        return Label(found["action"], arguments)

    def _parse(self, text: str, tokens: re.Pattern[str]) -> Value:
        parser = _Parser(tokens.findall(text), self)
        value = parser.value()
        if parser.at != len(parser.tokens) - 1:
            parser.fail("the end of the value")
        return value

    def part(self, token: str) -> Value:
        """The value of an atom, or of a compound value that is one token."""
        known = self._parts.get(token)
        if known is None:
            known = self._parts[token] = self._atom(token)
            if len(self._parts) > _REMEMBERED:
                self._parts = {"TRUE": TRUE, "FALSE": FALSE}
        return known

    def _atom(self, token: str) -> Value:
        if _NUMBER.match(token):
            return int(token)
        if token[0] == '"' and len(token) > 1:
            return _ESCAPE.sub(lambda found: _ESCAPED.get(found[1], found[1]), token[1:-1])
        if token.isidentifier() or token.isalnum():
            return model_value(token)
        return self._parse(token, _SIMPLE_TOKENS)


class _Parser:
    """Recursive descent over the tokens of one value."""

    __slots__ = ("_reader", "at", "tokens")

    def __init__(self, tokens: list[str], reader: Reader) -> None:
        self.tokens = [*tokens, _END]
        self.at = 0
        self._reader = reader

    def value(self) -> Value:
        token = self.tokens[self.at]
        self.at += 1
        if token == "<<":
            return tuple(self._items(">>"))
        if token == "{":
            return frozenset(self._items("}"))
        if token == "[":
            return self._record()
        if token == "(":
            return self._function()
        if token == _END or not (len(token) > 1 or token.isalnum() or token == "_"):
            self.at -= 1
            self.fail("a value")
        value = self._reader.part(token)
        if self.tokens[self.at] == ".." and isinstance(value, int):
            return self._interval(value)
        return value

    def _items(self, end: str) -> list[Value]:
        items: list[Value] = []
        if self.tokens[self.at] == end:
            self.at += 1
            return items
        while True:
            items.append(self.value())
            token = self.tokens[self.at]
            if token != end and token != ",":
                self.fail(f", or {end}")
            self.at += 1
            if token == end:
                return items

    def _record(self) -> Value:
        fields: dict[Value, Value] = {}
        while True:
            name = self.tokens[self.at]
            self.at += 1
            self._expect("|->")
            fields[name] = self.value()
            if self.tokens[self.at] != ",":
                break
            self.at += 1
        self._expect("]")
        return function(fields)

    def _function(self) -> Value:
        pairs: dict[Value, Value] = {}
        while True:
            argument = self.value()
            self._expect(":>")
            # Of two pairs with one argument the left one holds, as `@@` says.
            pairs.setdefault(argument, self.value())
            if self.tokens[self.at] != "@@":
                break
            self.at += 1
        self._expect(")")
        return function(pairs)

    def _interval(self, first: int) -> Value:
        self.at += 1
        last = self.value()
        if not isinstance(last, int):
            self.fail("a number after ..")
        return frozenset(range(first, last + 1))

    def _expect(self, token: str) -> None:
        if self.tokens[self.at] != token:
            self.fail(token)
        self.at += 1

    def fail(self, expected: str) -> NoReturn:
        around = " ".join(self.tokens[max(self.at - 3, 0) : self.at])
        found = self.tokens[self.at] if self.at < len(self.tokens) else _END
        raise UnusableInput(f"expected {expected}, found {_short(found)} after {_short(around)!r} in a value of TLC")


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:77] + "..."
