"""A picture of a history: a lane for each process, the instants at which operations take effect, and the misfit."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

from tlastep.history.format import FAIL, INFO, OK, History, Operation
from tlastep.history.judge import Verdict

AROUND: Final = 150  # how many lines before the failing one are shown of a long history
WHOLE: Final = 400  # a history of up to so many lines is shown as a whole
STEP: Final = 44  # pixels between two lines of the history
LANE: Final = 44
LEFT: Final = 90
TOP: Final = 34
CHARACTER: Final = 6.2  # the width of a letter, about

_STYLE: Final = """
:root { color-scheme: light dark; --ink: #1b1f24; --muted: #6a737d; --line: #d8dde3; --ok: #cfe8d5; --edge: #2d7d46;
  --open: #f3e6c4; --openedge: #a87b16; --bad: #f8d0cc; --badedge: #b3261e; --point: #1f5fbf; --page: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e9ee; --muted: #9aa4b0; --line: #363c44; --ok: #1d4429;
  --edge: #57c27a; --open: #4a3a12; --openedge: #e0b04a; --bad: #5c1f1b; --badedge: #ff8a80; --point: #79aefc;
  --page: #14171b; } }
body { background: var(--page); color: var(--ink); font: 15px/1.5 system-ui, sans-serif; margin: 1.5rem; }
h1 { font-size: 1.35rem; margin: 0 0 .3rem; } p { margin: .2rem 0; max-width: 60rem; } .muted { color: var(--muted); }
.bad { color: var(--badedge); font-weight: 600; } .good { color: var(--edge); font-weight: 600; }
.wide { border: 1px solid var(--line); border-radius: 6px; margin: 1rem 0; overflow-x: auto; }
svg text { fill: var(--ink); font: 11px ui-monospace, monospace; } svg .muted { fill: var(--muted); }
.lane { stroke: var(--line); } .ok { fill: var(--ok); stroke: var(--edge); }
.info { fill: var(--open); stroke: var(--openedge); stroke-dasharray: 4 3; }
.fail { fill: none; stroke: var(--muted); stroke-dasharray: 2 3; } .stuck { fill: var(--bad); stroke: var(--badedge);
  stroke-width: 2; } .wall { stroke: var(--badedge); stroke-dasharray: 6 4; stroke-width: 1.5; }
.point { fill: var(--point); } .order { fill: none; stroke: var(--point); stroke-opacity: .35; }
""".strip()


_LEGEND: Final = (
    "A bar is an operation from its invocation to its answer, a dashed one without end an operation that nobody has "
    "heard the answer of, a faint one an operation that failed. A dot is the instant at which it takes effect in the "
    "order that was found; the line runs through the dots in that order."
)


class _Window(NamedTuple):
    """The lines of the history that are shown."""

    first: int
    last: int

    def x(self, line: float) -> float:
        """Where a line stands."""
        return LEFT + (min(max(line, self.first - 0.7), self.last + 0.9) - self.first + 0.7) * STEP


def ordered_before(history: History, line: int) -> int:
    """How many operations have given their answer before a line."""
    return sum(each.outcome == OK and each.completed < line for each in history.operations)


def points(orders: Sequence[Sequence[Operation]]) -> dict[int, float]:
    """An instant, counted in lines, for each operation that is in an order: line of invocation → instant.

    Each is as early as its invocation and the operations before it allow, and a little later than these.
    """
    found: dict[int, float] = {}
    for order in orders:
        now, at_once = 0.0, 0
        for operation in order:
            if operation.line > now:
                now, at_once = float(operation.line), 0
            at_once += 1
            found[operation.line] = now + 0.5 - 0.5 / (at_once + 1) + 0.05
    return found


def page(history: History, verdict: Verdict, model: str) -> str:
    """The page."""
    window = _window(history, verdict.stuck)
    shown = [each for each in history.operations if each.line <= window.last and _end(each) >= window.first]
    found = points([each.order for each in verdict.orders])
    title = f"{history.path.name}: {verdict.result}"
    tone = "good" if verdict.result == "ok" else "bad"
    judges = ", ".join(f"{name}: {said}" for name, said in verdict.checkers.items())
    part = "" if window == _Window(1, history.lines) else f", of which lines {window.first} to {window.last} are shown"
    body = [
        f'<h1>{escape(history.path.name)}: <span class="{tone}">{verdict.result}</span></h1>',
        f'<p class="muted">Model {escape(model)}, {len(history.operations):,} operations{part}. {escape(judges)}.</p>',
        *_explained(history, verdict),
        f'<div class="wide">{_picture(shown, window, found, verdict)}</div>',
        f'<p class="muted">{_LEGEND}</p>',
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f"<style>\n{_STYLE}\n</style>\n</head>\n<body>\n" + "\n".join(body) + "\n</body>\n</html>\n"
    )


def _explained(history: History, verdict: Verdict) -> Iterator[str]:
    failing = verdict.failing
    if failing is not None:
        count = ordered_before(history, verdict.ordered + 1)
        yield (
            f'<p><span class="bad">Line {failing.completed}</span>: every order fails at <code>{escape(str(failing))}'
            f"</code> of process {failing.process}, invoked in line {failing.line}. "
            f"The first {verdict.ordered} lines have an order, with {count} answers.</p>"
        )
    elif verdict.result == "unknown":
        yield "<p>The time was over before anything was found.</p>"


def _window(history: History, stuck: int) -> _Window:
    if history.lines <= WHOLE:
        return _Window(1, history.lines)
    last = min(history.lines, stuck + 10) if stuck else WHOLE
    return _Window(max(1, last - AROUND) if stuck else 1, last)


def _end(operation: Operation) -> int:
    return operation.completed if operation.outcome in (OK, FAIL) else 1 << 60


def _picture(shown: Sequence[Operation], window: _Window, found: dict[int, float], verdict: Verdict) -> str:
    processes = sorted({each.process for each in shown})
    lanes = {process: TOP + row * LANE for row, process in enumerate(processes)}
    width = int(window.x(window.last) + 1.5 * STEP)
    height = TOP + len(lanes) * LANE + 16
    parts = [f'<svg width="{width}" height="{height}" role="img" aria-label="the history">']
    for line in range(window.first, window.last + 1, 5):
        parts.append(f'<text class="muted" text-anchor="middle" x="{window.x(line):.0f}" y="14">{line}</text>')
    for process, y in lanes.items():
        parts.append(f'<line class="lane" x1="{LEFT - 8}" x2="{width}" y1="{y + 14}" y2="{y + 14}"/>')
        parts.append(f'<text x="8" y="{y + 18}">process {process}</text>')
    parts += [_bar(each, lanes[each.process], window, verdict.stuck) for each in shown]
    dots = sorted(
        (found[each.line], lanes[each.process] + 14) for each in shown if window.first <= found.get(each.line, 0)
    )
    if len(verdict.orders) == 1 and dots:
        way = " ".join(f"{window.x(instant):.1f},{y}" for instant, y in dots)
        parts.append(f'<polyline class="order" points="{way}"/>')
    parts += [f'<circle class="point" cx="{window.x(instant):.1f}" cy="{y}" r="3.5"/>' for instant, y in dots]
    if verdict.stuck:
        x = window.x(verdict.stuck)
        parts.append(f'<line class="wall" x1="{x:.1f}" x2="{x:.1f}" y1="18" y2="{height}"/>')
    return "".join(parts) + "</svg>"


def _bar(operation: Operation, y: int, window: _Window, stuck: int) -> str:
    kind = "stuck" if stuck and operation.completed == stuck else operation.outcome
    left, right = window.x(operation.line), window.x(_end(operation))
    text = str(operation) + (" ?" if operation.outcome == INFO else "")
    lines = f"lines {operation.line} and {operation.completed}" if operation.completed else f"line {operation.line}"
    told = f"process {operation.process}: {operation} ({operation.outcome}, {lines})"
    most = int((right - left + STEP * 0.8) / CHARACTER)  # up to where the next operation of the lane may begin
    label = text if len(text) <= most else text[: most - 1] + "…"
    return (
        f'<g><title>{escape(told)}</title><rect class="{kind}" x="{left:.1f}" y="{y + 4}" '
        f'width="{right - left:.1f}" height="20" rx="4"/>'
        f'<text x="{left + 3:.1f}" y="{y + 36}">{escape(label)}</text></g>'
    )
