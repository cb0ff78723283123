"""A configuration can be asked for fewer checks without a change to anything else."""

from __future__ import annotations

from tlastep.toolchain import tlc_config

TEXT = r"""\* PROPERTY Commented
CONSTANTS Server = {a, b} (* INVARIANT
  AlsoCommented *) Nil = Nil
SPECIFICATION Spec
INVARIANTS TypeOK
  Safe
PROPERTY Refines
CONSTRAINT Bound
PROPERTIES Ends Answers
CONSTANT Name = "PROPERTY \* x"
"""


def test_the_names_of_properties() -> None:
    assert tlc_config.properties(TEXT) == ["Refines", "Ends", "Answers"]


def test_checks_go_and_the_rest_stays_on_its_line() -> None:
    lines = [line.rstrip() for line in tlc_config.checking_only(TEXT).splitlines()]
    kept = {
        2: "CONSTANTS Server = {a, b}",
        4: "SPECIFICATION Spec",
        8: "CONSTRAINT Bound",
        10: r'CONSTANT Name = "PROPERTY \* x"',
    }
    assert {number: line for number, line in enumerate(lines, start=1) if line and number != 3} == kept
    assert lines[2].strip() == "Nil = Nil"


def test_one_property_is_kept() -> None:
    assert tlc_config.properties(tlc_config.checking_only(TEXT, "Ends")) == ["Ends"]


def test_one_check_alone_keeps_its_kind() -> None:
    text = "INIT Init\nINVARIANTS TypeOK Safe\nPROPERTY Ends\n"
    assert tlc_config.checking_only(text, "Safe").split() == ["INIT", "Init", "INVARIANT", "Safe"]
    assert tlc_config.checking_only(text, "Ends").split() == ["INIT", "Init", "PROPERTY", "Ends"]


def test_one_property_is_left_beside_all_invariants() -> None:
    text = "INIT Init\nINVARIANT Safe\nPROPERTIES Ends Begins\nINVARIANT Sound\n"
    words = tlc_config.without_other_properties(text, "Begins").split()
    assert words == ["INIT", "Init", "INVARIANT", "Safe", "INVARIANT", "Sound", "PROPERTY", "Begins"]
