"""The file of a cluster: what it says, and one line for whatever is wrong with it."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from quorumlog.cli import app
from quorumlog.runtime import config, router, running
from quorumlog.runtime.config import UnusableConfig
from quorumlog.runtime.hosting import LEDGER
from quorumlog.runtime.supervisor import configuration

GROUPS = '[groups.a]\na1 = "127.0.0.1:7101"\na2 = "127.0.0.1:7102"\n'


def read(folder: Path, text: str) -> config.Config:
    """The configuration of this text."""
    file = folder / "cluster.toml"
    file.write_text(text, encoding="utf-8")
    return config.read(file)


def test_what_is_not_said_is_as_usual(tmp_path: Path) -> None:
    found = read(tmp_path, GROUPS)
    place = found.place("a2")
    assert (place.group, place.address) == ("a", ("127.0.0.1", 7102))
    assert place.folder == tmp_path / "data" / "a2"
    assert (found.pace, found.limits, found.recordings) == (config.PACE, config.LIMITS, None)
    assert place.hosted() is LEDGER


def test_disks_are_made_worse_on_demand(tmp_path: Path) -> None:
    assert not read(tmp_path, GROUPS).forgetting_disk
    found = read(tmp_path, GROUPS + "[faults]\nforgetting_disk = true\nslow_sync = 20\n")
    assert (found.forgetting_disk, found.faults.slow_sync) == (True, 20)


def test_what_is_said_counts(tmp_path: Path) -> None:
    more = "[pace]\nelection = [300, 400]\nheartbeat = 50\n[limits]\nbatch = 7\n"
    found = read(tmp_path, 'recordings = "told"\ndata = "kept"\n' + GROUPS + more)
    assert (found.pace.election, found.pace.heartbeat, found.pace.turns) == ((300, 400), 50, True)
    assert (found.limits.batch, found.recordings, found.data) == (7, tmp_path / "told", tmp_path / "kept")


def test_groups_of_a_ledger_on_shards(tmp_path: Path) -> None:
    found = read(tmp_path, configuration({"a": 1, "b": 2, "c": 1}, {"a": "shard", "b": "shard", "c": "coordinator"}))
    assert (found.coordinator, found.placement.shards) == ("c", ("a", "b"))
    assert set(found.place("b1").foreign) == {"a1", "c1"}
    assert all(found.hosted(group).duty is not None for group in "abc")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "file: expected Object missing required field `groups`"),
        ("[groups]\n", "groups: expected at least one group"),
        ("[groups.a]\n", "groups: expected at least one group"),
        ("a =", "file: expected TOML"),
        ('[groups.a]\na1 = "127.0.0.1"\n', "groups.a.a1: expected an address such as"),
        ('[groups.a]\na1 = "127.0.0.1:0"\n', "groups.a.a1: expected an address such as"),
        ("[groups.a]\na1 = 7\n", "groups.a.a1: expected an address such as"),
        (GROUPS + '[groups.b]\na1 = "127.0.0.1:7103"\n', "groups: expected each server in one group"),
        (GROUPS + '[groups.b]\nb1 = "127.0.0.1:7101"\n', "groups: expected an address of its own"),
        (GROUPS + "[pace]\nheartbeat = 5000\n", "pace: expected 0 < heartbeat"),
        (GROUPS + "[pace]\nspeed = 1\n", "pace: expected Object contains unknown field `speed`"),
        (GROUPS + '[pace]\n"a\\nb" = 1\n', "pace: expected Object contains unknown field `a\\nb`"),
        (GROUPS + "[limits]\nbatch = 0\n", "limits: expected (2 * command + 2048) * batch"),
        (
            GROUPS + "[faults]\nslow_sync = 5\n",
            "faults.slow_sync: expected 0 to 1000 milliseconds, of a",
        ),
        (GROUPS + "[faults]\nforgetting_disk = true\nslow_sync = -1\n", "faults.slow_sync: expected 0 to 1000"),
        (GROUPS + "[limits]\ncommand = 48129\n", "limits: expected (2 * command + 2048) * batch"),
        (GROUPS + "[limits]\ncommand = 1000000000\n", "limits: expected (2 * command + 2048) * batch"),
        ('application = { b = "ledger" }\n' + GROUPS, "application: expected one for each of a"),
        ('application = "coordinator"\n' + GROUPS, "application: expected a shard beside the coordinator"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UnusableConfig) as error:
        read(tmp_path, text)
    assert str(error.value).startswith(f"{tmp_path / 'cluster.toml'}: {says}")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    "name", ["cash", "nothing.like:this", "quorumlog.runtime.hosting:Nobody", "quorumlog.runtime.hosting:Hosted"]
)
def test_an_application_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(UnusableConfig, match="application: expected ledger, shard, coordinator, or MODULE:NAME"):
        read(tmp_path, f'application = "{name}"\n' + GROUPS).place("a1").hosted()


def test_an_application_is_found_by_its_place(tmp_path: Path) -> None:
    text = 'application = "quorumlog.runtime.hosting:LEDGER"\n' + GROUPS
    assert read(tmp_path, text).place("a1").hosted() is LEDGER


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--config", "nowhere.toml"], "nowhere.toml: file: expected a file that can be read"),
        (["--identity", "b7"], "--identity: expected one of a1, found 'b7'"),
        (["--listen", "here"], "--listen: expected an address such as"),
        (
            ["--listen", "0.0.0.0:7100"],
            "a1's address: expected a loopback address such as 127.0.0.1, found 0.0.0.0; or",
        ),
        (["--listen", "example.org:7100"], "found example.org; or exposed = true in the file, or --exposed"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(arguments: list[str], says: str) -> None:
    ran = CliRunner().invoke(app, ["node", *arguments])
    assert ran.exit_code == 2
    assert says in ran.stderr
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    ("host", "more", "is_allowed"),
    [
        ("127.0.0.1", "", True),
        ("127.8.8.8", "", True),
        ("localhost", "", True),
        ("192.0.2.1", "", False),
        ("192.0.2.1", "exposed = true\n", True),
        ("192.0.2.1", "exposed = false\n", False),
    ],
)
@pytest.mark.parametrize("command", ["node", "router"])
def test_other_hosts_reach_what_is_said_to_be_exposed(
    host: str, more: str, is_allowed: bool, command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[object] = []

    def run(*told: object, **_: object) -> int:
        ran.append(told)
        return 0

    monkeypatch.setattr(running, "run", run)
    monkeypatch.setattr(router, "run", run)
    file = tmp_path / "cluster.toml"
    listen = f'[groups.a]\na1 = "{host}:7101"\n[router]\nlisten = "{host}:7080"\n'
    file.write_text(more + listen, encoding="utf-8")
    done = CliRunner().invoke(app, [command, "--config", str(file)])
    assert (done.exit_code, len(ran)) == ((0, 1) if is_allowed else (2, 0))
    assert is_allowed or f"{file}: " in done.stderr
    assert CliRunner().invoke(app, [command, "--config", str(file), "--exposed"]).exit_code == 0
