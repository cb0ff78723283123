"""Fills the tables of models in spec/README.md from spec/models.toml: `python ci/spec_tables.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from tlastep.check.models import Model, modules_of, read_models

ROOT: Final = Path(__file__).resolve().parents[1]
MODELS: Final = ROOT / "spec" / "models.toml"
README: Final = ROOT / "spec" / "README.md"
BEGIN: Final = "<!-- models: generated from models.toml -->"
END: Final = "<!-- end of models -->"

HEADINGS: Final = ("model", "size", "kind", "what it shows", "expected", "distinct", "generated", "depth")
ALIGNED: Final = (":---", ":---", ":---", ":---", ":---", "---:", "---:", "---:")


def filled(text: str, models: Sequence[Model]) -> str:
    """The text with the region between the two marks replaced by the tables."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"expected the marks {BEGIN} and {END}")
    return f"{before}{BEGIN}\n{''.join(tables(models))}\n{END}{after}"


def tables(models: Sequence[Model]) -> Iterator[str]:
    """A heading and a table for each module, in the order of the list."""
    for module in modules_of(models):
        yield f"\n### {module}\n\n"
        yield row(HEADINGS)
        yield row(ALIGNED)
        yield from (row(cells(model)) for model in models if model.module == module)


def cells(model: Model) -> tuple[str, ...]:
    """A model as the cells of its row. Counts that are not expected are left empty."""
    counts = (f"{count:,}" if count else "" for count in (model.distinct, model.generated, model.depth))
    return (f"`{model.name}`", model.size, model.kind, model.says, f"`{model.result}`", *counts)


def row(columns: Iterable[str]) -> str:
    """A row of a table."""
    escaped = (each.replace("|", "\\|") for each in columns)
    return f"| {' | '.join(escaped)} |\n"


def main() -> None:
    """Write the tables."""
    README.write_text(filled(README.read_text(encoding="utf-8"), read_models(MODELS)), encoding="utf-8")


if __name__ == "__main__":
    main()
