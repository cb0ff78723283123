"""Graphs dumped by an old and a new TLC are read alike, and a damaged one is refused with its line."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from tlastep.behaviour import Label
from tlastep.errors import UnusableInput
from tlastep.toolchain import state_graph
from tlastep.values import Fn, model_value

A, B = model_value("a"), model_value("b")
HEAD = "strict digraph DiskGraph {\n"


def written(folder: Path, text: str) -> Path:
    file = folder / "graph.dot"
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize("year", ["2020", "2026"])
def test_states_initial_states_and_edges(data: Path, year: str) -> None:
    graph = state_graph.read(data / f"graph_{year}.dot")
    assert len(graph.states) == 4
    (initial,) = graph.initial
    assert graph.states[initial]["term"] == Fn({A: 0, B: 0})
    assert [len(state) for state in graph.states.values()] == [12] * 4
    assert Counter(label.action for _, label, _ in graph.edges) == {"Timeout": 4, "Crash": 8}
    loops = [label for source, label, target in graph.edges if source == target == initial]
    assert loops == ([Label("Crash")] * 2 if year == "2020" else [Label("Crash", (A,)), Label("Crash", (B,))])


def test_both_versions_show_the_same_graph(data: Path) -> None:
    old, new = (state_graph.read(data / f"graph_{year}.dot") for year in ("2020", "2026"))
    for graph in (old, new):
        assert {source for source, _, _ in graph.edges} == set(graph.states)
    edges = [
        Counter(
            (frozenset(g.states[s].items()), label.action, frozenset(g.states[t].items())) for s, label, t in g.edges
        )
        for g in (old, new)
    ]
    assert edges[0] == edges[1]


def test_escapes_in_strings_are_undone_once(tmp_path: Path) -> None:
    node = r'1 [label="/\\ x = \"a\\n\\\\ \\\"\"\n/\\ y = 1",style = filled]'
    graph = state_graph.read(written(tmp_path, f"{HEAD}{node}\n}}\n"))
    assert graph.states == {1: {"x": 'a\n\\ "', "y": 1}}
    assert graph.initial == [1]


def test_repeated_edges_are_kept(tmp_path: Path) -> None:
    text = f'{HEAD}1 [label="x = 1",style = filled]\n1 -> 1 [label="Up",color="black"];\n1 -> 1 [label="Up"];\n}}\n'
    assert state_graph.read(written(tmp_path, text)).edges == [(1, Label("Up"), 1)] * 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", ":1: expected a graph"),
        ("digraph {\n", ":1: expected a graph"),
        (f'{HEAD}1 [label="x = 1"]\n1 -> 1;\n', ":3: expected a state or a labelled edge"),
        (f'{HEAD}\n1 [label="x = \n', ":3: expected a state or a labelled edge"),
        (f'{HEAD}1 [label="x = {{"]\n', ":2: expected a value"),
        (f'{HEAD}1 [label="x = 1"]\n1 -> 2 [label="Up"];\n', "state 2, which the dump does not show"),
    ],
)
def test_what_is_no_whole_dump_is_refused(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(UnusableInput, match=message) as caught:
        state_graph.read(written(tmp_path, text))
    assert str(tmp_path / "graph.dot") in str(caught.value)
