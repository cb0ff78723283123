"""Plain self-contained pages: tables of results and behaviours, light or dark as the reader's system is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Final

from tlastep.behaviour import Behaviour
from tlastep.report import text
from tlastep.report.changes import changes

_STYLE: Final = """
:root { color-scheme: light dark; --line: #d0d4da; --soft: #f4f5f7; --muted: #5c6470; --good: #1a7f37; --bad: #b3261e; }
@media (prefers-color-scheme: dark) {
  :root { --line: #3a3f47; --soft: #22262c; --muted: #a0a8b4; --good: #4cc26a; --bad: #ff8a80; }
}
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 110rem; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin-bottom: 0; }
h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { color: var(--muted); margin: .25rem 0 .75rem; max-width: 50rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { border-bottom: 1px solid var(--line); padding: .3rem .9rem .3rem 0; text-align: left; vertical-align: top; }
th { background: var(--soft); font-weight: 600; position: sticky; top: 0; white-space: nowrap; }
th:first-child, td:first-child { padding-left: .6rem; }
th.number, td.number { text-align: right; }
.good { color: var(--good); } .bad { color: var(--bad); font-weight: 600; }
ol.steps { padding-left: 2.5rem; } ol.steps > li { margin-bottom: .6rem; }
pre { background: var(--soft); border-radius: 4px; margin: .2rem 0; overflow-x: auto; padding: .4rem .7rem; }
code, pre { font: 13px/1.45 ui-monospace, monospace; }
""".strip()

GOOD: Final = frozenset({"ok", "holds", "killed", "equal", "yes"})
BAD: Final = frozenset({"fails", "FAILS", "violated", "survived", "differs", "error", "no"})


@dataclass(frozen=True)
class Section:
    """A part of a page: a table of rows (a column for each key), a text, or behaviours as they are printed."""

    title: str
    rows: Sequence[Mapping[str, object]] = ()
    note: str = ""
    printed: str = ""


def page(title: str, sections: Sequence[Section], subtitle: str = "") -> str:
    """The page. Values that say good or bad in the words of the commands are coloured."""
    body = [f"<h1>{escape(title)}</h1>"]
    body += [f"<p>{escape(subtitle)}</p>"] if subtitle else []
    for section in sections:
        body.append(f"<h2>{escape(section.title)}</h2>")
        body += [f"<p>{escape(section.note)}</p>"] if section.note else []
        body += [_table(section.rows)] if section.rows else []
        body += [f"<pre>{escape(section.printed)}</pre>"] if section.printed else []
    return _document(title, "\n".join(body))


def behaviour_page(title: str, found: Behaviour, subtitle: str = "") -> str:
    """A behaviour, step by step, each with what it changed and, folded away, the whole state."""
    body = [f"<h1>{escape(title)}</h1>", f"<p>{escape(subtitle)}</p>" if subtitle else "", '<ol class="steps">']
    before = None
    for index, step in enumerate(found.steps):
        changed = "\n".join(map(str, changes(before, step.state))) or "(nothing changes)"
        whole = "\n".join(map(str, changes(None, step.state)))
        folded = f"<details><summary>whole state</summary><pre>{escape(whole)}</pre></details>" if index else ""
        name = f"<code><strong>{escape(text.heading(step, index))}</strong></code>"
        body.append(f"<li>{name}<pre>{escape(changed)}</pre>{folded}</li>")
        before = step.state
    body += ["</ol>", f"<p>{escape(text.ending(found))}</p>" if text.ending(found) else ""]
    return _document(title, "\n".join(filter(None, body)))


def _document(title: str, body: str) -> str:
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(title)}</title>\n<style>\n{_STYLE}\n</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n"
    )


def _table(rows: Sequence[Mapping[str, object]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    right = {
        name
        for name in columns
        if all(text.is_number(row[name]) for row in rows if row.get(name) is not None)
        and any(row.get(name) is not None for row in rows)
    }
    head = "".join(f"<th{_class(name, right)}>{escape(name)}</th>" for name in columns)
    lines = ["".join(_cell(row.get(name), name in right) for name in columns) for row in rows]
    body = "\n".join(f"<tr>{line}</tr>" for line in lines)
    return f'<div class="wide"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _class(name: str, right: set[str]) -> str:
    return ' class="number"' if name in right else ""


def _cell(value: object, right: bool) -> str:
    shown = text.cell(value)
    kinds = ["number"] * right + ["good"] * (shown in GOOD) + ["bad"] * (shown in BAD)
    return f'<td class="{" ".join(kinds)}">{escape(shown)}</td>' if kinds else f"<td>{escape(shown)}</td>"
