"""Python text generated from a spec: a typed protocol of its actions and variables, and a binding to fill in."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterable
from typing import Final

from tlastep.compile.types import Inferred, Signature
from tlastep.language.config import Config

_WIDTH: Final = 120
_BUILT_IN: Final = frozenset({"object", "int", "bool", "str", "tuple", "Literal", "ModelValue"})


def protocol(module: str, source: str, found: Inferred) -> str:
    """A Python module with the types of a spec's variables, and a protocol with a method for each action."""
    parameters = _type_parameters(found)
    lines = [
        f'"""The actions and variables of {module}, generated from {source}.',
        "",
        "Generate it again when the spec changes. A module that binds the spec is checked against it by mypy:",
        "",
        f"    actions: Actions[{', '.join(['State', *('...' for _ in parameters)])}] = the_binding",
        '"""',
        "",
        "from __future__ import annotations",
        "",
        *_imports(found),
        "",
        *_aliases(found),
        *_records(found),
        *_variables(found),
        'State = TypeVar("State")',
    ]
    lines += [f'{name} = TypeVar("{name}", contravariant=True)  # {shown}' for shown, name in parameters.items()]
    lines += ["", "", f"class Actions(Protocol[{', '.join(['State', *parameters.values()])}]):"]
    lines += [
        f'    """One method an action of {module}: the next state, or an exception where it can\'t be taken."""',
        "",
    ]
    for action in found.actions.values():
        lines += [f"    def {_name(action.name)}({_method_parameters(action, parameters)}) -> State: ...", ""]
    return "\n".join(lines).rstrip() + "\n"


def binding(module: str, found: Inferred, settings: Config) -> str:
    """A Python module that binds a spec as it is configured, with what only its author knows left to fill in."""
    parameters = {name: kind.text for action in found.actions.values() for name, kind in action.parameters}
    lines = [
        f'"""The spec {module} and the code: which function is which action, which value is which variable."""',
        "",
        "from __future__ import annotations",
        "",
        f"from tlastep.binding import Binding, Constants{', Property' if settings.constraints else ''}",
        "",
        "from your_package import YourState  # an immutable, hashable state of your code",
        "",
        f'{_snake(module)}: Binding[YourState] = Binding("{module}")',
        "",
        *(
            f'{_snake(module)}.parameter("{name}", domain=lambda constants: ...)  # all values of type {kind}'
            for name, kind in parameters.items()
        ),
        "",
        "",
        f'@{_snake(module)}.start("{settings.start}")',
        "def start(constants: Constants) -> YourState: ...",
    ]
    for action in found.actions.values():
        operands = "".join(f", {_name(name)}: object" for name, _ in action.parameters)
        lines += [
            "",
            "",
            f"@{_snake(module)}.action",
            f"def {_name(action.name)}(state: YourState{operands}) -> YourState: ...",
        ]
    lines += [
        "",
        "",
        f"@{_snake(module)}.observe",
        "def variables(state: YourState) -> dict[str, object]:",
        "    return {",
    ]
    lines += [f'        "{name}": ...,  # {kind.text}' for name, kind in found.variables.items()]
    return "\n".join([*lines, "    }", *_claims(_snake(module), settings)]) + "\n"


def _claims(name: str, settings: Config) -> list[str]:
    """What holds of every state, and which states are within the bound, once more in the words of the code."""
    takes = {"invariant": "state: YourState) -> bool", "bound": "constants: Constants) -> list[Property]"}
    claims = [("invariant", each.text) for each in settings.invariants]
    claims += [("bound", each.text) for each in settings.constraints]
    lines = []
    for kind, claim in claims:
        # A function may not have the name of something above it.
        lines += ["", "", f'@{name}.{kind}("{claim}")', f"def {kind}_{_snake(claim)}({takes[kind]}: ..."]
    return lines


def _type_parameters(found: Inferred) -> dict[str, str]:
    """For each type that actions take, the type variable that stands for the code's own form of it."""
    shown = dict.fromkeys(kind.text for action in found.actions.values() for _, kind in action.parameters)
    taken: dict[str, str] = {}
    for text in shown:
        words = "".join(word[:1].upper() + word[1:] for word in re.findall(r"\w+", text) if word not in _BUILT_IN)
        name = f"{words or 'Argument'}T"
        while name in taken.values():
            name += "T"
        taken[text] = name
    return taken


def _method_parameters(action: Signature, names: dict[str, str]) -> str:
    operands = [f"{_name(name)}: {names[kind.text]}" for name, kind in action.parameters]
    return ", ".join(["self", "state: State", "/", *operands])


def _imports(found: Inferred) -> list[str]:
    text = " ".join(_texts(found))
    collections = [name for name in ("Mapping", "Sequence", "Set") if re.search(rf"\b{name}\b", text)]
    lines = [f"from collections.abc import {', '.join(collections)}"] if collections else []
    typing = ["Literal"] if "Literal[" in text else []
    typing += ["Protocol", *(["TypeAlias"] if found.constants else []), "TypedDict", "TypeVar"]
    lines.append(f"from typing import {', '.join(typing)}")
    return [*lines, "", "from tlastep.values import ModelValue"] if "ModelValue" in text else lines


def _texts(found: Inferred) -> Iterable[str]:
    yield from (kind.text for kind in found.variables.values())
    yield from (kind.text for kind in found.constants.values())
    for fields in found.records.values():
        yield from fields.values()


def _aliases(found: Inferred) -> list[str]:
    lines = [f"{name}: TypeAlias = {_quoted(kind.text)}" for name, kind in found.constants.items()]
    return [*lines, ""] if lines else []


def _records(found: Inferred) -> list[str]:
    """The functional form: fields may bear names that Python keeps for itself, such as `from`."""
    lines: list[str] = []
    for name, fields in found.records.items():
        inside = [f'"{field}": {_quoted(text)}' for field, text in fields.items()]
        line = f'{name} = TypedDict("{name}", {{{", ".join(inside)}}})'
        long = [
            f"{name} = TypedDict(",
            f'    "{name}",',
            "    {",
            *(f"        {each}," for each in inside),
            "    },",
            ")",
        ]
        lines += [line] if len(line) <= _WIDTH else long
    return [*lines, ""] if lines else []


def _variables(found: Inferred) -> list[str]:
    inside = [f'        "{name}": {_quoted(kind.text)},' for name, kind in found.variables.items()]
    return ["Variables = TypedDict(", '    "Variables",', "    {", *inside, "    },", ")", ""]


def _quoted(text: str) -> str:
    """A type that may name what is defined later."""
    return "'" + text + "'" if '"' in text else f'"{text}"'


def _name(name: str) -> str:
    code = re.sub(r"\W", "_", name)
    return f"{code}_" if keyword.iskeyword(code) else code


def _snake(name: str) -> str:
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name).lower()
