"""Of what is not in the file of a server neither its disk nor anybody else knows: looked at whenever it matters.

Whoever is killed in that very moment leaves what is looked at here, for what was handed over survives the process.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import pytest
from msgspec.structs import asdict

from quorumlog import Cluster
from quorumlog.core.consensus.effects import Store
from quorumlog.core.consensus.messages import MESSAGES, AppendRequest
from quorumlog.core.leader_output import Say
from quorumlog.ledger.commands import Deposit
from quorumlog.runtime import running
from quorumlog.runtime.config import Place
from quorumlog.runtime.node import NodeProcess
from quorumlog.runtime.questions import ConnectionId
from quorumlog.runtime.recorder import Recorder
from quorumlog.runtime.steps import PeerMessage
from quorumlog.runtime.storage import Storage

COMMANDS: Final = 20
SECONDS: Final = 20


class Book:
    """What is to be found in the recording of a server, and what was not there when it was looked for."""

    def __init__(self, path: Path) -> None:
        self.missing: list[str] = []
        self.looked: list[str] = []
        self._path = path
        self._read = 0
        self._said: list[Any] = []
        self._due: list[tuple[str, Any]] = []
        self._knows: dict[str, int] = {}

    def due(self, kind: str, row: Any) -> None:
        """This is to be there before anything leaves."""
        self._due.append((kind, row))

    def leaves(self) -> None:
        """Something leaves now."""
        self._go_on()
        for kind, row in self._due:
            self.looked.append(kind)
            if row not in self._said:
                self.missing.append(f"{kind}: {row}")
        self._due.clear()
        self._said.clear()

    def stores(self, stores: Sequence[Store]) -> None:
        """The disk is written to now."""
        self._go_on()
        wanted = {"term": stores[-1].durable.term, "length": len(stores[-1].durable.log)}
        self.looked.append("disk")
        if wanted != {name: self._knows.get(name) for name in wanted}:
            self.missing.append(f"disk: {wanted}")

    def _go_on(self) -> None:
        text = self._path.read_bytes()[self._read :]
        self._read += len(text)
        for each in text.splitlines():
            line = json.loads(each)
            self._said += [*map(counted, line.get("sent", ())), *[row[:3] for row in line.get("said", ())]]
            self._knows["term"] = line.get("term", self._knows.get("term"))
            begins = {"length": line["length"]} if line["do"] == "start" else {}
            self._knows.update({"length": line["log"]["length"]} if "log" in line and not begins else begins)


class Leaving:
    """A connection: what is given to it leaves."""

    def __init__(self, connection: Any, book: Book) -> None:
        self._connection = connection
        self._book = book

    def send(self, data: bytes) -> None:
        """It leaves."""
        self._book.leaves()
        self._connection.send(data)

    def __eq__(self, other: object) -> bool:
        return other is self._connection or (isinstance(other, Leaving) and other._connection is self._connection)

    def __hash__(self) -> int:
        return hash(self._connection)


def sent(message: Any) -> dict[str, Any]:
    """A message as its sender writes it."""
    said = {name: value for name, value in asdict(message).items() if name != "entries"}
    count = {"count": len(message.entries)} if isinstance(message, AppendRequest) else {}
    return {"kind": type(message).__name__, **said, **count}


def counted(sent: dict[str, Any]) -> dict[str, Any]:
    """A message of a line, told as `sent` does: of entries how many."""
    if "entries" not in sent:
        return sent
    said = {name: value for name, value in sent.items() if name not in ("entries", "checksum")}
    return {**said, "count": sum(number for _, number in sent["entries"])}


def watched(books: dict[str, Book]) -> type[NodeProcess]:
    """Servers whose messages, answers and writes are looked at; a server that begins opens its book."""

    class Watched(NodeProcess):
        def __init__(self, place: Place, storage: Storage, *others: Any, **more: Any) -> None:
            self.book = books[place.identity]
            write = storage.write_sync

            def write_sync(stores: Sequence[Store]) -> None:
                self.book.stores(stores)
                write(stores)

            storage.write_sync = write_sync  # type: ignore[method-assign]
            super().__init__(place, storage, *others, **more)

        def send(self, message: PeerMessage) -> None:
            if isinstance(message, MESSAGES):
                self.book.due(type(message).__name__, sent(message))
            super().send(message)

        def answer(self, to: ConnectionId, answers: Sequence[Say[Any]]) -> None:
            for each in answers:
                self.book.due("answer", [to, each.session, each.number])
            super().answer(to, answers)

        def _put(self, connection: Any, encoded: bytes) -> None:
            super()._put(Leaving(connection, self.book), encoded)  # type: ignore[arg-type]

    return Watched


def run(
    folder: Path, monkeypatch: pytest.MonkeyPatch, breaks: Callable[[NodeProcess], None]
) -> tuple[set[str], set[str]]:
    """What was looked for, and what was missing, while three servers, broken or not, carry out some commands."""
    books: dict[str, Book] = {}
    makes = running.recorder

    def recorder(place: Place) -> Recorder[Any, Any] | None:
        books[place.identity] = Book(folder / f"{place.identity}.ndjson")
        return makes(replace(place, config=replace(place.config, recordings=folder)))

    monkeypatch.setattr(running, "recorder", recorder)
    monkeypatch.setattr(running, "NodeProcess", watched(books))
    with Cluster(folder=folder / "data") as cluster, cluster.client() as client:
        for number in range(COMMANDS):
            if number == 1:
                for node in cluster._nodes.values():
                    breaks(node)
            assert client.ask(Deposit("x", 1), timeout=SECONDS) is True
    looked = {kind for book in books.values() for kind in book.looked}
    return looked, {each.partition(":")[0] for book in books.values() for each in book.missing}


def nothing(node: NodeProcess) -> None:
    """Is broken."""


def messages_leave_first(node: NodeProcess) -> None:
    """A mutant: only before the disk is written to are lines handed over."""
    node._disk._first = node._recorder.flush  # type: ignore[attr-defined, union-attr]
    node._recorder.flush = lambda: None  # type: ignore[method-assign, union-attr]


def the_disk_is_written_to_first(node: NodeProcess) -> None:
    """A mutant: only before messages leave are lines handed over."""
    node._disk._first = None  # type: ignore[attr-defined]


def lines_come_later(node: NodeProcess) -> None:
    """A mutant: what was handed over stays in the process for a while."""
    recorder: Any = node._recorder
    write, held = recorder._write, list[bytes]()

    def later(data: bytes) -> None:
        held.append(data)
        if len(held) > 1:
            write(held.pop(0))

    recorder._write = later


def test_what_leaves_a_server_and_what_reaches_its_disk_was_written_down_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked, missing = run(tmp_path, monkeypatch, nothing)
    assert looked >= {"AppendRequest", "AppendReply", "VoteRequest", "VoteReply", "answer", "disk"}
    assert missing == set()


@pytest.mark.parametrize(
    ("breaks", "finds"),
    [
        (messages_leave_first, {"AppendRequest", "AppendReply", "answer"}),
        (the_disk_is_written_to_first, {"disk"}),
        (lines_come_later, {"AppendRequest", "AppendReply", "answer", "disk"}),
    ],
)
def test_a_server_that_is_not_written_down_in_time_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, breaks: Callable[[NodeProcess], None], finds: set[str]
) -> None:
    _, missing = run(tmp_path, monkeypatch, breaks)
    assert missing >= finds
