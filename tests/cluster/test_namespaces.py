"""`quorumlog demo --network namespaces`: real packets are lost, and nothing is left, whoever ends it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from quorumlog.demo.namespaces import PREFIX, ip, missing

SECONDS = 240
"""Within which it must be over on a machine that does much else."""
# Python's own answer to SIGINT: a job that a shell starts in the background ignores the signal, and so do its children.
STARTS = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler); from quorumlog.cli import app; app()"
COMMAND = [sys.executable, "-c", STARTS, "demo", "--network", "namespaces"]

pytestmark = pytest.mark.skipif((why := missing()) is not None, reason=f"no network namespaces here: {why}")


def left(process: int) -> list[str]:
    """The namespaces, interfaces and servers that are there of a demo."""
    names = [line.split()[0] for line in ip(["netns", "list"]).splitlines()]
    names += [line.split(":")[1].strip() for line in ip(["-o", "link"]).splitlines()]
    return [each for each in names if each.startswith((f"{PREFIX}{process}-", f"ql{process}-"))]


def servers(folder: Path) -> list[str]:
    """The numbers of the processes that run with a configuration in this folder."""
    text = str(folder).encode()
    found = []
    for each in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if text in each.read_bytes() and int(each.parent.name) != os.getpid():
                found.append(each.parent.name)
        except OSError:
            continue  # it has ended meanwhile
    return found


def test_a_run_with_faults_holds_and_leaves_nothing(tmp_path: Path) -> None:
    words = ["--seconds", "7", "--faults", "--seed", "4", "--workers", "8", "--keep", str(tmp_path / "kept")]
    with subprocess.Popen([*COMMAND, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as running:
        said, _ = running.communicate(timeout=SECONDS)
    assert running.returncode == 0, said
    assert "connected by namespaces, seed 4" in said
    assert "everything holds" in said
    assert "isolate" in said
    assert "10." in (tmp_path / "kept" / "cluster.toml").read_text(encoding="utf-8")
    assert left(running.pid) == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_whoever_ends_it_early_finds_nothing_left(number: signal.Signals, tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    words = ["--seconds", "60", "--seed", "4", "--workers", "2", "--keep", str(kept)]
    with subprocess.Popen([*COMMAND, *words], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as running:
        until = time.monotonic() + SECONDS
        while not (kept / "history.ndjson").exists() or len(servers(kept)) < 10:
            assert running.poll() is None
            assert time.monotonic() < until, "it has taken too long"
            time.sleep(0.1)
        assert len(left(running.pid)) == 18
        running.send_signal(number)
        assert running.wait(SECONDS) == 130, "it was not ended, but came to its end"
    assert left(running.pid) == []
    assert servers(kept) == []
