"""Servers in network namespaces: each has an interface and an address of its own, and what they say are real packets.

The other end of each interface is here, on the machine itself, so clients reach every server without a detour. What
servers say to each other goes through a switch, which reads the packets at these ends and hands them on to the end
whose server they are for: or not, or late, or only some of them, in each direction for itself. TCP is left to make of
that what it can, as it does of a cable that is pulled. Nothing of this needs modules of the kernel such as netem.

Everything is made by `ip`, of iproute2, and carries the number of this process in its name.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path
from random import Random
from types import TracebackType
from typing import Final

from quorumlog.core.consensus.messages import ServerId
from quorumlog.runtime.config import Address

PREFIX: Final = "quorumlog-"
PORT: Final = 7100
MOST: Final = 200
"""Servers that have addresses in a network of 256."""
SECONDS: Final = 30.0
"""That a call of `ip` may take."""

IPV4: Final = 0x0800
SOL_PACKET: Final = 263
PACKET_VNET_HDR: Final = 15
"""Each packet comes with ten bytes that say what its checksum still lacks, and takes them along (`packet(7)`)."""
HEADER: Final = 10
OTHERS: Final = 3
"""PACKET_OTHERHOST: a packet whose hardware address is not that of this end, so it is for another server."""
LARGEST: Final = 1 << 17
TURN: Final = 64
"""Packets that are taken from one end before the loop does something else."""
WAITING: Final = 8 << 20
"""Bytes that may wait at an end."""


class Way:
    """The way of one server to another."""

    def __init__(self, source: ServerId, target: ServerId) -> None:
        self.source = source
        self.target = target
        self.is_blocked = False
        self.delay = 0.0
        """Seconds that everything takes longer."""
        self.loss = 0.0
        """The part of all packets that are lost."""

    def block(self) -> None:
        """What is said from now on never arrives."""
        self.is_blocked = True

    def heal(self) -> None:
        """Hand on again. Connections go on with what was lost, or find out that they are over."""
        self.is_blocked = False
        self.delay = self.loss = 0.0


class Namespaces:
    """A namespace for each of these servers, while it is entered. Raises `RuntimeError` if this is not allowed here."""

    def __init__(self, servers: Sequence[ServerId]) -> None:
        if len(servers) > MOST:
            raise RuntimeError(f"expected at most {MOST} servers in namespaces, found {len(servers)}")
        own = os.getpid()
        net = f"10.{128 + (own >> 8) % 127}.{own % 256}"
        self._here = f"{net}.254"
        self._names = {server: f"{PREFIX}{own}-{server}" for server in servers}
        self._ends = {server: f"ql{own}-{number}" for number, server in enumerate(servers, start=1)}
        self._hosts = {server: f"{net}.{number}" for number, server in enumerate(servers, start=1)}
        self._made: list[ServerId] = []

    @property
    def addresses(self) -> list[Address]:
        """Where the servers listen, in their order."""
        return [(host, PORT) for host in self._hosts.values()]

    @property
    def within(self) -> dict[ServerId, list[str]]:
        """What stands before a command so that it runs where the server is."""
        return {server: ["ip", "netns", "exec", name] for server, name in self._names.items()}

    @property
    def ends(self) -> dict[ServerId, str]:
        """The interfaces of this machine behind which the servers are."""
        return dict(self._ends)

    def __enter__(self) -> Namespaces:
        swept()
        try:
            for server in self._names:
                self._made.append(server)
                self._make(server)
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is left of them. What still runs in one has no network any more."""
        while self._made:
            server = self._made.pop()
            for words in (["link", "del", self._ends[server]], ["netns", "del", self._names[server]]):
                with contextlib.suppress(RuntimeError):
                    ip(words)

    def _make(self, server: ServerId) -> None:
        name, end, host = self._names[server], self._ends[server], self._hosts[server]
        peer = f"peer name eth0 address {self._hardware(server)} netns {name}"
        ip(["netns", "add", name])
        outside = [
            f"link add {end} address {self._hardware(server, 1)} type veth {peer}",
            f"link set {end} up",
            f"addr add {self._here}/32 dev {end}",
            f"route add {host}/32 dev {end}",
            f"neigh replace {host} lladdr {self._hardware(server)} dev {end} nud permanent",
        ]
        inside = ["link set lo up", "link set eth0 up", f"addr add {host}/24 dev eth0"]
        # Nobody asks who has an address: the switch hands on what is said to somebody, and nothing said to all.
        known = {self._here: self._hardware(server, 1)}
        known |= {at: self._hardware(other) for other, at in self._hosts.items() if other != server}
        inside += [f"neigh replace {at} lladdr {address} dev eth0 nud permanent" for at, address in known.items()]
        ip(["-batch", "-"], outside)
        ip(["-n", name, "-batch", "-"], inside)

    def _hardware(self, server: ServerId, side: int = 0) -> str:
        return f"02:00:00:00:{side:02x}:{hardware(self._hosts[server])[-1]:02x}"


