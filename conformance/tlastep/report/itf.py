"""Behaviours in the Informal Trace Format, a form of JSON that Apalache, Quint and others read and write.

This is the toolkit's own form of a counterexample as well. The name and the arguments of an action stand in a state's
`#meta`. A model value is written as `name_OF_MODEL`, which is how Apalache writes uninterpreted constants.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.errors import Place, UnusableInput
from tlastep.values import Bool, Fn, ModelValue, Value, boolean, function, in_order, model_value

_MODEL_VALUE: Final = re.compile(r"(.+)_OF_[A-Z][A-Z_0-9]*")
_EXACT: Final = 2**53  # integers up to here are the same in every reader of JSON


def dumps(behaviour: Behaviour, source: str = "") -> str:
    """The text of a behaviour."""
    return json.dumps(encode(behaviour, source), indent=1, ensure_ascii=False) + "\n"


def encode(behaviour: Behaviour, source: str = "") -> dict[str, Any]:
    """A behaviour as a JSON document."""
    variables = list(behaviour.steps[0].state) if behaviour.steps else []
    meta: dict[str, Any] = {"format": "ITF", "source": source}
    if behaviour.stutters:
        meta["stutters"] = True
    document: dict[str, Any] = {"#meta": meta, "vars": variables}
    document["states"] = [_state(index, step) for index, step in enumerate(behaviour.steps)]
    loop = len(behaviour) - 1 if behaviour.stutters else behaviour.loop
    return document if loop is None else {**document, "loop": loop}


def _state(index: int, step: Step) -> dict[str, Any]:
    meta: dict[str, Any] = {"index": index}
    if step.label is not None:
        meta["action"] = step.label.action
        if step.label.arguments is not None:
            meta["arguments"] = [encode_value(each) for each in step.label.arguments]
    return {"#meta": meta, **{name: encode_value(value) for name, value in step.state.items()}}


def encode_value(value: Value) -> Any:
    """A value as ITF has it."""
    if isinstance(value, Bool):
        return bool(value)
    if isinstance(value, int):
        return value if -_EXACT < value < _EXACT else {"#bigint": str(value)}
    if isinstance(value, str):
        return value
    if isinstance(value, ModelValue):
        return f"{value.name}_OF_MODEL"
    if isinstance(value, tuple):
        return [encode_value(item) for item in value]
    if isinstance(value, frozenset):
        return {"#set": [encode_value(item) for item in in_order(value)]}
    if all(isinstance(key, str) for key in value):
        return {str(key): encode_value(value[key]) for key in in_order(value)}
    return {"#map": [[encode_value(key), encode_value(value[key])] for key in in_order(value)]}


def loads(text: str, name: str) -> Behaviour:
    """The behaviour in a text; `name` says in errors where it comes from."""
    try:
        document = json.loads(text)
    except json.JSONDecodeError as error:
        raise UnusableInput(f"expected JSON: {error.msg}", Place(name, error.lineno, error.colno)) from error
    states = document.get("states") if isinstance(document, dict) else None
    if not isinstance(states, list) or not states:
        raise UnusableInput("expected a trace in ITF: an object with a list of `states`", name)
    steps = tuple(_step(state, f"{name}, state {index}") for index, state in enumerate(states))
    stutters = bool(_meta(document).get("stutters"))
    loop = document.get("loop")
    if loop is not None and not (isinstance(loop, int) and 0 <= loop < len(steps)):
        raise UnusableInput(f"expected `loop` to be the index of a state, not {loop!r}", name)
    return Behaviour(steps, None if stutters else loop, stutters)


def _meta(document: Mapping[str, Any]) -> Mapping[str, Any]:
    meta = document.get("#meta")
    return meta if isinstance(meta, dict) else {}


def _step(state: object, place: str) -> Step:
    if not isinstance(state, dict):
        raise UnusableInput("expected an object that gives each variable a value", place)
    meta = _meta(state)
    label = None
    if isinstance(meta.get("action"), str):
        arguments = meta.get("arguments")
        values = tuple(decode_value(each, place) for each in arguments) if isinstance(arguments, list) else None
        label = Label(meta["action"], values)
    return Step(
        label, {name: decode_value(value, f"{place}.{name}") for name, value in state.items() if name[0] != "#"}
    )


def decode_value(document: object, place: str) -> Value:
    """The value that ITF writes so."""
    if isinstance(document, bool):
        return boolean(document)
    if isinstance(document, int):
        return document
    if isinstance(document, str):
        found = _MODEL_VALUE.fullmatch(document)
        return model_value(found[1]) if found else document
    if isinstance(document, list):
        return tuple(decode_value(item, place) for item in document)
    if isinstance(document, dict):
        return _decode_object(document, place)
    raise UnusableInput(f"{document!r} is not a value in ITF", place)


def _decode_object(document: Mapping[str, Any], place: str) -> Value:
    tag = next(iter(document), "")
    if not tag.startswith("#"):
        return Fn({name: decode_value(value, place) for name, value in document.items()}) if document else ()
    inner = document[tag]
    if tag == "#bigint" and isinstance(inner, str) and re.fullmatch(r"-?\d+", inner):
        return int(inner)
    if tag in ("#set", "#tup") and isinstance(inner, list):
        items = [decode_value(item, place) for item in inner]
        return tuple(items) if tag == "#tup" else frozenset(items)
    if tag == "#map" and isinstance(inner, list) and all(isinstance(pair, list) and len(pair) == 2 for pair in inner):
        return function({decode_value(key, place): decode_value(value, place) for key, value in inner})
    raise UnusableInput(f"{tag} with {inner!r} is not a value that can be read", place)
