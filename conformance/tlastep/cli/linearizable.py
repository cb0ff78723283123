"""`tlastep linearizable`: is there an order of clients' operations, within their times, that a model allows?"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tlastep.cli._output import Json, console, print_json, say, write
from tlastep.errors import UnusableInput
from tlastep.history.format import History, read_history
from tlastep.history.judge import OK, UNKNOWN, Verdict, judge
from tlastep.history.models import find_model
from tlastep.report import lanes


def linearizable(
    history: Annotated[Path, typer.Argument(metavar="HISTORY.ndjson", show_default=False, help="What clients did.")],
    model: Annotated[str, typer.Option("--model", metavar="MODEL", help="register, kv, ledger, or an installed one.")],
    timeout: Annotated[
        float | None, typer.Option(metavar="SECONDS", help="Give up after so long: the verdict is then `unknown`.")
    ] = None,
    html: Annotated[Path | None, typer.Option("--html", metavar="FILE", help="Write a picture there.")] = None,
    json: Json = False,
) -> None:
    """Is a history of clients' calls linearizable? `ok`, or the operation at which every order fails."""
    if timeout is not None and not timeout > 0:
        raise UnusableInput(f"--timeout: expected more than 0 seconds, not {timeout:g}")
    chosen = find_model(model)
    read = read_history(history, chosen.functions, keyed=chosen.keyed)
    verdict = judge(chosen, read, timeout)
    if verdict.missing:
        say(f"tlastep: {verdict.missing}; our own checker judged alone")
    if html is not None:
        write(html, lanes.page(read, verdict, model))
    if json:
        print_json(_fields(read, verdict))
    else:
        _show(read, verdict)
    if verdict.result != OK:
        raise typer.Exit(1)


def _fields(read: History, verdict: Verdict) -> dict[str, object]:
    fields: dict[str, object] = {
        "result": verdict.result,
        "operations": len(read.operations),
        "seconds": round(verdict.seconds, 3),
        "checkers": dict(verdict.checkers),
    }
    if verdict.failing is not None:
        fields["line"] = verdict.failing.completed
        fields["invoked"] = verdict.failing.line
        fields["operation"] = str(verdict.failing)
        fields["prefix"] = verdict.ordered
        fields["ordered"] = lanes.ordered_before(read, verdict.ordered + 1)
    return fields


def _show(read: History, verdict: Verdict) -> None:
    out = console()
    failing = verdict.failing
    if failing is not None:
        out.print(
            f"violation: every order fails at line {failing.completed} of {read.path}: {failing} "
            f"(process {failing.process}, invoked in line {failing.line})",
            markup=False,
        )
        count = lanes.ordered_before(read, verdict.ordered + 1)
        known = "" if verdict.ordered == verdict.stuck - 1 else " (as far as there was time to look)"
        out.print(
            f"longest prefix with an order{known}: the first {verdict.ordered} lines, {count} answers", markup=False
        )
    else:
        given_up = {UNKNOWN: " (gave up)", OK: ""}
        out.print(verdict.result + given_up.get(verdict.result, ""), markup=False)
    judges = ", ".join(f"{name} {said}" for name, said in verdict.checkers.items())
    out.print(f"{len(read.operations):,} operations, {verdict.seconds:.1f} s ({judges})", markup=False)
