"""Nothing that is claimed is left out: of what kills what, and of the page of a verification."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest
from msgspec.structs import replace
from tests.house.project import ROOT

from tlastep.check.claims import claims, others
from tlastep.check.layers import concerned
from tlastep.check.matrix import gaps, key, read_expected
from tlastep.check.models import MACHINE, Model, find_project
from tlastep.check.mutant_kill import Killer
from tlastep.check.mutant_list import read_mutants
from tlastep.check.mutants import Judged
from tlastep.check.verify import Row
from tlastep.language.config import read_config
from tlastep.report.html import Section
from tlastep.report.summary import summary
from tlastep.report.verified import Verified, sections

PROJECT = find_project(ROOT)
MUTANTS = read_mutants(PROJECT)
Listed = dict[tuple[str, str], tuple[str, ...]]


def page(models: Sequence[Model], walked: Sequence[Model], listed: Listed) -> dict[str, Section]:
    """The page of a verification of these models in which everything holds, by the titles of its parts."""
    rows = [Row("machine", model.name, True, "ok", 1.0, {}) for model in walked]
    judged = [Judged(each, (Killer("python", each.killers[0], "any", 1),), "", 0.1) for each in MUTANTS]
    looked_at = {model.name for model in (*models, *walked)}
    found = Verified(
        summary(models, rows, judged), rows, judged, claims(PROJECT, models, judged), [], listed, models,
        others(PROJECT, looked_at), concerned(PROJECT),
    )  # fmt: skip
    return {section.title: section for section in sections(found, [])}


def left_out(found: dict[str, Section]) -> list[str]:
    """What the project has, and no part of the page names: models, properties, witnesses and violations, mutants."""
    shown = Counter(row["model"] for title in ("Models", "Past the bound") for row in found[title].rows)
    shown.update(str(row["model"]) for row in found["Models that were left out"].rows)
    expected = {row["model"]: row["must find"] for row in found["Witnesses and expected violations"].rows}
    named = {(row["module"], row["property"]) for row in found["Properties"].rows}
    for row in found["Models that were left out"].rows:
        named |= {(row["module"], name) for name in str(row["properties"]).split(", ")}
        expected[row["model"]] = row["expected"]
    missing = [f"model {model.name}" for model in PROJECT.models if not shown[model.name]]
    for model in PROJECT.models:
        if model.result != "ok" and expected.get(model.name) != model.result:
            missing.append(f"{model.kind} {model.name}")
        config = read_config(PROJECT.config(model))
        properties = [each.text for each in (*config.invariants, *config.properties)]
        missing += [f"property {name} of {model.name}" for name in properties if (model.module, name) not in named]
    for title in ("Mutants", "Mutants by layer, as listed"):
        rows = {(row["side"], row["mutant"]) for row in found[title].rows}
        missing += [f"{each.side} mutant {each.name}: {title}" for each in MUTANTS if key(each) not in rows]
    return missing


def verified() -> tuple[list[Model], list[Model]]:
    """The models that are verified where none is named, and those that are walked through."""
    walked = [model for model in PROJECT.models if (model.kind, model.size) == (MACHINE, "small")]
    return list(PROJECT.select()), walked


def test_every_mutant_has_its_row_and_every_row_names_what_kills_it() -> None:
    assert list(gaps(MUTANTS, read_expected(PROJECT))) == []


def test_the_page_names_every_model_property_witness_violation_and_mutant() -> None:
    models, walked = verified()
    assert left_out(page(models, walked, read_expected(PROJECT))) == []


def test_the_page_of_some_models_names_the_others_and_their_properties_too() -> None:
    models, walked = verified()
    assert left_out(page(models[:3], walked[:1], {})) == []


@pytest.mark.parametrize("title", ["Properties", "Witnesses and expected violations", "Models", "Mutants"])
def test_a_row_that_is_not_there_is_missed(title: str) -> None:
    models, walked = verified()
    found = page(models, walked, {})
    short = Section(title, found[title].rows[:-1])
    assert left_out({**found, title: short})


def test_what_the_docs_say_of_each_layer_is_what_the_list_says() -> None:
    models, walked = verified()
    sums = page(models, walked, read_expected(PROJECT))["Layers, as listed"].rows
    table = [f"| {row['layer']} | {row['spec'] or ''} | {row['code'] or ''} |" for row in sums]
    said = (ROOT / "docs" / "layers.md").read_text(encoding="utf-8")
    assert [line for line in table if line not in said] == []


def test_a_mutant_of_one_side_does_not_stand_for_its_namesake() -> None:
    names = Counter(each.name for each in MUTANTS)
    twice = next(each for each in MUTANTS if names[each.name] == 2)
    listed = {key(each): ("lockstep",) for each in MUTANTS if each is not twice}
    assert list(gaps(MUTANTS, listed)) == [f"{twice.side} mutant {twice.name}: is not in the list of what kills what"]
    assert list(gaps([*MUTANTS, replace(twice, name="new")], {**listed, key(twice): ()})) == [
        f"{twice.side} mutant new: is not in the list of what kills what",
        f"{twice.side} mutant {twice.name}: no layer kills it, by the list",
    ]
