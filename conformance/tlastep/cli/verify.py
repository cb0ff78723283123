"""`tlastep verify`: everything that is claimed, checked in one go, with one table at the end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Annotated

import typer
from rich.console import Console

from tlastep.check.claims import claims, others
from tlastep.check.coverage import write_coverage
from tlastep.check.layers import concerned
from tlastep.check.matrix import known_matrix, read_expected
from tlastep.check.models import Project, find_project
from tlastep.check.mutants import Judged
from tlastep.check.verify import Row, coverage_of, disagreements, never_taken
from tlastep.check.verify import verify as run_verify
from tlastep.cli._output import Json, Names, SizeOption, console, print_json, say, write
from tlastep.report import html, text
from tlastep.report.summary import mutant_rows, summary
from tlastep.report.verified import Verified, sections


def verify(
    models: Names = None,
    size: SizeOption = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Compute again what is known, and what is recorded.")] = False,
    json: Json = False,
) -> None:
    """Check all models, step code and spec together, replay TLC's behaviours, and kill all mutants."""
    project = find_project()
    chosen = project.select(models or (), size)
    start = perf_counter()
    with _progress() as tell:
        rows, judged = run_verify(project, chosen, fresh=fresh, on_row=tell)
    claimed = claims(project, chosen, judged)
    wrong = _wrong(rows, judged)
    if not models:
        wrong += [*never_taken(project, rows), *(each.problem for each in claimed if each.problem)]
    table = summary(chosen, rows, judged)
    left_out = others(project, {each.name for each in chosen} | {row.model for row in rows})
    known, listed = known_matrix(project), read_expected(project)
    found = Verified(table, rows, judged, claimed, known, listed, chosen, left_out, concerned(project))
    _write_page(project, found, wrong, perf_counter() - start)
    if json:
        print_json({"holds": not wrong, "models": table, "mutants": mutant_rows(judged), "wrong": wrong})
    else:
        _show(table, judged, wrong, perf_counter() - start)
    if wrong:
        raise typer.Exit(1)


def _wrong(rows: Sequence[Row], judged: Sequence[Judged]) -> list[str]:
    """All that is not as it should be, a line each."""
    found = [f"{row.model}: {row.part}: {row.says}" for row in rows if not row.holds]
    found += [f"{each.mutant.side} mutant {each.mutant.name}: {each.problem}" for each in judged if not each.killed]
    return found + disagreements(rows)


def _show(table: Sequence[dict[str, object]], judged: Sequence[Judged], wrong: Sequence[str], seconds: float) -> None:
    out = console()
    out.print(text.table(table))
    killed = Counter(each.mutant.side for each in judged if each.killed)
    every = Counter(each.mutant.side for each in judged)
    sides = ", ".join(f"{killed[side]} of {every[side]} of the {side}" for side in sorted(every))
    out.print(f"mutants killed: {sides}", markup=False)
    for line in wrong:
        out.print(line, markup=False)
    verdict = "everything holds" if not wrong else f"{len(wrong)} things do not hold"
    out.print(f"{verdict} ({seconds:.0f} s); the page is build/report.html, the certificates build/certificates")


def _write_page(project: Project, found: Verified, wrong: Sequence[str], seconds: float) -> None:
    write_coverage(project.root / "build" / "coverage", coverage_of(found.rows))
    verdict = "Everything holds" if not wrong else f"{len(wrong)} things do not hold"
    page = html.page("tlastep verify", sections(found, wrong), f"{verdict}; {seconds:.0f} s")
    write(project.root / "build" / "report.html", page)


@contextmanager
def _progress() -> Iterator[Callable[[Row, int], None]]:
    """A line for each finding, and a line of progress if stderr is a terminal."""
    if not sys.stderr.isatty():

        def quiet(row: Row, left: int) -> None:
            if not row.holds:
                say(f"{row.model}: {row.part}: {row.says}")

        yield quiet
        return
    with Console(stderr=True).status("verify") as status:

        def tell(row: Row, left: int) -> None:
            status.update(f"{row.part} {row.model}: {row.says} ({row.seconds:.1f} s); {left} to go")

        yield tell
