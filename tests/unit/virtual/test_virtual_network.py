"""The network in virtual time: what arrives, and what does not."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.virtual.processes import Peer, Two

from quorumlog.virtual.network import Conditions

PIECES = [bytes([number]) * (number + 1) for number in range(200)]


def test_what_is_written_arrives_in_order_and_now_and_then_in_parts() -> None:
    two = Two()

    async def main() -> None:
        near, far = await two.connected()
        for piece in PIECES:
            near.transport.write(piece)
        far.transport.write(b"and back")
        await asyncio.sleep(1)
        assert far.all == b"".join(PIECES)
        assert len(far.pieces) > len(PIECES)
        assert near.all == b"and back"

    two.run(main())


def test_the_other_end_hears_that_one_closes_after_all_that_was_sent() -> None:
    two = Two()

    async def main() -> None:
        near, far = await two.connected()
        near.transport.write(b"last words")
        near.transport.close()
        near.transport.write(b"never sent")
        await asyncio.sleep(1)
        assert (far.all, far.lost, near.lost) == (b"last words", [None], [None])

    two.run(main())


def test_a_way_that_is_cut_loses_in_one_direction_and_resets_when_it_heals() -> None:
    two = Two()

    async def main() -> None:
        near, far = await two.connected()
        whole, other = await two.connected()
        for way in two.network.from_("a"):
            way.block()
        near.transport.write(b"lost")
        far.transport.write(b"heard")
        await asyncio.sleep(10)
        assert (far.all, near.all, near.lost + far.lost) == (b"", b"heard", [])
        two.network.heal()
        await asyncio.sleep(1)
        assert [type(each) for each in near.lost + far.lost] == [ConnectionResetError] * 2
        assert whole.lost + other.lost == []

    two.run(main())


def test_who_dials_over_a_way_that_is_cut_waits_for_it() -> None:
    two = Two()

    async def main() -> float:
        await two.connected()
        for way in two.network.to("a"):
            way.block()
        two.a.call_later(7.5, two.network.heal)
        await two.connected()
        return two.a.time()

    assert 7.5 < two.run(main()) < 9


def test_nobody_listens() -> None:
    two = Two()

    async def main() -> None:
        with pytest.raises(ConnectionRefusedError):
            await asyncio.get_running_loop().create_connection(Peer, "b", 2)
        near, _ = await two.connected()
        two.b.end()
        two.network.gone(two.b)
        await asyncio.sleep(1)
        assert [type(each) for each in near.lost] == [ConnectionResetError]
        with pytest.raises(ConnectionRefusedError):
            await two.connected()

    two.run(main())


def test_who_does_not_read_holds_the_writer_up() -> None:
    two = Two()

    async def main() -> None:
        near, far = await two.connected()
        near.transport.set_write_buffer_limits(high=100)
        far.transport.pause_reading()
        near.transport.write(bytes(60))
        assert near.full == []
        near.transport.write(bytes(60))
        await asyncio.sleep(1)
        assert (near.full, far.all) == ([True], b"")
        far.transport.resume_reading()
        await asyncio.sleep(1)
        assert (near.full, len(far.all)) == ([True, False], 120)

    two.run(main())


def test_a_rough_way_loses_pieces_and_lets_some_overtake_others() -> None:
    two = Two(conditions=Conditions(lost=0.1, late=0.1))

    async def main() -> list[int]:
        near, far = await two.connected()
        for piece in PIECES:
            near.transport.write(piece)
            await asyncio.sleep(0.002)
        await asyncio.sleep(1)
        assert far.lost == []
        return [each[0] for each in far.pieces]

    came = two.run(main())
    assert 150 < len(set(came)) < 200
    assert came != sorted(came)


def test_the_same_seed_gives_the_same_times() -> None:
    async def told(two: Two) -> list[tuple[float, int]]:
        near, far = await two.connected()
        found = []
        for piece in PIECES:
            near.transport.write(piece)
            await asyncio.sleep(0.0003)
            found.append((two.a.time(), len(far.all)))
        return found

    runs = [two.run(told(two)) for two in (Two(1), Two(1), Two(2))]
    assert runs[0] == runs[1] != runs[2]
