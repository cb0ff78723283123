"""SANY's XML → syntax tree. Both layouts are read: the one of 2020 and the one of today."""

from __future__ import annotations

import xml.etree.ElementTree as ElementTree
from functools import lru_cache
from typing import Final
from xml.etree.ElementTree import Element

from tlastep.errors import Place, ToolFailure, Unsupported
from tlastep.language.tree import (
    Assumption,
    At,
    Bound,
    BuiltIn,
    Declaration,
    Definition,
    Expr,
    Instance,
    LetIn,
    Number,
    OperatorArgument,
    Parameter,
    Spec,
    Symbol,
    Text,
    Use,
)

_VARIABLE_KIND: Final = "3"


@lru_cache(maxsize=64)
def read_spec(xml: bytes) -> Spec:
    """The spec in an export of SANY's. Raises `ToolFailure` for text that is no such export.

    They are kept, two megabytes each: many models are of one spec. Nobody changes a tree that was read.
    """
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError as error:
        raise ToolFailure(f"SANY's XML can't be read: {error}") from error
    return _Reader(root).spec()


class _Reader:
    def __init__(self, root: Element) -> None:
        context = root.find("context")
        if context is None:
            raise ToolFailure("SANY's XML has no <context>")
        self._root = root
        self._entries = {_text(entry, "UID"): entry[1] for entry in context}
        self._symbols: dict[str, Symbol] = {}
        self._named_facts: dict[str, Expr] = {}

    def spec(self) -> Spec:
        name = _text(self._root, "RootModule")
        module = next(
            node for node in self._entries.values() if node.tag == "ModuleNode" and _text(node, "uniquename") == name
        )
        # The export lists declarations in no order; their UIDs grow as the text is read.
        refs = sorted((ref for ref in module if ref.tag == "OpDeclNodeRef"), key=lambda ref: int(_text(ref, "UID")))
        declarations = [self._symbol(ref) for ref in refs]
        definitions = [self._symbol(ref) for ref in module if ref.tag == "UserDefinedOpKindRef"]
        declared = [each for each in declarations if isinstance(each, Declaration)]
        return Spec(
            name=name,
            constants=tuple(each for each in declared if not each.is_variable),
            variables=tuple(each for each in declared if each.is_variable),
            definitions={each.name: each for each in definitions if isinstance(each, Definition)},
            assumptions=tuple(self._assumptions()),
        )

    def _assumptions(self) -> list[Assumption]:
        """ASSUMEs of all modules: TLC checks those of extended modules too."""
        found = []
        for node in self._entries.values():
            if node.tag != "AssumeNode":
                continue
            definition = node.find("definition")
            name = ""
            if definition is not None:
                name = _text(self._entries[_text(definition[0], "UID")], "uniquename")
            found.append(Assumption(name, self._expr(_child(node, "body")[0]), _place(node)))
        return sorted(found, key=lambda each: (each.place.file, each.place.line))

    # -- symbols ----------------------------------------------------------------------------------------

    def _symbol(self, ref: Element) -> Symbol:
        uid = _text(ref, "UID")
        if uid not in self._symbols:
            self._add_symbol(uid, self._entries[uid])
        return self._symbols[uid]

    def _add_symbol(self, uid: str, node: Element) -> None:
        name = _text(node, "uniquename")
        if node.tag == "BuiltInKind":
            self._symbols[uid] = BuiltIn(name)
        elif node.tag == "OpDeclNode":
            is_variable = _text(node, "kind") == _VARIABLE_KIND
            self._symbols[uid] = Declaration(name, int(_text(node, "arity")), is_variable, _place(node).file)
        elif node.tag == "FormalParamNode":
            self._symbols[uid] = Parameter(uid, name, int(_text(node, "arity")))
        elif node.tag == "UserDefinedOpKind":
            self._add_definition(uid, node, name)
        elif node.tag in ("AssumeDef", "TheoremDefNode"):
            self._add_fact(uid, node, name)
        else:
            raise Unsupported(f"{node.tag} {name}", _place(node))

    def _add_definition(self, uid: str, node: Element, name: str) -> None:
        parameters = tuple(self._parameter(each[0]) for each in _child(node, "params"))
        recursive = node.find("recursive") is not None
        definition = Definition(name, parameters, _place(node), _level(node), recursive)
        self._symbols[uid] = definition  # before the body, which may use it
        definition.body = self._expr(_child(node, "body")[0])

    def _add_fact(self, uid: str, node: Element, name: str) -> None:
        definition = Definition(name, (), _place(node), _level(node))
        self._symbols[uid] = definition
        body = next(child for child in node if child.tag not in ("location", "level", "uniquename"))
        definition.body = self._expr(_child(node, "body")[0] if body.tag == "body" else body)

    def _parameter(self, ref: Element) -> Parameter:
        symbol = self._symbol(ref)
        assert isinstance(symbol, Parameter)
        return symbol

    # -- expressions ------------------------------------------------------------------------------------

    def _expr(self, node: Element) -> Expr:
        match node.tag:
            case "OpApplNode":
                return self._use(node)
            case "NumeralNode":
                return Number(int(_text(node, "IntValue")), _place(node))
            case "StringNode":
                return Text(_string(node), _place(node))
            case "LetInNode":
                definitions = (self._symbol(ref) for ref in _child(node, "opDefs"))
                kept = tuple(each for each in definitions if isinstance(each, Definition))
                return LetIn(kept, self._expr(_child(node, "body")[0]), _place(node), _level(node))
            case "OpArgNode":
                return OperatorArgument(self._symbol(_child(node, "argument")[0]), _place(node))
            case "AtNode":
                return At(_place(node))
            case "LabelNode":
                return self._expr(_child(node, "body")[0])
            case "SubstInNode":
                return self._instance(node)
            case _:
                raise Unsupported(f"a construct that SANY calls {node.tag}", _place(node))

    def _use(self, node: Element) -> Use:
        bounds = node.find("boundSymbols")
        return Use(
            symbol=self._symbol(_child(node, "operator")[0]),
            operands=tuple(self._expr(each) for each in _child(node, "operands")),
            place=_place(node),
            level=_level(node),
            bounds=() if bounds is None else tuple(self._bound(each) for each in bounds),
        )

    def _bound(self, node: Element) -> Bound:
        parameters = tuple(self._parameter(each) for each in node if each.tag == "FormalParamNodeRef")
        rest = [each for each in node if each.tag not in ("FormalParamNodeRef", "tuple")]
        is_tuple = node.find("tuple") is not None
        return Bound(parameters, is_tuple, self._expr(rest[0]) if rest else None)

    def _instance(self, node: Element) -> Expr:
        body = self._expr(_child(node, "body")[0])
        substitutions = []
        for each in _child(node, "substs"):
            declaration = self._symbol(each[0])
            assert isinstance(declaration, Declaration)
            substitutions.append((declaration, self._expr(each[1])))
        return Instance(tuple(substitutions), body, _place(node), _level(node))


def _child(node: Element, tag: str) -> Element:
    found = node.find(tag)
    if found is None:
        raise ToolFailure(f"SANY's XML: <{node.tag}> without <{tag}>", _place(node))
    return found


def _text(node: Element, tag: str) -> str:
    return (_child(node, tag).text or "").strip()


def _string(node: Element) -> str:
    """A string's text, blanks kept; old exports put `$Other` of a CASE directly into the node."""
    value = node.find("StringValue")
    if value is None:
        return (node.text or "").strip()
    return value.text or ""


def _level(node: Element) -> int:
    level = node.find("level")
    return int(level.text or 0) if level is not None else 0


def _place(node: Element) -> Place:
    location = node.find("location")
    if location is None:
        return Place("?")
    line, column = _child(location, "line"), _child(location, "column")
    return Place(_text(location, "filename"), int(_text(line, "begin")), int(_text(column, "begin")))
