"""Runs one server until it is told to stop, or its disk fails: the loop, signals, and what is printed."""

from __future__ import annotations

import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import Any, Final, TypeVar

from quorumlog.node import Node
from quorumlog.runtime import kin
from quorumlog.runtime.config import Place, UnusableConfig
from quorumlog.runtime.database import FILE
from quorumlog.runtime.errors import DiskFailed, UnusableStore
from quorumlog.runtime.faulty_disk import FaultyDisk, held, slow
from quorumlog.runtime.lines import one_line
from quorumlog.runtime.node import AnyInput, NodeProcess
from quorumlog.runtime.recorder import Parts, Recorder
from quorumlog.runtime.storage import Storage

Result = TypeVar("Result")

SWITCH: Final = 0.0005
"""Seconds after which the thread of the disk gets its turn though the loop is busy; Python's own are ten times that."""
COLLECT: Final = (50_000, 20, 100)
"""A log consists of millions of values that are never garbage; looking at them all the time would cost a tenth."""


def run(place: Place, *, is_new: bool = False) -> int:
    """Run a server; `is_new` says that it begins anew, under a name that others know.

    The status is 0 after a signal, 1 if its disk has failed, and 2 if it cannot start, or is not who it says.
    Raises `UnusableConfig` if its group hosts nothing that there is.
    """
    sys.setswitchinterval(SWITCH)
    gc.set_threshold(*COLLECT)
    try:
        return loop_run(serve(place, say, is_new=is_new))
    except UnusableConfig:
        raise
    except UnusableStore as error:
        say(str(error))
        return 2
    except OSError as error:
        where = error.filename if error.filename is not None else ":".join(map(str, place.address))
        say(f"{place.config.file}: {place.identity}: cannot use {where}: {error.strerror}")
        return 2
    except DiskFailed as error:
        say(f"{place.identity} stops, for its disk has failed: {error}")
        return 1
    except Exception as error:
        say(f"{place.identity} stops, for something has gone wrong inside: {error!r}")
        return 1


def say(line: str) -> None:
    """One line for whoever runs the server."""
    print(f"quorumlog: {one_line(line)}", file=sys.stderr, flush=True)


async def serve(place: Place, said: Callable[[str], None], *, is_new: bool = False) -> int:
    """Run a server in this loop until a signal comes."""
    loop = asyncio.get_running_loop()
    stopped = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopped.set)
    node = opened(place, loop, said, is_new=is_new)
    loop.set_exception_handler(node.unhandled)
    try:
        await node.start()
        said(f"{place.identity} of group {place.group} listens on {place.address[0]}:{place.address[1]}")
        waits = loop.create_task(stopped.wait())
        either: list[asyncio.Future[Any]] = [waits, node.failure]
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        waits.cancel()
        if node.failure.done():
            node.failure.result()
    finally:
        await node.stop()
    return 0


def opened(
    place: Place, loop: asyncio.AbstractEventLoop, said: Callable[[str], None], *, is_new: bool = False
) -> NodeProcess:
    """A server with its storage. Raises `UnusableStore`, `DiskFailed` and `OSError`."""
    faults = place.config.faults
    plan = slow(faults.slow_sync)
    if faults.killed_in_sync:
        plan = held(place.folder, plan)
    files = FaultyDisk.in_folder(place.folder, plan) if faults.forgetting_disk else None
    kin.check(place.folder, files, FILE, is_new=is_new)
    storage = Storage.open(place.folder, place.hosted().codec, owner=place.identity, files=files)
    try:
        others = kin.Kin.open(place.folder, is_new=is_new)
    except BaseException:
        storage.close()
        raise
    for line in storage.recovered.cut:
        said(line)
    return NodeProcess(place, storage, loop, said, recorder(place), kin=others)


def recorder(place: Place) -> Recorder[Any, AnyInput] | None:
    """Whoever writes down what the server does, if that is wanted. Raises `OSError` if it cannot be written."""
    folder = place.config.recordings
    if folder is None:
        return None
    folder.mkdir(parents=True, exist_ok=True)
    placement = place.config.placement
    among = (place.group, placement.shards) if place.group in (*placement.shards, placement.coordinator) else None
    block = place.hosted().codec.block
    return Recorder.open(folder / f"{place.identity}.ndjson", parts_of, among=among, block=block)


def parts_of(whole: Any) -> Parts:
    """What of a node is recorded, or of a server of one group among several, which keeps answers back."""
    if type(whole) is Node:
        return whole.replica, whole.gate, ()
    node = whole.node
    return node.replica, node.gate, whole.held


def loop_run(main: Coroutine[Any, Any, Result]) -> Result:
    """Run this on uvloop where it is installed, and on asyncio's own loop elsewhere."""
    try:
        import uvloop
    except ImportError:
        return asyncio.run(main)
    return uvloop.run(main)