def hardware(host: str) -> bytes:
    """The hardware address of the server that has this one."""
    return bytes([2, 0, 0, 0, 0, int(host.rpartition(".")[2])])


class Switch:
    """Hands on what servers in namespaces say to each other, while it is entered. `dice` say what is lost."""

    def __init__(self, namespaces: Namespaces, dice: Random) -> None:
        self.handed_on = 0
        self.dropped = 0
        """Packets."""
        self._loop = asyncio.get_running_loop()
        self._dice = dice
        self._ends = namespaces.ends
        servers = zip(self._ends, namespaces.addresses, strict=True)
        self._known = {hardware(host): server for server, (host, _) in servers}
        self._all = {
            (source, target): Way(source, target) for source in self._ends for target in self._ends if source != target
        }
        self._sockets: dict[ServerId, socket.socket] = {}

    def __enter__(self) -> Switch:
        try:
            for server, end in self._ends.items():
                at = self._sockets[server] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
                at.setblocking(False)
                at.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
                at.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, WAITING)
                at.bind((end, IPV4))
                self._loop.add_reader(at, self._take, server)
        except OSError as error:
            self.close()
            raise RuntimeError(f"expected the right to read packets (CAP_NET_RAW): {error.strerror}") from error
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Nothing is handed on any more."""
        while self._sockets:
            _, at = self._sockets.popitem()
            self._loop.remove_reader(at)
            at.close()

    def from_(self, source: ServerId) -> Sequence[Way]:
        """Its ways to all others."""
        return [each for (whose, _), each in self._all.items() if whose == source]

    def to(self, target: ServerId) -> Sequence[Way]:
        """The ways of all others to it."""
        return [each for (_, whose), each in self._all.items() if whose == target]

    def heal(self) -> None:
        """Everybody reaches everybody again."""
        for each in self._all.values():
            each.heal()

    def _take(self, source: ServerId) -> None:
        at = self._sockets[source]
        for _ in range(TURN):
            try:
                packet, sender = at.recvfrom(LARGEST)
            except OSError:
                return  # there is no more, or the interface is gone
            target = self._known.get(packet[HEADER : HEADER + 6])
            if sender[2] == OTHERS and target is not None:
                self._carry(self._all[source, target], packet)

    def _carry(self, way: Way, packet: bytes) -> None:
        if way.is_blocked or (way.loss and self._dice.random() < way.loss):
            self.dropped += 1
        elif way.delay:
            self._loop.call_later(way.delay, self._put, way.target, packet)
        else:
            self._put(way.target, packet)

    def _put(self, target: ServerId, packet: bytes) -> None:
        if target in self._sockets:
            try:
                self._sockets[target].send(packet)
                self.handed_on += 1
            except OSError:
                self.dropped += 1  # there is no room, as there may be none in any switch


def ip(words: Sequence[str], lines: Sequence[str] = ()) -> str:
    """What `ip` says; `lines` are what it reads. Raises `RuntimeError` with its own words if it can't do it."""
    try:
        ran = subprocess.run(
            ["ip", *words],
            input="".join(f"{line}\n" for line in lines),
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RuntimeError(f"ip {' '.join(words)}: {error}") from error
    if ran.returncode:
        said = ran.stderr.strip().splitlines() or ["it has failed"]
        raise RuntimeError(f"ip {' '.join(words)}: {said[0]}")
    return ran.stdout


def swept() -> list[str]:
    """Remove what processes have left behind that were killed, and say what it was."""
    found = re.findall(rf"^({PREFIX}(\d+)-\S+)", ip(["netns", "list"]), re.MULTILINE)
    left = [name for name, process in found if not Path("/proc", process).exists()]
    for name in left:
        ip(["netns", "del", name])
    return left


def missing() -> str | None:
    """Why there can't be namespaces here, in a line; None if there can be. One is made, and removed again."""
    if shutil.which("ip") is None:
        return "expected ip, of iproute2, on PATH"
    try:
        with Namespaces(["try"]) as tried, socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as at:
            at.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
            at.bind((tried.ends["try"], IPV4))
    except (RuntimeError, OSError, AttributeError) as error:
        return f"expected Linux and the rights of root, CAP_SYS_ADMIN, CAP_NET_ADMIN and CAP_NET_RAW ({error})"
    return None
