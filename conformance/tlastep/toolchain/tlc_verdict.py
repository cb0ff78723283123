"""TLC's exit status and messages → a result in words, or an exception that says whose fault it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tlastep.errors import Place, ToolFailure, UnusableInput
from tlastep.toolchain import java, sany_errors, tlc_config, tlc_output
from tlastep.toolchain.tlc_output import Message

_HOLDS, _ASSUMPTION, _DEADLOCK, _SAFETY, _LIVENESS = 0, 10, 11, 12, 13
_EVALUATION: Final = frozenset({14, 75, 76, 77})
_PARSE, _CONFIG, _ERROR = 150, 151, 255

_CONFIG_CODES: Final = frozenset(range(5001, 5008))
_CONSTANT_INVARIANT: Final = 2230
_OUT_OF_RESOURCES: Final = frozenset({1001, 1002, 1003, 1005})
_VIOLATED: Final = re.compile(
    r"(?:Invariant|Action property|Property|Temporal propert(?:y|ies)) (?P<name>[\w!]+) (?:is|was|were) violated"
)
_CONFIG_LINE: Final = re.compile(r"configuration file at line (\d+)\s*(.*)", re.DOTALL)
_BOILERPLATE: Final = re.compile(
    r"TLC threw an unexpected exception\.\s*This was probably caused by an error in the spec or model\.\s*"
    r"See the User Output or TLC Console for clues to what happened\.\s*The exception was an? [\w.$]+\s*:?\s*"
)


def judge(
    run: java.Finished, found: Sequence[Message], spec: Path, config: Path, folders: list[Path]
) -> tuple[str, str]:
    """The result and TLC's message. A violated property that TLC does not name is "property" alone."""
    errors = tlc_output.errors(found)
    message = _message(errors)
    _raise_for_resources(errors, spec)
    if run.status == _HOLDS:
        # An error in a temporal formula can end TLC with status 0: only its own word counts.
        return ("error", _placed(message, found)) if errors else ("ok", "")
    if run.status == _ASSUMPTION:
        return "assumption", message
    if run.status == _DEADLOCK:
        return "deadlock", message
    if run.status in (_SAFETY, _LIVENESS):
        return _violated(run.status, message, config), message
    if run.status == _PARSE:
        raise sany_errors.explain(f"{run.text}\n{run.errors}", spec, folders)
    if run.status == _CONFIG and (constant := _constant_invariant(errors)):
        return constant, message
    if run.status == _CONFIG or _about_config(errors):
        raise _config_error(message, config)
    if run.status in _EVALUATION or (run.status == _ERROR and errors):
        return "error", _placed(message, found)
    said = message or " ".join(run.errors.split())[:300] or "it said nothing"
    raise ToolFailure(f"TLC failed with status {run.status}: {said}", str(spec))


def _violated(status: int, message: str, config: Path) -> str:
    named = _VIOLATED.search(message)
    if named is None:
        return "property"
    # TLC checks a property of the form []P as an invariant, and says so.
    if status == _SAFETY and named["name"] not in tlc_config.properties(config.read_text(encoding="utf-8")):
        return f"invariant {named['name']}"
    return f"property {named['name']}"


def _message(errors: Sequence[Message]) -> str:
    if not errors:
        return ""
    return " ".join(_BOILERPLATE.sub("", errors[0].text).split())


def _placed(message: str, found: Sequence[Message]) -> str:
    position = tlc_output.place(found)
    return f"{message} ({Place(*position)})" if position else message


def _raise_for_resources(errors: Sequence[Message], spec: Path) -> None:
    for error in errors:
        if error.code in _OUT_OF_RESOURCES or _OUT_OF_RESOURCES.intersection(error.nested):
            raise ToolFailure(f"TLC ran out of memory or stack: {_message([error])}", str(spec))


def _about_config(errors: Sequence[Message]) -> bool:
    return any(_CONFIG_CODES.intersection((error.code, *error.nested)) for error in errors)


def _constant_invariant(errors: Sequence[Message]) -> str | None:
    for error in errors:
        if error.code == _CONSTANT_INVARIANT and (name := re.search(r"invariant of (\S+)", error.text)):
            return f"invariant {name[1]}"
    return None


def _config_error(message: str, config: Path) -> UnusableInput:
    if line := _CONFIG_LINE.search(message):
        return UnusableInput(line[2], Place(str(config), int(line[1])))
    return UnusableInput(message, str(config))
