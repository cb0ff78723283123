"""Both sides in processes of their own: the first level that differs is noticed, and so is a process that dies."""

from __future__ import annotations

import subprocess
import sys
from functools import cache

import msgspec
import pytest

from quorumlog_bindings.replication import replication
from tlastep.check.apart import CodeProcess, code_process, explore_apart
from tlastep.check.code_side import CodeSide, Level
from tlastep.check.explore import load
from tlastep.check.models import find_project
from tlastep.check.verdict import Lockstep
from tlastep.compile.compiled import CompiledSpec
from tlastep.errors import ToolFailure

PROJECT = find_project()
MODEL = PROJECT.model("ReplicationOldVote")


@cache
def spec() -> CompiledSpec:
    return load(PROJECT.spec(MODEL), PROJECT.config(MODEL))


@cache
def told() -> tuple[tuple[Level, ...], CodeSide]:
    """What the code's process says of the model."""
    with code_process(PROJECT, MODEL, replication) as code:
        levels = []
        while (level := code.next_level()) is not None:
            levels.append(level)
    assert code.side is not None
    return tuple(levels), code.side


def explored(*lines: msgspec.Struct, last_words: str = "") -> Lockstep:
    """The spec beside a process that says these lines."""
    said = "\n".join(msgspec.json.encode(line).decode() for line in lines)
    script = f"import sys; print({said!r}); sys.exit({last_words!r} or 0)"
    command = [sys.executable, "-c", script]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        return explore_apart(MODEL, spec(), CodeProcess(MODEL.name, process))


def test_the_same_lines_again_are_the_same_machine() -> None:
    levels, side = told()
    found = explored(*levels, side)
    assert found.result == "ok"
    assert (found.spec_states, found.digest) == (side.states, side.digest)


def test_the_first_level_that_differs_is_named() -> None:
    levels, side = told()
    wrong = msgspec.structs.replace(levels[3], digest="0" * 32)
    found = explored(*levels[:3], wrong, *levels[4:], side)
    assert found.result == "difference: the digests of spec and code differ at depth 4"
    wrong = msgspec.structs.replace(levels[5], states=levels[5].states + 1)
    assert explored(*levels[:5], wrong, *levels[6:], side).result.endswith("at depth 6")


def test_code_that_ends_too_soon_or_goes_on_is_noticed() -> None:
    levels, side = told()
    assert explored(*levels[:-1], side).result.endswith(f"at depth {len(levels)}")
    assert "goes on" in explored(*levels, levels[-1], side).result


@pytest.mark.parametrize("name", ["states", "transitions", "boundary", "refusals"])
def test_counts_are_compared_at_the_end(name: str) -> None:
    levels, side = told()
    wrong = msgspec.structs.replace(side, **{name: getattr(side, name) - 1})
    assert "count" in explored(*levels, wrong).result


def test_a_property_that_the_code_violates_is_a_finding() -> None:
    levels, side = told()
    broken = msgspec.structs.replace(side, result="invariant LogMatching")
    assert "invariant LogMatching of the code" in explored(*levels, broken).result


def test_a_process_that_dies_is_no_finding() -> None:
    levels, _ = told()
    with pytest.raises(ToolFailure, match="no memory left"):
        explored(*levels[:4], last_words="no memory left")
