"""`tlastep explore`: any public spec, by the Python evaluator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlastep.check.explore import Verdict, explore_spec
from tlastep.cli._output import Json, Library, console, print_json, progress, write_counterexample
from tlastep.report import text


def explore(
    spec: Annotated[Path, typer.Argument(metavar="SPEC.tla", show_default=False, help="The spec.")],
    config: Annotated[
        Path | None, typer.Option(metavar="FILE.cfg", help="Its configuration; by default SPEC.cfg beside it.")
    ] = None,
    no_deadlock: Annotated[bool, typer.Option("--no-deadlock", help="Don't check for deadlock.")] = False,
    library: Library = None,
    counterexample: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write a counterexample there, for `tlastep trace`.")
    ] = None,
    json: Json = False,
) -> None:
    """Explore all states of a spec in Python: is it `ok`, and if not, how is it broken?"""
    with progress(f"exploring {spec.name}") as tell:
        verdict = explore_spec(spec, config, library or (), deadlock=not no_deadlock, on_progress=tell)
    write_counterexample(counterexample, verdict.counterexample, spec.name)
    if json:
        print_json(_fields(spec, verdict))
    else:
        _show(spec, verdict)
    if not verdict.holds:
        raise typer.Exit(1)


def _fields(spec: Path, verdict: Verdict) -> dict[str, object]:
    fields: dict[str, object] = {
        "spec": str(spec),
        "result": verdict.result,
        "distinct": verdict.distinct,
        "generated": verdict.generated,
        "depth": verdict.depth,
        "seconds": round(verdict.seconds, 3),
    }
    if verdict.result == "error":
        fields["message"] = verdict.message
    if verdict.unchecked:
        fields["unchecked"] = list(verdict.unchecked)
    return fields


def _show(spec: Path, verdict: Verdict) -> None:
    out = console()
    out.print(text.verdict(spec.stem, verdict.result, verdict.message), markup=False)
    if verdict.counterexample is not None:
        out.print(text.behaviour(verdict.counterexample), markup=False)
    if verdict.unchecked:
        out.print(f"not judged (temporal): {', '.join(verdict.unchecked)}", markup=False)
    out.print(
        f"{verdict.distinct:,} distinct states, {verdict.generated:,} generated, depth {verdict.depth}, "
        f"{verdict.seconds:.1f} s",
        markup=False,
    )
