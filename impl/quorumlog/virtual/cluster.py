"""The servers of a configuration as processes in virtual time: start, kill, pause, resume, as `Supervisor` does it.

Each runs the unchanged `NodeProcess`, over its sockets' frames and its store, in a loop of its own. A process that is
killed loses what was not synced; its machine keeps the rest, and its recording.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from random import Random
from typing import Any, Final

from msgspec import Struct

from quorumlog.core.consensus.effects import Durable
from quorumlog.core.consensus.messages import ServerId
from quorumlog.runtime import config, worker
from quorumlog.runtime.config import Config
from quorumlog.runtime.errors import DiskFailed, UnusableStore
from quorumlog.runtime.node import AnyInput, NodeProcess
from quorumlog.runtime.recorder import Recorder
from quorumlog.runtime.running import recorder
from quorumlog.runtime.storage import Storage
from quorumlog.virtual.clock import SECOND, Clock
from quorumlog.virtual.disk import Machine, Speed, VirtualWriter
from quorumlog.virtual.loop import VirtualLoop, all_of
from quorumlog.virtual.network import Network

PORT: Final = 7100
IN_A_WRITE: Final = 0.5
"""The part of all kills that wait for a write: most moments are in none, and in a write most can go wrong."""


def configuration(hosted: Mapping[str, str], size: int, more: str = "") -> str:
    """The text of a configuration with so many servers in each group, each on a machine of its own name."""
    lines = ["application = { " + ", ".join(f'{group} = "{name}"' for group, name in hosted.items()) + " }"]
    lines.append('recordings = "recordings"')
    for group in hosted:
        lines.append(f"[groups.{group}]")
        lines += [f'{group}{number} = "{group}{number}:{PORT}"' for number in range(1, size + 1)]
    return "\n".join([*lines, more, ""])


class Process(Struct, eq=False):
    """A server that runs."""

    loop: VirtualLoop
    node: NodeProcess
    recorder: Recorder[Any, AnyInput] | None
    writers: list[VirtualWriter]


class VirtualCluster:
    """All servers of a configuration, and their machines. What they say for people is in `said`."""

    def __init__(self, folder: Path, text: str, clock: Clock, network: Network, seed: int, speed: Speed) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / "cluster.toml"
        file.write_text(text, encoding="utf-8")
        self.config: Config = config.read(file)
        self.said: list[str] = []
        self.failed: list[str] = []
        """What servers have said that ended by themselves."""
        self._clock = clock
        self._network = network
        self._seed = seed
        self._speed = speed
        self._dice = Random(f"{seed} kills")
        self.lives = 0
        """How often a server was started."""
        self._processes: dict[ServerId, Process] = {}
        self._machines = {
            server: Machine(self.config.place(server).folder, Random(f"{seed} {server} machine"))
            for servers in self.config.groups.values()
            for server in servers
        }

    @property
    def servers(self) -> tuple[ServerId, ...]:
        """All servers."""
        return tuple(self._machines)

    def leader(self, group: str) -> ServerId | None:
        """Who leads a group, as far as it knows itself; of two, the one of the higher term."""
        nodes = [self._processes[each].node for each in self.config.groups[group] if each in self._processes]
        leaders = [each.server.node.replica for each in nodes if each.server.node.leads]
        return max(leaders, key=lambda replica: replica.term).identity if leaders else None

    def start(self, *servers: ServerId) -> None:
        """Start these servers, or all. Raises `RuntimeError` if one cannot."""
        names = servers or self.servers
        self._kill(*names)
        for server in names:
            try:
                self._start(server)
            except (UnusableStore, DiskFailed) as error:
                raise RuntimeError(f"{server} has ended: {error}") from error

    def _start(self, server: ServerId) -> None:
        place, files = self.config.place(server), self._machines[server].files
        storage = Storage.open(place.folder, place.hosted().codec, owner=server, files=files)
        self.lives += 1
        dice = Random(f"{self._seed} {server} {self.lives}")
        loop = VirtualLoop(server, self._clock, self._network)
        writers: list[VirtualWriter] = []

        def writer(
            storage: worker.Storage,
            durable: Durable,
            loop: asyncio.AbstractEventLoop,
            failed: Callable[[Exception], None],
            first: Callable[[], None] | None,
        ) -> VirtualWriter:
            writers.append(VirtualWriter(storage, durable, loop, failed, first, dice, self._speed))
            return writers[0]

        said = partial(self._say, server)
        for line in storage.recovered.cut:
            said(line)
        scribe = recorder(place)
        node = NodeProcess(place, storage, loop, said, scribe, dice, writer)
        loop.set_exception_handler(node.unhandled)
        node.failure.add_done_callback(partial(self._ended, server))
        self._processes[server] = Process(loop, node, scribe, writers)
        loop.create_task(node.start())

    def _say(self, server: ServerId, line: str) -> None:
        self.said.append(f"{self._clock.now / SECOND:.6f} {server}: {line}")

    def _ended(self, server: ServerId, failure: asyncio.Future[None]) -> None:
        error = None if failure.cancelled() else failure.exception()
        if error is not None:
            self.failed.append(f"{server} has ended: {error!r}")
            self._kill(server)

    def kill(self, *servers: ServerId) -> None:
        """End them at once, or as soon as one of them writes; what was not synced is lost."""
        running = [self._processes[each] for each in servers if each in self._processes]
        if running and self._dice.random() < IN_A_WRITE:
            self._dice.choice(running).writers[0].in_next_write = partial(self._kill, *servers)
        else:
            self._kill(*servers)

    def _kill(self, *servers: ServerId) -> None:
        for server in servers:
            process = self._processes.pop(server, None)
            if process is not None:
                if process.recorder is not None:
                    process.recorder.abandon()
                    process.recorder = None
                self._end(process)
                self._machines[server].crash(process.writers[0])

    def _end(self, process: Process) -> None:
        process.loop.end()
        self._network.gone(process.loop)
        if process.recorder is not None:
            process.recorder.close()

    def pause(self, *servers: ServerId) -> None:
        """Stop them where they are. Their connections stay, and nobody answers."""
        for server in servers:
            if server in self._processes:
                self._processes[server].loop.pause()

    def resume(self, *servers: ServerId) -> None:
        """Let them go on."""
        for server in servers:
            if server in self._processes:
                self._processes[server].loop.resume()

    async def stop(self) -> None:
        """Ask all servers to end, and wait until they have."""
        running = list(self._processes.items())
        self.resume(*self._processes)
        await all_of([process.loop.create_task(process.node.stop()) for _, process in running])
        for server, process in running:
            del self._processes[server]
            process.loop.end()
            self._network.gone(process.loop)
            self._machines[server].files.kill()

    def keep(self) -> None:
        """Write what the disks hold into the folders of the servers, whose processes have ended."""
        for machine in self._machines.values():
            machine.keep()
