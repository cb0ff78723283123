"""Recordings that somebody has tampered with: one line dropped, repeated, moved or altered, and numbered as if not."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias

from quorumlog.cli import recording
from quorumlog.simulation.faults import Schedule
from quorumlog.simulation.run import run
from quorumlog.simulation.world import World

Recordings: TypeAlias = dict[str, list[dict[str, Any]]]


def record(schedule: Schedule, folder: Path) -> Recordings:
    """What the servers of a simulation write down, and the same as values."""
    with recording(folder, schedule.names) as scribe:
        run(schedule, judge=None, world=lambda chosen, observers: World(chosen, observers, scribe))
    return {
        path.stem: [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        for path in sorted(folder.glob("*.ndjson"))
    }


def write(recordings: Recordings, folder: Path, *, numbered: bool = True) -> list[Path]:
    """Writes recordings; with `numbered` their numbers are made right again."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for node, lines in recordings.items():
        incarnation = 0
        for number, line in enumerate(lines, start=1) if numbered else ():
            incarnation += line["do"] == "start"
            line["n"], line["i"] = number, incarnation
        path = folder / f"{node}.ndjson"
        path.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
        paths.append(path)
    return paths


def tamper(recordings: Recordings, dice: Random) -> str:
    """Tampers with one line, in place. What was done."""
    node = dice.choice(sorted(recordings))
    lines = recordings[node]
    if len(lines) < 4:
        return ""
    index = dice.randrange(1, len(lines) - 1)
    kind = dice.choice(sorted(KINDS))
    done = KINDS[kind](lines, index, dice)
    return f"{kind} line {index + 1} of {node}{done}"


def _drop(lines: list[dict[str, Any]], index: int, dice: Random) -> str:
    del lines[index]
    return ""


def _repeat(lines: list[dict[str, Any]], index: int, dice: Random) -> str:
    lines.insert(index, json.loads(json.dumps(lines[index])))
    return ""


def _swap(lines: list[dict[str, Any]], index: int, dice: Random) -> str:
    lines[index], lines[index + 1] = lines[index + 1], lines[index]
    return ""


def _move(lines: list[dict[str, Any]], index: int, dice: Random) -> str:
    lines.insert(dice.randrange(1, len(lines)), lines.pop(index))
    return ""


def _cut(lines: list[dict[str, Any]], index: int, dice: Random) -> str:
    del lines[index:]
    return " and all after it"


def _alter(lines: list[dict[str, Any]], index: int, dice: Random) -> str:
    """One number, name or truth value in a line becomes another; or a part of it goes missing."""
    places: list[tuple[Any, Any]] = []
    _leaves(lines[index], places)
    holder, key = dice.choice(places)
    old = holder[key]
    if isinstance(holder, dict) and dice.random() < 0.15:
        del holder[key]
        return f": {key} taken away"
    holder[key] = _other(old, dice)
    return f": {key} {old!r} becomes {holder[key]!r}"


def _leaves(value: Any, places: list[tuple[Any, Any]]) -> None:
    pairs = value.items() if isinstance(value, dict) else enumerate(value)
    for key, each in pairs:
        if key in ("n", "i", "do", "kind", "format"):
            continue
        places.append((value, key))
        if isinstance(each, (dict, list)):
            places.pop()
            _leaves(each, places)


def _other(old: Any, dice: Random) -> Any:
    if isinstance(old, bool):
        return not old
    if isinstance(old, int):
        return max(old + dice.choice((-1, 1, 2)), 0) if old else 1
    if old in ("follower", "candidate", "leader"):
        return dice.choice([role for role in ("follower", "candidate", "leader") if role != old])
    if old in ("a", "b", "c"):
        return dice.choice([name for name in ("a", "b", "c") if name != old])
    return "u1" if old != "u1" else "u2"


KINDS: Final[dict[str, Callable[[list[dict[str, Any]], int, Random], str]]] = {
    "drop": _drop,
    "repeat": _repeat,
    "swap": _swap,
    "move": _move,
    "alter": _alter,
    "alter too": _alter,
    "cut": _cut,
}
