"""A Java that stays parses as one that starts for each spec; whatever goes wrong with it, SANY itself is asked."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree

import pytest

from tlastep.errors import UnusableInput
from tlastep.toolchain import sany, sany_server
from tlastep.toolchain.sany_server import Server

SPECS = Path(__file__).parents[3] / "spec"
BROKEN = {
    "Syntax": "VARIABLE x\nInit == x = = 0",
    "Unknown": "Init == y",
    "Missing": "EXTENDS Nowhere",
    "Twice": "F == 1\nF == 2",
    "Lexical": 'F == "',
}


def tree(xml: bytes) -> bytes:
    """The tree with its nodes numbered anew in their order; the entries, which Java has in a hash map, in it too."""
    root = ElementTree.fromstring(xml)
    numbers = sorted({int(each.text or "") for each in root.iter("UID")})
    rank = {number: f"{position}" for position, number in enumerate(numbers)}
    for each in root.iter("UID"):
        each.text = rank[int(each.text or "")]
    for context in root.iter("context"):
        context[:] = sorted(context, key=lambda entry: int(entry.findtext("UID") or ""))
    return ElementTree.tostring(root)


def write(folder: Path, name: str, body: str) -> Path:
    spec = folder / f"{name}.tla"
    spec.write_text(f"---- MODULE {name} ----\n{body}\n====\n", encoding="utf-8")
    return spec


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server for these tests."""
    pytest.importorskip("jpype")
    found = Server([sys.executable, "-P", "-m", "tlastep.toolchain.sany_server"])
    yield found
    found.end()


def served(server: Server, spec: Path) -> bytes:
    found = server.parse(spec, [spec.parent])
    assert found is not None
    return tree(found)


def alone(spec: Path) -> bytes:
    return tree(sany._export_alone(spec, [spec.parent]))


def test_a_second_and_a_third_spec_have_the_trees_that_a_java_of_their_own_gives(server: Server) -> None:
    for name in ("EventLog", "MCReplication", "MCRouting"):
        spec = SPECS / f"{name}.tla"
        assert served(server, spec) == alone(spec)


def test_after_every_kind_of_error_the_trees_are_the_same(server: Server, tmp_path: Path) -> None:
    sound = write(tmp_path, "Sound", "EXTENDS Naturals\nVARIABLE x\nF(a) == LET b == a + 1 IN {c \\in Nat: c < b}")
    expected = alone(sound)
    for name, body in BROKEN.items():
        assert server.parse(write(tmp_path, name, body), [tmp_path]) is None
        assert served(server, sound) == expected


def test_a_changed_spec_has_another_tree(server: Server, tmp_path: Path) -> None:
    one = served(server, write(tmp_path, "Changes", "F(a) == a"))
    assert one != served(server, write(tmp_path, "Changes", "F(a) == ~a"))
    assert served(server, write(tmp_path, "Changes", "F(a) == a")) == one


def test_while_one_thread_is_answered_another_asks_sany_itself(server: Server, tmp_path: Path) -> None:
    spec = write(tmp_path, "Twice", "F == 1")
    with ThreadPoolExecutor(4) as pool:
        found = [each for each in pool.map(lambda _: server.parse(spec, [tmp_path]), range(12)) if each]
    assert found
    assert len({tree(each) for each in found}) == 1


FAKES = {
    "ends at once": "",
    "answers another request": "line(); answer(bytes(16) + size(3) + b'<a>')",
    "ends within its answer": "line(); answer(nonce() + size(30) + b'<a>')",
    "ends within the length": "line(); answer(nonce() + b'0')",
}
PRELUDE = """
import json, sys
def line():
    global request
    request = json.loads(sys.stdin.buffer.readline())
def nonce(): return bytes.fromhex(request[0])
def size(number): return number.to_bytes(8, "big")
def answer(words):
    sys.stdout.buffer.write(words)
    sys.stdout.buffer.flush()
"""


@pytest.mark.parametrize("fake", FAKES)
def test_a_server_that_does_not_answer_well_is_not_asked_again(
    fake: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Server([sys.executable, "-c", f"{PRELUDE}\n{FAKES[fake]}"])
    monkeypatch.setattr(sany_server, "_running", [broken])
    spec = write(tmp_path, "Here", "F == 1")
    assert sany.parse(spec) == sany._export_alone(spec, [tmp_path])
    assert broken.parse(spec, [tmp_path]) is None
    assert broken._process.poll() is not None


def test_a_fake_that_answers_well_is_believed(tmp_path: Path) -> None:
    """Without this, the fakes above might be refused for what they all do."""
    server = Server([sys.executable, "-c", f"{PRELUDE}\nline(); answer(nonce() + size(3) + b'<a>')"])
    assert server.parse(tmp_path / "Any.tla", [tmp_path]) == b"<a>"
    server.end()


def test_errors_are_those_of_sany_itself(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said: dict[str, set[str]] = {}
    for running in ([], [server]):
        monkeypatch.setattr(sany_server, "_running", running)
        for name, body in BROKEN.items():
            with pytest.raises(UnusableInput) as caught:
                sany.parse(write(tmp_path, name, body))
            said.setdefault(name, set()).add(str(caught.value))
    assert all(len(each) == 1 for each in said.values())


@pytest.mark.parametrize(
    ("printed", "errors", "given"),
    [(b"<a>", "", b"<a>"), (b"<a>", "Semantic errors:\n\n*** Errors: 1", b""), (b" \n", "", b"")],
)
def test_what_sany_finds_fault_with_is_not_given(printed: bytes, errors: str, given: bytes) -> None:
    requests = io.BytesIO(json.dumps([bytes(16).hex(), "A.tla", "lib"]).encode() + b"\n")
    answers = io.BytesIO()
    asked = []

    def export(arguments: list[str]) -> tuple[bytes, str]:
        asked.append(arguments)
        return printed, errors

    sany_server.serve(requests, answers, export)
    assert asked == [["-o", "-I", "lib", "A.tla"]]
    assert answers.getvalue() == bytes(16) + len(given).to_bytes(8, "big") + given


STARTS = """
from tlastep.toolchain import sany_server
sany_server.keep(now=True)
print(sany_server._running[0]._process.pid)
"""


def test_a_server_ends_with_the_process_that_has_started_it() -> None:
    pytest.importorskip("jpype")
    ended = subprocess.run([sys.executable, "-c", STARTS], capture_output=True, check=True, timeout=60)
    server = int(ended.stdout)
    for _ in range(600):
        try:
            os.kill(server, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)
    pytest.fail("it still runs after a minute")


def test_only_a_process_that_parses_many_starts_a_server(tmp_path: Path) -> None:
    assert os.getpid() not in sany_server._wanted
    assert sany_server.parse(write(tmp_path, "Here", "F == 1"), [tmp_path]) is None
    assert not sany_server._running
