"""What Java need not load anew at each start: its classes, in a file that is made once for each Java, jar and program.

A Java of 25 or later watches the program at work on a small spec, and keeps the classes as they were then: that takes a
third off a start. An older one keeps some of them as it has read them.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Final, TypeAlias

from tlastep.toolchain import cache

_TIMEOUT: Final = 120.0
_EXPORTER: Final = "tla2sany.xml.XMLExporter"

Maker: TypeAlias = Callable[[Path, Path, str, Path], None]
"""Makes the file `classes` in a folder, which is its last argument, of a Java, a jar and the name of a main class."""

_SPEC: Final = r"""---- MODULE Training ----
EXTENDS Naturals, Sequences, FiniteSets, TLC
CONSTANTS Nodes, Most
VARIABLES count, sent
vars == <<count, sent>>
Message == [to: Nodes, value: 0..Most]
TypeOK == count \in [Nodes -> 0..Most] /\ sent \in SUBSET Message
Init == count = [n \in Nodes |-> 0] /\ sent = {}
Send(n) == /\ count[n] < Most
           /\ sent' = sent \union {[to |-> n, value |-> count[n] + 1]}
           /\ UNCHANGED count
Receive(m) == /\ m \in sent
              /\ count' = [count EXCEPT ![m.to] = IF @ < m.value THEN m.value ELSE @]
              /\ sent' = sent \ {m}
Next == (\E n \in Nodes: Send(n)) \/ (\E m \in sent: Receive(m))
Spec == Init /\ [][Next]_vars /\ WF_vars(Next)
Few == Cardinality(sent) <= 2 /\ Len(<<Most>>) = 1
OnlyGrows == [][\A n \in Nodes: count'[n] >= count[n]]_vars
Progress == <>(\E n \in Nodes: count[n] = Most)
====
"""

_CONFIG: Final = """SPECIFICATION Spec
CONSTANTS Nodes = {n1, n2}
          Most = 3
CONSTRAINT Few
INVARIANT TypeOK
PROPERTIES OnlyGrows Progress
"""


def options(program: Path, jar: Path, main: str) -> list[str]:
    """What to tell Java so that it uses the file, which is made when there is none; nothing where that fails."""
    for option, make in _WAYS:
        if made := _kept(option, program, jar, main, make):
            return [f"-XX:{option}={made}"]
    return []


def _kept(option: str, program: Path, jar: Path, main: str, make: Maker) -> Path | None:
    target = cache.folder() / "classes" / cache.key(option, cache.identity(program), cache.identity(jar), main)
    if target.exists():
        # An empty file says that making it failed once: this Java can't, so don't try at every start.
        return target if target.stat().st_size else None
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent) as own:
            made = Path(own) / "classes"
            with suppress(subprocess.TimeoutExpired):
                make(program, jar, main, Path(own))
            made.touch()
            # Another process may have done the same meanwhile: both files are good, and replacing is atomic.
            made.replace(target)
    except OSError:
        return None
    return target if target.stat().st_size else None


def _train(program: Path, jar: Path, main: str, own: Path) -> None:
    """Java watches itself while the program does its work on a small spec. One that is too old refuses the option."""
    (own / "Training.tla").write_text(_SPEC, encoding="utf-8")
    (own / "Training.cfg").write_text(_CONFIG, encoding="utf-8")
    words = ["-o", "-I", str(own)] if main == _EXPORTER else ["-metadir", str(own / "states")]
    _run(program, jar, own, "-XX:AOTCacheOutput=classes", main, *words, "Training.tla")


def _dump(program: Path, jar: Path, main: str, own: Path) -> None:
    """The classes that every Java program uses, and no others."""
    _run(program, jar, own, "-XX:SharedArchiveFile=classes", "-Xshare:dump")


def _run(program: Path, jar: Path, own: Path, option: str, *words: str) -> None:
    command = [str(program), "-XX:+UseSerialGC", f"-Djava.io.tmpdir={own}", option, "-cp", str(jar), *words]
    subprocess.run(command, cwd=own, capture_output=True, timeout=_TIMEOUT, check=False, stdin=subprocess.DEVNULL)


_WAYS: Final[tuple[tuple[str, Maker], ...]] = (("AOTCache", _train), ("SharedArchiveFile", _dump))
