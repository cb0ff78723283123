"""Servers in network namespaces: packets arrive, or late, or not, in each direction, and nothing is left behind."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from random import Random

import pytest
from typer.testing import CliRunner

from quorumlog.cli import app
from quorumlog.demo import namespaces
from quorumlog.demo.demo import Demo, Network, Wanted
from quorumlog.demo.namespaces import PORT, PREFIX, Namespaces, Switch, ip, missing, swept

SECONDS = 20.0
SOON = 0.2
ECHO = """
import socket
listening = socket.create_server(("0.0.0.0", int({port})))
while True:
    connection, _ = listening.accept()
    while said := connection.recv(65536):
        connection.sendall(said)
"""
SAY = """
import socket, sys
with socket.create_connection(({host!r}, {port}), timeout={timeout}) as connection:
    said = b"x" * {size}
    connection.sendall(said)
    left = len(said)
    while left:
        left -= len(connection.recv(65536)) or sys.exit("closed")
"""

needs_namespaces = pytest.mark.skipif((why := missing()) is not None, reason=f"no network namespaces here: {why}")


class World:
    """Servers a, b and c, of which b sends back what it hears."""

    def __init__(self, spaces: Namespaces, switch: Switch) -> None:
        self.spaces = spaces
        self.switch = switch

    async def says(self, source: str, *, timeout: float, size: int = 1) -> bool:
        """Whether b sends back what is said there in so many seconds. Without a source: said by this machine."""
        host, port = self.spaces.addresses[1]
        script = SAY.format(host=host, port=port, timeout=timeout, size=size)
        words = [*self.spaces.within.get(source, ()), sys.executable, "-c", script]
        process = await asyncio.create_subprocess_exec(*words, stderr=asyncio.subprocess.DEVNULL)
        return await process.wait() == 0


@asynccontextmanager
async def world() -> AsyncIterator[World]:
    """The three, until it is left."""
    with Namespaces(["a", "b", "c"]) as spaces, Switch(spaces, Random(1)) as switch:
        words = [*spaces.within["b"], sys.executable, "-c", ECHO.format(port=PORT)]
        echo = await asyncio.create_subprocess_exec(*words)
        try:
            found = World(spaces, switch)
            while not await found.says("", timeout=1):
                await asyncio.sleep(0.05)
            yield found
        finally:
            echo.kill()
            await echo.wait()


def told(story: Callable[[World], Awaitable[None]]) -> None:
    """Run it, for a bounded time."""

    async def bounded() -> None:
        async with asyncio.timeout(3 * SECONDS), world() as found:
            await story(found)

    asyncio.run(bounded())


@needs_namespaces
def test_a_megabyte_is_said_and_comes_back_through_the_switch_and_from_this_machine_without() -> None:
    async def story(world: World) -> None:
        assert await world.says("a", timeout=SECONDS, size=1 << 20)
        handed_on = world.switch.handed_on
        assert handed_on > 10
        assert world.switch.dropped == 0
        assert await world.says("", timeout=SECONDS, size=1 << 20)
        assert world.switch.handed_on - handed_on < 10

    told(story)


@needs_namespaces
@pytest.mark.parametrize("direction", ["there", "back"])
def test_either_direction_can_be_cut_and_heals(direction: str) -> None:
    async def story(world: World) -> None:
        ways = world.switch.from_("a") if direction == "there" else world.switch.to("a")
        assert {(each.source, each.target) for each in ways} == (
            {("a", "b"), ("a", "c")} if direction == "there" else {("b", "a"), ("c", "a")}
        )
        for each in ways:
            each.block()
        assert not await world.says("a", timeout=3 * SOON)
        assert world.switch.dropped > 0
        assert await world.says("c", timeout=SECONDS)
        assert await world.says("", timeout=SECONDS)
        world.switch.heal()
        assert await world.says("a", timeout=SECONDS)

    told(story)


@needs_namespaces
def test_a_connection_goes_on_over_a_way_that_loses_a_tenth() -> None:
    async def story(world: World) -> None:
        for each in (*world.switch.from_("a"), *world.switch.to("a")):
            each.loss = 0.1
        assert await world.says("a", timeout=2 * SECONDS, size=1 << 20)
        assert world.switch.dropped > 0

    told(story)


@needs_namespaces
def test_a_slow_way_is_slow() -> None:
    async def story(world: World) -> None:
        for each in world.switch.from_("a"):
            each.delay = SOON
        loop = asyncio.get_running_loop()
        begun = loop.time()
        assert await world.says("a", timeout=SECONDS)
        assert loop.time() - begun >= 2 * SOON  # to begin the connection, and to say something

    told(story)


def left() -> list[str]:
    """What there is of this process."""
    names = [line.split()[0] for line in ip(["netns", "list"]).splitlines()]
    links = [line.split(":")[1].strip().split("@")[0] for line in ip(["-o", "link"]).splitlines()]
    return [each for each in (*names, *links) if str(os.getpid()) in each]


@needs_namespaces
def test_nothing_is_left_even_after_an_error() -> None:
    def fails() -> None:
        with Namespaces(["a", "b"]):
            assert len(left()) == 4
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert left() == []


@needs_namespaces
def test_what_was_begun_is_removed_if_it_can_not_be_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second server has the name of the first one's interface."""
    spaces = Namespaces(["a", "b"])
    monkeypatch.setattr(spaces, "_ends", dict.fromkeys(spaces.ends, spaces.ends["a"]))
    with pytest.raises(RuntimeError, match="exists"):
        spaces.__enter__()
    assert left() == []


@needs_namespaces
def test_what_a_killed_process_has_left_is_swept_away() -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    name = f"{PREFIX}{gone.pid}-a"
    ip(["netns", "add", name])
    with Namespaces(["a"]):
        assert swept() == []
        assert name not in ip(["netns", "list"])
        assert left() != []


def test_where_namespaces_are_not_allowed_the_demo_says_so(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(app, ["demo", "--network", "namespaces", "--keep", str(tmp_path / "kept")])
    assert done.exit_code == 2
    assert done.output == "quorumlog demo: --network namespaces: expected ip, of iproute2, on PATH\n"
    assert not (tmp_path / "kept").exists()


def test_where_ip_refuses_its_own_words_say_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    refuses = tmp_path / "ip"
    refuses.write_text(f"#!{sys.executable}\nimport sys\nsys.exit('mount --make-shared /run/netns failed')\n")
    refuses.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    said = missing()
    assert said is not None
    assert said.startswith("expected Linux and the rights of root")
    assert said.endswith("failed)")


@pytest.mark.parametrize("seed", range(5))
def test_the_same_seed_is_the_same_schedule_for_both(seed: int, tmp_path: Path) -> None:
    networks: tuple[Network, ...] = ("links", "namespaces")
    found = [Demo(Wanted(60, seed, True, tmp_path), None, each)._schedule() for each in networks]
    assert found[0] == found[1] != ()


def test_addresses_are_of_this_process() -> None:
    one = Namespaces(["a", "b"])
    assert one.addresses[0][0].startswith("10.")
    assert {port for _, port in one.addresses} == {PORT}
    assert len({host for host, _ in one.addresses}) == 2
    assert one.within["b"] == ["ip", "netns", "exec", f"{PREFIX}{os.getpid()}-b"]
    with pytest.raises(RuntimeError, match="at most 200 servers in namespaces, found 201"):
        Namespaces([str(number) for number in range(namespaces.MOST + 1)])
