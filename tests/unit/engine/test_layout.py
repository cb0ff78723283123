"""Packed states: fields grow bit by bit, and what was packed before stays as it was."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tlastep.engine.layout import Layout
from tlastep.values import Fn

STATES = st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40), st.frozensets(st.integers(0, 6))), min_size=1)


@given(STATES)
def test_what_is_packed_comes_out_again_however_many_come_after_it(
    states: list[tuple[int, int, frozenset[int]]],
) -> None:
    given_states = [(Fn({"a": one, "b": other}), items) for one, other, items in states]
    layout = Layout(("f", "s"), given_states[:1])
    packed = [layout.pack(state) for state in given_states]
    for state, number in zip(given_states, packed, strict=True):
        assert layout.pack(state) == number
        assert layout.unpack(number) == {"f": state[0].mapping, "s": state[1]}
    assert len(set(packed)) == len(set(given_states))


@given(STATES)
def test_fields_are_disjoint_and_no_wider_than_needed(states: list[tuple[int, int, frozenset[int]]]) -> None:
    layout = Layout(("f", "s"), [(Fn({"a": 0, "b": 0}), frozenset())])
    for one, other, items in states:
        layout.pack((Fn({"a": one, "b": other}), items))
    fields = [cluster.field for cluster in layout.clusters]
    assert sum(fields) == layout.field(-1)
    for cluster in layout.clusters:
        assert cluster.field.bit_count() == max(len(cluster.tuples) - 1, 0).bit_length()
        assert all(code & ~cluster.field == 0 for code in cluster.tuples)
