"""What is claimed of properties: where they hold, where they fail, and that something can violate each."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import msgspec

from tlastep.check.claims import Claim, claims
from tlastep.check.models import Model, Project
from tlastep.check.mutant_kill import Killer
from tlastep.check.mutant_list import Breaks, Mutant
from tlastep.check.mutants import Judged

CONFIGS: Final = {
    "Small.cfg": "INVARIANTS TypeOK Safe\nPROPERTY Ends",
    "Witness.cfg": "INVARIANTS TypeOK NeverReached",
    "Wrong.cfg": "INVARIANT Safe",
}


def project(folder: Path) -> Project:
    """Three models: one that holds, one that is to reach a state, one that is to violate what holds in the first."""
    for name, text in CONFIGS.items():
        (folder / name).write_text(f"SPECIFICATION Spec\n{text}\n", encoding="utf-8")
    models = (
        Model("Small", "M", "M.tla", "Small.cfg", "It holds."),
        Model(
            "Witness", "M", "M.tla", "Witness.cfg", "It is reached.", kind="witness", result="invariant NeverReached"
        ),
        Model("Wrong", "M", "M.tla", "Wrong.cfg", "It is violated.", kind="violation", result="invariant Safe"),
    )
    return Project(root=folder, list=folder / "models.toml", models=models, bindings=())


def judged(name: str, violated: str, *, killed: bool = True, module: str = "M") -> Judged:
    breaks = Breaks("Small", violated)
    mutant = Mutant(name, "spec", module, "class", "says", Path("M.tla"), "a", "b", (), breaks, "place")
    return Judged(mutant, (Killer("python", "Small", violated, 3),), "" if killed else "survives", 0.1)


def found(folder: Path, *mutants: Judged) -> dict[str, Claim]:
    made = project(folder)
    return {each.name: each for each in claims(made, made.models, mutants)}


def test_a_property_holds_where_the_whole_model_does(tmp_path: Path) -> None:
    by_name = found(tmp_path)
    assert (by_name["TypeOK"].holds, by_name["TypeOK"].fails) == (("Small",), ())
    assert (by_name["NeverReached"].holds, by_name["NeverReached"].fails) == ((), ("Witness",))
    assert (by_name["Safe"].holds, by_name["Safe"].fails) == (("Small",), ("Wrong",))
    assert by_name["NeverReached"].kind == "witness"
    assert by_name["Ends"].kind == "property"


def test_what_nothing_violates_says_nothing(tmp_path: Path) -> None:
    by_name = found(tmp_path, judged("types", "TypeOK"), judged("ends", "Ends", killed=False))
    assert by_name["TypeOK"].problem == ""
    assert by_name["Ends"].problem == "no mutant violates Ends of M"
    # An expected violation and a witness have been seen to fail.
    assert by_name["Safe"].problem == by_name["NeverReached"].problem == ""


def test_a_mutant_of_another_module_shows_nothing(tmp_path: Path) -> None:
    by_name = found(tmp_path, judged("types", "TypeOK", module="Other"))
    assert by_name["TypeOK"].problem == "no mutant violates TypeOK of M"


def test_what_a_spec_extends_may_be_violated_there(tmp_path: Path) -> None:
    (tmp_path / "M.tla").write_text("---- MODULE M ----\nEXTENDS Naturals, Other\n====\n", encoding="utf-8")
    (tmp_path / "Other.tla").write_text("---- MODULE Other ----\nEXTENDS Third\n====\n", encoding="utf-8")
    assert found(tmp_path, judged("types", "TypeOK", module="Third"))["TypeOK"].mutants == ("types",)


def test_a_row_says_whether_the_models_were_as_expected(tmp_path: Path) -> None:
    claim = found(tmp_path, judged("types", "TypeOK"))["TypeOK"]
    assert claim.row({"Small": True})[""] == "ok"
    assert claim.row({"Small": False})[""] == "fails"
    assert msgspec.structs.replace(claim, mutants=()).row({"Small": True})[""] == "fails"
