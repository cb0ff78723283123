"""JSON values as histories have them: numbers exact, and one text for each value."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Final, NoReturn, TypeAlias

Json: TypeAlias = "bool | int | Decimal | str | list[Json] | dict[str, Json] | None"
"""A JSON value. A number without a fraction is an `int`, however it was written."""

DIGITS: Final = 400  # a number with more is kept as a `Decimal`, so that 1e999999999 stays small


def parse(text: str) -> Json:
    """The value that a JSON text stands for; `ValueError` if it is none."""
    try:
        value: Json = json.loads(text, parse_float=_number, parse_constant=_refuse)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def _number(text: str) -> int | Decimal:
    value = Decimal(text)
    size = value.adjusted()
    return int(value) if not value or (-DIGITS < size < DIGITS and value == int(value)) else value


def _refuse(text: str) -> NoReturn:
    raise ValueError(f"{text} is no JSON")


def text_of(value: Json) -> str:
    """The value as JSON: equal values have equal texts, and different values different ones."""
    if isinstance(value, Decimal):
        sign, digits, exponent = value.as_tuple()
        figures = "".join(map(str, digits)).lstrip("0")
        short = figures.rstrip("0")
        assert isinstance(exponent, int), "JSON has no infinite numbers"
        return f"{'-' if sign else ''}{short}E{exponent + len(figures) - len(short)}"
    if isinstance(value, list):
        return f"[{','.join(map(text_of, value))}]"
    if isinstance(value, dict):
        return f"{{{','.join(f'{json.dumps(name)}:{text_of(value[name])}' for name in sorted(value))}}}"
    return json.dumps(value)


def is_integer(value: Json) -> bool:
    """Whether it is an integer: Python takes true for one."""
    return isinstance(value, int) and not isinstance(value, bool)
