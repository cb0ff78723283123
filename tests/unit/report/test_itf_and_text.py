"""Behaviours as ITF and as text."""

from __future__ import annotations

from tlastep.behaviour import Behaviour, Label, Step
from tlastep.report import html, itf, junit, text
from tlastep.values import FALSE, TRUE, Fn, Value, model_value, record

A, B = model_value("a"), model_value("b")
VALUES: tuple[Value, ...] = (
    *(0, -7, 2**60, "word", TRUE, FALSE, A, (), (1, "x"), frozenset(), frozenset({1, 2})),
    *(Fn({A: 1, B: 2}), record(type="Vote", to=A), Fn({(1, 2): frozenset({A})}), Fn({3: TRUE})),
)


def test_values_survive_itf() -> None:
    assert [itf.decode_value(itf.encode_value(value), "here") for value in VALUES] == list(VALUES)


def test_behaviours_survive_itf() -> None:
    steps = (Step(None, {"x": 0, "who": A}), Step(Label("Next", (A, 3)), {"x": 1, "who": B}))
    for behaviour in (Behaviour(steps), Behaviour(steps, loop=0), Behaviour(steps, stutters=True)):
        assert itf.loads(itf.dumps(behaviour), "here") == behaviour


def test_text_shows_only_what_changed() -> None:
    before: dict[str, Value] = {"term": Fn({A: 1, B: 2}), "sent": frozenset({1, 2}), "log": (1,), "same": 5}
    after: dict[str, Value] = {"term": Fn({A: 3, B: 2}), "sent": frozenset({2, 4}), "log": (1, 2), "same": 5}
    shown = text.behaviour(Behaviour((Step(None, before), Step(Label("Go", (A,)), after)), stutters=True))
    assert shown.splitlines()[5:] == [
        "   2  Go(a)",
        "        term[a] = 3   (was 1)",
        "        sent loses 1",
        "        sent gains 4",
        "        log = <<1>> \\o <<2>>",
        "      and nothing ever happens again",
    ]


def test_pages_hold_all_they_need_and_escape_what_they_show() -> None:
    shown = html.page("a < b", [html.Section("Models", [{"model": "<m>", "states": 1234, "result": "ok"}])])
    assert "<title>a &lt; b</title>" in shown
    assert "&lt;m&gt;" in shown
    assert '<td class="number">1,234</td><td class="good">ok</td>' in shown
    assert [word for word in ("http:", "https:", "<script", "src=", "url(") if word in shown] == []


def test_junit_has_a_failure_for_each_failed_case() -> None:
    shown = junit.report("suite", [junit.Case("a", "g", 0.5), junit.Case("b", "g", 0.1, "broken \x00", "more")])
    assert 'tests="2" failures="1"' in shown
    assert '<failure message="broken ?">more</failure>' in shown
