"""Servers as processes on this machine, for tests, the demo and benchmarks: start, kill, pause, restart.

Everything that is started is stopped again, by its own number, when the supervisor is closed.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from random import SystemRandom
from types import TracebackType
from typing import Final

from quorumlog.core.consensus.messages import ServerId
from quorumlog.runtime import config
from quorumlog.runtime.config import Address, Config
from quorumlog.runtime.faulty_disk import LOOKS, beside

STARTED: Final = 60.0
"""Seconds that a process may take until it listens."""
HELD: Final = 1.0
"""Seconds that a process may take until it syncs, if it has something to write."""
PORTS: Final = range(12_000, 32_000)
TRIED: Final = 64
"""Ports that are tried, at most, for each address that is wanted."""
DICE: Final = SystemRandom()


def free_addresses(number: int) -> list[Address]:
    """Addresses on this machine on which nobody listens at the moment.

    Their ports are none that the operating system chooses of itself: so nobody gets one while its server is down.
    Raises `RuntimeError` if there are not so many.
    """
    found: list[Address] = []
    with contextlib.ExitStack() as held:
        for port in DICE.sample(PORTS, min(TRIED * number, len(PORTS))):
            if len(found) == number:
                return found
            address = "127.0.0.1", port
            with contextlib.suppress(OSError):
                held.enter_context(socket.socket()).bind(address)
                found.append(address)
    tried = f"of {min(TRIED * number, len(PORTS))} from {PORTS[0]} to {PORTS[-1]}"
    raise RuntimeError(f"expected {number} free ports {tried}, found {len(found)}")


def configuration(
    groups: Mapping[str, int],
    applications: Mapping[str, str] | None = None,
    more: str = "",
    addresses: Iterable[Address] | None = None,
) -> str:
    """The text of a configuration with so many servers in each group; `more` stands at its end.

    They have these addresses, one after another, or ones that are free.
    """
    chosen = iter(free_addresses(sum(groups.values())) if addresses is None else addresses)
    lines = []
    if applications is not None:
        lines.append(
            "application = { " + ", ".join(f'{group} = "{name}"' for group, name in applications.items()) + " }"
        )
    for group, size in groups.items():
        lines.append(f"[groups.{group}]")
        for number in range(1, size + 1):
            host, port = next(chosen)
            lines.append(f'{group}{number} = "{host}:{port}"')
    return "\n".join([*lines, more, ""])


def seen(text: str, servers: Mapping[ServerId, Address], elsewhere: Mapping[ServerId, Address]) -> str:
    """The text of a configuration as one server sees it that finds others elsewhere."""
    for server, (host, port) in elsewhere.items():
        old_host, old_port = servers[server]
        text = text.replace(f'{server} = "{old_host}:{old_port}"', f'{server} = "{host}:{port}"')
    return text


class Supervisor:
    """The processes of the servers of a configuration. What they print goes into a file of each, beside the data.

    `views` are the texts for servers that see another configuration than all others. `environment` is what they find in
    theirs beside what is in this one's. `within` is what stands before the command that starts a server, such as
    `ip netns exec NAME`; it has to become that command, and not to run it beside itself.
    """

    def __init__(self, folder: Path, text: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.file = folder / "cluster.toml"
        self.file.write_text(text, encoding="utf-8")
        self.config: Config = config.read(self.file)
        self.views: Mapping[ServerId, str] = {}
        self.environment: Mapping[str, str] = {}
        self.within: Mapping[ServerId, Sequence[str]] = {}
        self.ended: list[str] = []
        """Which servers have ended though nobody had asked them to, or badly when somebody had; a line each."""
        self._processes: dict[ServerId, subprocess.Popen[bytes]] = {}
        self._asked: set[ServerId] = set()
        """Who was told to end, or killed."""

    def __enter__(self) -> Supervisor:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, where: TracebackType | None
    ) -> None:
        self.close()

    @property
    def servers(self) -> tuple[ServerId, ...]:
        """All servers."""
        return tuple(server for servers in self.config.groups.values() for server in servers)

    def start(self, *servers: ServerId) -> None:
        """Start these servers, or all, and wait until they listen. Raises `RuntimeError` if one ends instead."""
        names = servers or self.servers
        for server in names:
            self._asked.discard(server)
            words = [sys.executable, "-m", "quorumlog.runtime", "--config", str(self._view(server))]
            with self.output(server).open("ab") as output:
                self._processes[server] = subprocess.Popen(
                    [*self.within.get(server, ()), *words, "--identity", server],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, **self.environment},
                )
        self._wait(names)

    def _view(self, server: ServerId) -> Path:
        if server not in self.views:
            return self.file
        file = self.folder / f"{server}.toml"
        file.write_text(self.views[server], encoding="utf-8")
        return file

    def _wait(self, names: Iterable[ServerId]) -> None:
        until = time.monotonic() + STARTED
        for server in names:
            while not self._listens(server):
                if not self.is_running(server):
                    raise RuntimeError(f"{server} has ended: {self.output(server).read_text(encoding='utf-8')}")
                if time.monotonic() > until:
                    raise RuntimeError(f"{server} does not listen after {STARTED} s")
                time.sleep(0.02)

    def _listens(self, server: ServerId) -> bool:
        address = self.config.place(server).address
        with contextlib.suppress(OSError), socket.create_connection(address, timeout=1):
            return True
        return False

    def output(self, server: ServerId) -> Path:
        """What a server has printed."""
        return self.folder / f"{server}.txt"

    def is_running(self, server: ServerId) -> bool:
        """Whether its process is there, paused or not."""
        return server in self._processes and self._processes[server].poll() is None

    def pid(self, server: ServerId) -> int:
        """The number of its process."""
        return self._processes[server].pid

    def kill(self, *servers: ServerId) -> None:
        """Kill these servers at once, as `kill -9` does; they cannot do anything about it.

        If the configuration says `killed_in_sync`, each of them is in the middle of a sync, unless it has nothing to
        write.
        """
        with self._held(servers if self.config.faults.killed_in_sync else ()):
            self._miss(servers)
            self._send(servers, signal.SIGKILL)
            for server in servers:
                self._processes[server].wait()

    @contextlib.contextmanager
    def _held(self, servers: Iterable[ServerId]) -> Iterator[None]:
        """The next sync of each of these does not end, and has begun."""
        files = [beside(self.config.place(server).folder) for server in servers]
        until = time.monotonic() + HELD
        try:
            for hold, _ in files:
                hold.touch()
            while not all(held.exists() for _, held in files) and time.monotonic() < until:
                time.sleep(LOOKS)
            yield
        finally:
            for file in (each for both in files for each in both):
                file.unlink(missing_ok=True)

    def pause(self, *servers: ServerId) -> None:
        """Stop them where they are. Their connections stay, and nobody answers."""
        self._send(servers, signal.SIGSTOP)

    def resume(self, *servers: ServerId) -> None:
        """Let them go on."""
        self._send(servers, signal.SIGCONT)

    def stop(self, *servers: ServerId, seconds: float = 10) -> dict[ServerId, int]:
        """Ask these servers, or all that run, to end, and answer their exit statuses."""
        asked = servers or tuple(self._processes)
        self._miss(asked)
        names = [each for each in asked if self.is_running(each)]
        self._send(names, signal.SIGTERM)
        statuses = {server: self._processes[server].wait(seconds) for server in names}
        self.ended += [self._ended(server) for server, status in statuses.items() if status]
        return statuses

    def _miss(self, servers: Iterable[ServerId]) -> None:
        """Note which of these have ended though nobody has asked them to. From now on all of them are asked."""
        missed = [each for each in servers if each in self._processes and each not in self._asked]
        self.ended += [self._ended(each) for each in missed if not self.is_running(each)]
        self._asked.update(missed)

    def _ended(self, server: ServerId) -> str:
        said = self.output(server).read_text(encoding="utf-8").strip().splitlines()
        return f"{server} has ended with status {self._processes[server].returncode}: {said[-1] if said else ''}"

    def close(self) -> None:
        """End whatever still runs."""
        running = [server for server in self._processes if self.is_running(server)]
        self.resume(*running)
        self._miss(self._processes)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.stop(*running)
        self.kill(*[server for server in running if self.is_running(server)])

    def _send(self, servers: Iterable[ServerId], number: int) -> None:
        for server in servers:
            if self.is_running(server):
                os.kill(self._processes[server].pid, number)
