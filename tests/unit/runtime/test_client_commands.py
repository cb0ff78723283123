"""The commands `quorumlog client ...`: what makes no sense is one line and the status 2, and nobody there is a 3."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from threading import Thread
from typing import Final

import pytest
from typer.testing import CliRunner

from quorumlog.cli import app
from quorumlog.runtime import client_commands

CLUSTER: Final = '[groups.a]\na1 = "127.0.0.1:{port}"\n'


def asked(*arguments: str) -> tuple[int, list[str]]:
    """The status of a call, and its lines."""
    outcome = CliRunner().invoke(app, ["client", *arguments])
    return outcome.exit_code, outcome.output.splitlines()


@pytest.fixture
def nobody(tmp_path: Path) -> Iterator[tuple[Path, int]]:
    """The file of a server, and its port, on which nobody answers."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        port = bound.getsockname()[1]
        file = tmp_path / "cluster.toml"
        file.write_text(CLUSTER.format(port=port), encoding="utf-8")
        yield file, port


WRONG: Final = [
    (["deposit", "ann", "none"], "amount: expected a whole number greater than 0, found 'none'"),
    (["deposit", "ann", "-5"], "amount: expected a whole number greater than 0, found '-5'"),
    (["deposit", "ann"], "Missing argument 'amount', see "),
    (["deposit", "ann", "5", "6"], "Got unexpected extra argument"),
    (["deposit", "ann", "5", "--keys", "6"], "Got unexpected extra argument"),
    (["total", "--timeout", "long"], "Invalid value for '--timeout': "),
    (["steal"], "No such command 'steal'"),
    (["deposit", "ann", "0"], "amount: expected a whole number greater than 0, found '0'"),
    (["deposit", "ann", str(2**50)], "command: expected an amount of at most 1099511627776"),
    (["deposit", "exchange" * 9000, "1"], "command: expected at most 32768 bytes, found 72"),
    (["transfer", "ann", "ann", "5"], "command: expected two accounts"),
    (["deposit", "ann", "1", "--key", ""], "--key: expected 1 to 200 printable characters of ASCII"),
    (["deposit", "ann", "1", "--timeout", "0"], "--timeout: expected seconds, more than 0, found 0"),
    (["balance", "ann", "--through", "fog"], "--through: expected index, log or model, found 'fog'"),
    (["submit", "{"], "command: expected JSON (Expecting property name enclosed in double quotes: "),
    (["submit", '{"f": "steal"}'], "command.f: invalid value 'steal'"),
    (["ask", '{"f": "deposit", "account": "ann", "amount": 5}'], "question: expected something that changes nothing"),
    (["events", "--group", "z"], "group: expected one of a, found 'z'"),
    (["total", "--url", "http://127.0.0.1:1"], "--url: expected it without --config"),
]


@pytest.mark.parametrize(("arguments", "sentence"), WRONG, ids=[" ".join(each)[:30] for each, _ in WRONG])
def test_what_makes_no_sense(nobody: tuple[Path, int], arguments: list[str], sentence: str) -> None:
    status, lines = asked(*arguments, "--config", str(nobody[0]))
    assert status == 2
    (line,) = lines
    assert line.startswith(f"quorumlog: {sentence}")


@pytest.mark.parametrize("url", ["127.0.0.1:7080", "ftp://x", "http://", "http://[::1", "http://x:none", "http://x/v1"])
def test_an_address_that_is_none(url: str) -> None:
    expected = "--url: expected an address such as http://127.0.0.1:7080"
    assert asked("total", "--url", url) == (2, [f"quorumlog: {expected}, found {url!r}"])


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    status, (line,) = asked("total", "--config", str(tmp_path / "none.toml"))
    assert (status, line.split(": expected ")[1]) == (2, "a file that can be read (No such file or directory)")


@pytest.mark.parametrize("command", [["total"], ["events"], ["balance", "ann", "--through", "model"]])
def test_nobody_is_there(nobody: tuple[Path, int], command: list[str]) -> None:
    said = (3, ["quorumlog: group a has not answered in time (0.3 s)"])
    assert asked(*command, "--config", str(nobody[0]), "--timeout", "0.3") == said


def test_a_command_that_nobody_answers_can_be_asked_again(nobody: tuple[Path, int]) -> None:
    wanted = "a command may have been executed, or may still be: ask again with --key order-17"
    for where, who in (("--config", "group a has not answered in time"), ("--url", "{url} does not answer")):
        url = f"http://127.0.0.1:{nobody[1]}"
        place = str(nobody[0]) if where == "--config" else url
        found = asked("deposit", "ann", "5", where, place, "--timeout", "0.3", "--key", "order-17")
        assert found == (3, [f"quorumlog: {who.format(url=url)} (0.3 s); {wanted}"])


def test_no_server_answers(nobody: tuple[Path, int]) -> None:
    assert asked("status", "--config", str(nobody[0])) == (3, [f"quorumlog: no server of {nobody[0]} answers (10 s)"])


def test_whoever_is_no_router_is_told_so() -> None:
    """Something answers at the address, in another language."""
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            connection, _ = listening.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\n<html>")

        beside = Thread(target=serve)
        beside.start()
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        expected = f"quorumlog: --url: expected a router at {url}, found something else"
        assert asked("total", "--url", url) == (2, [expected])
        beside.join()


def test_answers_are_told_in_words() -> None:
    shown = [True, False, {"received": 43}, None, 7, 1, 0, "x", [1]]
    assert [client_commands.told(each) for each in shown] == [
        "done", "declined", "received 43", "in doubt", "7", "1", "0", "x", "[1]",
    ]  # fmt: skip
