"""Values, states and labels in TLC's notation are read as what they mean, and nothing else is read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tlastep.behaviour import Label
from tlastep.errors import UnusableInput
from tlastep.toolchain.tlc_values import Reader
from tlastep.values import FALSE, TRUE, Fn, Value, function, model_value, record, show

A, B = model_value("a"), model_value("b")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("-12", -12),
        ("TRUE", TRUE),
        ("FALSE", FALSE),
        ("a", A),
        ("2pc", model_value("2pc")),
        ('""', ""),
        (r'"say \"x\", a\\b\n"', 'say "x", a\\b\n'),
        ("<<>>", ()),
        ("{}", frozenset()),
        ("1..3", frozenset({1, 2, 3})),
        ("-1..1", frozenset({-1, 0, 1})),
        ("3..1", frozenset()),
        ("{1..2, {}}", frozenset({frozenset({1, 2}), frozenset()})),
        ('<<<<1, "a>>,{">>, <<>>>>', ((1, "a>>,{"), ())),
        ("[x |-> 1, y |-> <<{}>>]", record(x=1, y=((frozenset(),)))),
        ("(a :> 1 @@ b :> {a})", Fn({A: 1, B: frozenset({A})})),
        ("(1 :> a @@ 2 :> b)", (A, B)),
        ("(0 :> a @@ 1 :> b)", Fn({0: A, 1: B})),
        ("(<<1, 2>> :> TRUE)", Fn({(1, 2): TRUE})),
        (
            "( a :>\n  { [ term |-> 1,\n      to |-> b ] } @@\n  b :> {} )",
            Fn({A: frozenset({record(term=1, to=B)}), B: frozenset()}),
        ),
        ("(1 :> a @@ 1 :> b)", (A,)),
    ],
)
def test_a_value_means_what_tlc_means(text: str, value: Value) -> None:
    assert Reader().value(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{1",
        "{1,}",
        "{1 2}",
        "[x 1]",
        "[x |-> ]",
        "(a :> )",
        "(a)",
        "<<1",
        "1..",
        '1.."a"',
        "-",
        '"open',
        "1 2",
        "a b",
        "SUBSET {1}",
        "{1}}",
    ],
)
def test_what_tlc_does_not_print_is_refused(text: str) -> None:
    with pytest.raises(UnusableInput, match=r"expected .* in a value of TLC"):
        Reader().value(text)


ATOMS: st.SearchStrategy[Value] = st.one_of(
    st.integers(), st.text(max_size=5), st.sampled_from([TRUE, FALSE]), st.sampled_from([A, B])
)
FIELDS: st.SearchStrategy[Value] = st.sampled_from(["type", "from", "x1"])
KEYS: st.SearchStrategy[Value] = st.one_of(st.integers(0, 3), st.just(A), st.tuples(ATOMS))


def compounds(part: st.SearchStrategy[Value]) -> st.SearchStrategy[Value]:
    return st.one_of(
        st.lists(part, max_size=3).map(tuple),
        st.frozensets(part, max_size=3),
        st.dictionaries(FIELDS, part, max_size=3).map(function),
        st.dictionaries(KEYS, part, max_size=3).map(function),
    )


VALUES: st.SearchStrategy[Value] = st.recursive(ATOMS, compounds, max_leaves=12)


@given(VALUES, VALUES)
def test_every_value_is_read_back_from_its_text(first: Value, second: Value) -> None:
    reader = Reader()
    assert reader.value(show(first)) == first
    assert reader.value(show((first, second, first))) == (first, second, first)


def test_a_state_has_a_value_for_each_variable() -> None:
    text = '/\\ log = <<1,\n  2>>\n/\\ said = "x = /\\\\ y"\n/\\ role = (a :> {}\n  @@ b :> 1..2)\n'
    expected = {"log": (1, 2), "said": "x = /\\ y", "role": Fn({A: frozenset(), B: frozenset({1, 2})})}
    assert Reader().state(text) == expected


def test_a_state_of_one_variable_has_no_conjunction() -> None:
    assert Reader().state("x = {1}\n") == {"x": frozenset({1})}


def test_a_state_without_a_value_is_refused() -> None:
    with pytest.raises(UnusableInput, match="expected a state"):
        Reader().state("Stuttering")


@pytest.mark.parametrize(
    ("text", "label"),
    [
        ("Timeout", Label("Timeout", None)),
        ("Timeout(a)", Label("Timeout", (A,))),
        ("Replicate(a,b)", Label("Replicate", (A, B))),
        ("Stop()", Label("Stop", ())),
        ('OnVote(a, [type |-> "(", from |-> b])', Label("OnVote", (A, record(**{"type": "(", "from": B})))),
        ("Log!Append line 7, col 12 to line 7, col 45 of module Log", Label("Log!Append", None)),
        ("Put(1) line 7, col 12 to line 7, col 45 of module Log", Label("Put", (1,))),
    ],
)
def test_a_label_has_arguments_where_tlc_gives_them(text: str, label: Label) -> None:
    assert Reader().label(text) == label
