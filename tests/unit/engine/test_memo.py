"""Memory of results: what a result depends on may turn out to be more than it seemed."""

from __future__ import annotations

from tlastep.engine.layout import Layout
from tlastep.engine.memo import Memo


def test_a_result_that_depends_on_more_is_not_taken_for_another() -> None:
    layout = Layout(("x", "y"), [(0, 0)])
    x, y = layout.whole["x"], layout.whole["y"]
    states = {(a, b): layout.pack((a, b)) for a in (0, 1) for b in (0, 1)}
    memo = Memo[str]()
    memo.keep(states[0, 0], [x], "x is 0")
    assert memo.find(states[0, 1]) == "x is 0"
    # Somebody learns that y will be read before anything that depends on it is kept.
    memo.touch(y.cluster)
    memo.keep(states[1, 0], [x, y], "x is 1, y is 0")
    assert memo.find(states[1, 0]) == "x is 1, y is 0"
    assert memo.find(states[1, 1]) is None
    assert memo.find(states[0, 1]) == "x is 0"
