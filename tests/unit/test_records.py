"""Sealed records: what is whole is read, and nothing else is."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from quorumlog.core.consensus.effects import Durable, Store
from quorumlog.core.consensus.messages import Entry
from quorumlog.records import HEAD, gathered, sealed, unsealed

QUICK = settings(max_examples=100, deadline=None, derandomize=True)


@given(st.binary(min_size=1), st.binary(max_size=9), st.binary(max_size=9))
@QUICK
def test_a_record_is_read_wherever_it_stands(body: bytes, before: bytes, after: bytes) -> None:
    file = before + sealed(body) + after
    assert unsealed(file, len(before)) == body
    assert len(sealed(body)) == HEAD + len(body)


@given(st.binary(min_size=1, max_size=40), st.data())
@QUICK
def test_what_is_torn_or_damaged_is_no_record(body: bytes, data: st.DataObject) -> None:
    file = sealed(body)
    assert unsealed(file[: data.draw(st.integers(0, len(file) - 1))]) is None
    place, bit = data.draw(st.integers(0, len(file) - 1)), data.draw(st.integers(0, 7))
    damaged = bytearray(file)
    damaged[place] ^= 1 << bit
    assert unsealed(bytes(damaged)) is None


def test_zeros_are_no_record() -> None:
    assert unsealed(bytes(100)) is None


def test_writes_are_gathered_into_one() -> None:
    logs = [(Entry(1, "a"), Entry(1, "b")), (Entry(1, "a"),), (Entry(1, "a"), Entry(2, "c"))]
    stores = [Store(Durable(term, None, log), kept) for term, log, kept in zip((1, 2, 3), logs, (2, 1, 1), strict=True)]
    assert gathered(stores) == Store(Durable(3, None, logs[-1]), 1)
    assert gathered(stores[:1]) is stores[0]
