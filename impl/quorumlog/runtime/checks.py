"""What is looked at before anybody is asked: JSON that is what was expected, numbers, sizes and names. No HTTP here."""

from __future__ import annotations

import re
from typing import Any, Final, TypeVar

import msgspec

from quorumlog.runtime import wire
from quorumlog.runtime.config import Config
from quorumlog.runtime.trouble import Trouble, bad

GREATEST: Final = 2**53
"""Numbers stay below: beyond, programs that read JSON would disagree about them."""
LONGEST_KEY: Final = 200

PLACE: Final = re.compile(r"^(?P<said>.*) - at `(?P<place>.*)`$", re.DOTALL)
Wanted = TypeVar("Wanted")


def decoded(text: bytes | msgspec.Raw, kind: type[Wanted], name: str) -> Wanted:
    """The value in a JSON text, with no field that its type does not have. Raises `Trouble`, with the field's name."""
    try:
        value: Wanted = msgspec.json.decode(text, type=kind)
        given: object = msgspec.json.decode(text)  # of what is ignored, too
    except msgspec.ValidationError as error:
        raise bad(*wrong(str(error), name)) from error
    except (msgspec.DecodeError, ValueError, RecursionError) as error:
        raise bad(name, f"expected JSON ({error})") from error
    for place in unknown(given, value, name):
        raise bad(place, "there is no such field")
    return value


def wrong(error: str, name: str) -> tuple[str, str]:
    """Where a value in JSON is not what it should be, and how, in the words of all other sentences."""
    said = PLACE.match(error)
    place = f"{name}{said['place'].removeprefix('$')}" if said else name
    sentence = (said["said"] if said else error).replace("`", "").replace(", got ", ", found ")
    return place, sentence[:1].lower() + sentence[1:]


def unknown(given: object, value: object, place: str) -> list[str]:
    """The places of fields that were given and that no type has."""
    if isinstance(given, dict) and isinstance(value, msgspec.Struct):
        fields = dict(zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True))
        tag = value.__struct_config__.tag_field
        extra = [f"{place}.{name}" for name in given if name not in fields and name != tag]
        held = [(name, getattr(value, field)) for name, field in fields.items() if name in given]
        return extra + [each for name, inner in held for each in unknown(given[name], inner, f"{place}.{name}")]
    if isinstance(given, list) and isinstance(value, list | tuple):
        pairs = enumerate(zip(given, value, strict=False))
        return [each for number, (one, inner) in pairs for each in unknown(one, inner, f"{place}[{number}]")]
    return []


def check_size(message: Any, config: Config) -> None:
    """Servers would close the connection over something larger. Raises `Trouble`."""
    try:
        size = len(wire.ENCODER.encode(message))
    except (OverflowError, ValueError, TypeError, RecursionError) as error:
        raise bad("command", f"expected something that can be encoded ({error})") from error
    if size > config.limits.command:
        raise Trouble(413, f"command: expected at most {config.limits.command} bytes, found {size}")


def check_numbers(command: Any) -> None:
    """No number of a command is so large that programs disagree about it. Raises `Trouble`."""
    for name, value in msgspec.to_builtins(command).items() if isinstance(command, msgspec.Struct) else ():
        if isinstance(value, int) and not -GREATEST < value < GREATEST:
            raise bad(f"command.{name}", f"expected a number below {GREATEST} (2^53)")


def check_name(text: str, place: str) -> str:
    """A key, or the name of a session. Raises `Trouble`."""
    if not (0 < len(text) <= LONGEST_KEY and text.isascii() and text.isprintable()):
        raise bad(place, f"expected 1 to {LONGEST_KEY} printable characters of ASCII")
    return text


def named(value: Any) -> str:
    """What a command is called."""
    return type(value).__name__.lower()


def value_of(said: Any) -> Any:
    """What a shard has found, without the version in which it has."""
    return said[0] if isinstance(said, tuple) else said
