"""The loops of processes in virtual time: order, pauses, ends, and what goes wrong."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from tests.unit.virtual.processes import Two


async def sleeps(noted: list[str], name: str, *seconds: float) -> None:
    for each in seconds:
        await asyncio.sleep(each)
        noted.append(f"{name} {asyncio.get_running_loop().time():g}")


def test_time_jumps_and_everything_happens_in_its_order() -> None:
    two, noted = Two(), list[str]()
    two.b.create_task(sleeps(noted, "b", 300, 1))
    two.run(sleeps(noted, "a", 300, 0.5, 1))
    assert noted == ["b 300", "a 300", "a 300.5", "b 301", "a 301.5"]


def test_a_process_that_is_paused_does_nothing_and_then_what_is_late_in_order() -> None:
    two, noted = Two(), list[str]()

    async def main() -> None:
        for name, delay in (("first", 1.0), ("second", 2.0), ("third", 9.0)):
            two.b.call_later(delay, noted.append, name)
        two.b.call_later(1.5, noted.append, "cancelled").cancel()
        two.b.pause()
        await asyncio.sleep(5)
        assert noted == []
        two.b.resume()
        await asyncio.sleep(1)
        assert noted == ["first", "second"]
        await asyncio.sleep(5)
        assert noted == ["first", "second", "third"]

    two.run(main())


@pytest.mark.parametrize("first", [lambda two: None, lambda two: two.b.pause()], ids=["running", "paused"])
def test_in_a_process_that_has_ended_nothing_happens(first: Callable[[Two], None]) -> None:
    two, noted = Two(), list[str]()

    async def main() -> None:
        two.b.create_task(sleeps(noted, "b", 1))
        two.b.call_later(2, noted.append, "b 2")
        await asyncio.sleep(0.5)
        first(two)
        two.b.end()
        two.b.call_soon(noted.append, "after the end")
        two.b.resume()
        await asyncio.sleep(5)

    two.run(main())
    assert noted == []


def test_a_thread_answers_or_raises() -> None:
    two = Two()

    async def main() -> tuple[str, float]:
        with pytest.raises(ZeroDivisionError):
            await asyncio.to_thread(lambda: 1 // 0)
        answer = await asyncio.to_thread(lambda: "done")
        return answer, asyncio.get_running_loop().time()

    answer, now = two.run(main())
    assert answer == "done"
    assert now > 0


def test_time_outs_are_those_of_virtual_time() -> None:
    async def main() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(100):
                await asyncio.Event().wait()
        return asyncio.get_running_loop().time()

    assert Two().run(main()) == 100


def test_what_does_not_end_is_an_error() -> None:
    async def main() -> None:
        while True:
            await asyncio.sleep(1)

    with pytest.raises(TimeoutError, match="within 600 virtual seconds"):
        Two().run(main())


def test_what_goes_wrong_in_a_callback_is_an_error() -> None:
    async def main() -> None:
        asyncio.get_running_loop().call_later(1, lambda: 1 // 0)
        await asyncio.sleep(5)

    with pytest.raises(RuntimeError, match="has failed") as caught:
        Two().run(main())
    assert isinstance(caught.value.__cause__, ZeroDivisionError)
