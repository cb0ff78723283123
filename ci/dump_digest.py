"""Counts and a digest of a state graph dumped by TLC (`-dump dot,actionlabels FILE`), old or new, from nothing else.

Imports nothing of this project, so that what it says can be compared with what the project says of spec and code.
The digest is the sum modulo 2^128 of the BLAKE2b hashes of all states, initial states and edges, each counted once.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable, Iterator
from hashlib import blake2b

NODE = re.compile(r'(-?\d+) \[label="((?:[^"\\]|\\.)*)"(.*)')
EDGE = re.compile(r'(-?\d+) -> (-?\d+) \[label="((?:[^"\\]|\\.)*)"')
TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|<<|>>|\|->|:>|@@|\.\.|-?\d+(?!\w)|\w+|\S')
END = {"<<": ">>", "{": "}", "[": "]", "(": ")"}
Pairs = dict[str, str]


def hash_of(*parts: str) -> int:
    """The hash of a list of texts."""
    return int.from_bytes(blake2b("\0".join(parts).encode(), digest_size=16).digest())


class Values:
    """Turns values as TLC prints them into one canonical text each."""

    def __init__(self) -> None:
        self.known: dict[str, str] = {}

    def canonical(self, text: str) -> str:
        """The canonical text of a value."""
        if text not in self.known:
            tokens = iter([*TOKEN.findall(text), ""])
            self.known[text], after = self.value(next(tokens), tokens)
            if after:
                raise SystemExit(f"not a value: {text}")
        return self.known[text]

    def value(self, token: str, tokens: Iterator[str]) -> tuple[str, str]:
        """The value that begins with a token, and the token after it."""
        if token in ("<<", "{"):
            items = self.items(END[token], tokens)
            text = f"<<{','.join(items)}>>" if token == "<<" else "{" + ",".join(sorted(set(items))) + "}"
        elif token in ("[", "("):
            text = function(self.pairs(token, tokens))
        elif token.startswith('"'):
            text = json.dumps(
                re.sub(r"\\(.)", lambda found: {"n": "\n", "t": "\t"}.get(found[1], found[1]), token[1:-1])
            )
        else:
            text = token
        return text, next(tokens)

    def items(self, end: str, tokens: Iterator[str]) -> list[str]:
        """Items up to the closing token."""
        found: list[str] = []
        token = next(tokens)
        while token != end:
            item, token = self.value(token, tokens)
            found.append(item)
            if token == "..":
                last, token = self.value(next(tokens), tokens)
                found[-1:] = [str(number) for number in range(int(item), int(last) + 1)]
            token = next(tokens) if token == "," else token
        return found

    def pairs(self, begin: str, tokens: Iterator[str]) -> Pairs:
        """The arguments and results of a record or function; of two with one argument, the first."""
        found: Pairs = {}
        token = next(tokens)
        while token != END[begin]:
            argument, _ = (json.dumps(token), next(tokens)) if begin == "[" else self.value(token, tokens)
            result, token = self.value(next(tokens), tokens)
            found.setdefault(argument, result)
            token = next(tokens) if token in (",", "@@") else token
        return found


def function(pairs: Pairs) -> str:
    """The canonical text of a function; one on 1..n is a sequence."""
    places = [str(place) for place in range(1, len(pairs) + 1)]
    if all(place in pairs for place in places):
        return f"<<{','.join(pairs[place] for place in places)}>>"
    return f"[{','.join(f'{argument}|->{pairs[argument]}' for argument in sorted(pairs))}]"


def unquoted(label: str) -> str:
    """The text of a label in a dot file."""
    return "\\".join(part.replace("\\n", "\n").replace('\\"', '"') for part in label.split("\\\\"))


def state_text(label: str, values: Values) -> str:
    """The canonical text of a state: its variables by name."""
    text = unquoted(label).strip()
    parts = text[3:].split("\n/\\ ") if text.startswith("/\\ ") else [text]
    pairs = (part.partition("=") for part in parts)
    return "\n".join(sorted(f"{name.strip()}={values.canonical(value.strip())}" for name, _, value in pairs))


def digest(lines: Iterable[str]) -> tuple[int, int, int]:
    """States, edges (by states and name of the action) and digest of a dump."""
    values, states = Values(), dict[str, int]()
    initial, edges = set[str](), set[tuple[str, str, str]]()
    for line in lines:
        if edge := EDGE.match(line):
            edges.add((edge[1], re.split(r"[( ]", unquoted(edge[3]))[0], edge[2]))
        elif node := NODE.match(line):
            if node[1] not in states:
                states[node[1]] = hash_of(state_text(node[2], values))
            if "style = filled" in node[3]:
                initial.add(node[1])
    total = sum(states.values()) + sum(hash_of("initial", f"{states[each]:x}") for each in initial)
    total += sum(hash_of(f"{states[one]:x}", name, f"{states[other]:x}") for one, name, other in edges)
    return len(states), len(edges), total % 2**128


def main() -> None:
    """Print them."""
    if len(sys.argv) != 2:
        raise SystemExit("usage: dump_digest.py FILE.dot")
    with open(sys.argv[1], encoding="utf-8") as lines:
        states, edges, total = digest(lines)
    print(f"states {states}\nedges {edges}\ndigest {total:032x}")


if __name__ == "__main__":
    main()
