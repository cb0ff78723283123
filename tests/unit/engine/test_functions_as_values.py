"""Functions are values: compared, hashed and sent to other processes by what they are."""

from __future__ import annotations

import pickle

from tlastep.values import Fn, Value


def test_functions_are_compared_by_their_pairs() -> None:
    pairs: dict[Value, Value] = {"term": 3, "log": (1, 2)}
    one, same, other = Fn(pairs), Fn(dict(reversed(pairs.items()))), Fn({**pairs, "term": 4})
    assert one == same
    assert not one != same  # noqa: SIM202  # what is not equal is asked in its own way
    assert one != other
    assert not one == other  # noqa: SIM201  # likewise
    assert one != pairs
    assert hash(one) == hash(same) == hash(one)
    assert {one, same, other} == {one, other}


def test_functions_are_sent_to_other_processes() -> None:
    one = Fn({"term": 3, "of": Fn({2: 1})})
    hash(one)
    sent = pickle.loads(pickle.dumps(one))
    assert sent == one
    assert hash(sent) == hash(one)
    assert repr(sent) == repr(one) == "[of |-> (2 :> 1), term |-> 3]"
