"""The file that says which groups and servers there are, where they listen, and what they host. The same for all.

    application = "ledger"          # or "package.module:NAME" of a `Hosted`; a table if groups host different ones,
                                    # { a = "shard", b = "shard", c = "coordinator" } for a ledger on shards
    exposed = false                 # whether servers and routers may listen where other hosts reach them: nobody
                                    # proves who he is, so whoever reaches a server may do everything
    data = "data"                   # each server has a folder of its own in it; relative to this file

    [groups.a]
    a1 = "127.0.0.1:7101"
    a2 = "127.0.0.1:7102"
    a3 = "127.0.0.1:7103"

    [pace]                          # milliseconds
    election = [500, 1000]
    heartbeat = 100

    [limits]                        # what servers take and keep at most; as `Limits` says
    snapshot = 10000                # the state is kept after so many entries, and what it stands for is dropped
    retain = 1000000                # but not the latest so many entries, for read models

    [router]                        # what `quorumlog router` serves, and where
    listen = "127.0.0.1:7080"

    [faults]                        # for tests
    forgetting_disk = true          # what was not synced is lost when the process is killed
    slow_sync = 20                  # each sync of such a disk takes so many milliseconds
    killed_in_sync = true           # kill -9 by a supervisor comes in the middle of a sync of such a disk

Whatever is missing or wrong is an `UnusableConfig`: one line with the file, the place in it and what was expected.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from ipaddress import ip_address
from pathlib import Path
from typing import Final, TypeAlias

import msgspec
from msgspec import Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.driver import Pace
from quorumlog.ledger.placement import Placement
from quorumlog.runtime import hosting
from quorumlog.runtime.hosting import LEDGER, AnyHosted, Hosted
from quorumlog.runtime.lines import one_line
from quorumlog.runtime.messages import BESIDE, Limits

Address: TypeAlias = tuple[str, int]

PACE: Final = Pace(election=(500, 1000), heartbeat=100, turns=True)
SHARD: Final = "shard"
COORDINATOR: Final = "coordinator"
"""What the groups of a ledger on shards host."""
ALONE: Final = "127.0.0.1:7100"
"""Where the single machine listens that has no file."""


class UnusableConfig(Exception):
    """A configuration that cannot be used: the file, the place in it, and what was expected."""

    def __init__(self, file: Path | str, place: str, expected: str) -> None:
        super().__init__(one_line(f"{file}: {place}: expected {expected}"))


class PaceSection(Struct, frozen=True, forbid_unknown_fields=True):
    """How long servers wait, in milliseconds."""

    election: tuple[float, float] = PACE.election
    heartbeat: float = PACE.heartbeat


LIMITS: Final = Limits()
LEAST_RETAINED: Final = 50
"""A recording that goes on after a restart names the last few entries."""


class LimitsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """What servers take at most; as `Limits` says."""

    client_frame: int = LIMITS.client_frame
    command: int = LIMITS.command
    batch: int = LIMITS.batch
    outstanding: int = LIMITS.outstanding
    undecided: int = LIMITS.undecided
    sessions: int = LIMITS.sessions
    answers: int = LIMITS.answers
    connections: int = LIMITS.connections
    snapshot: int = LIMITS.snapshot
    retain: int = LIMITS.retain


class FaultsSection(Struct, frozen=True, forbid_unknown_fields=True):
    """What tests make worse than it is."""

    forgetting_disk: bool = False
    """What was not synced is lost with the process, as with a machine: see `faulty_disk.py`."""
    slow_sync: float = 0.0
    """Milliseconds that each sync of a disk that forgets takes, before anything is durable."""
    killed_in_sync: bool = False
    """A supervisor kills servers with such a disk in the middle of a sync: see `supervisor.py`."""


NO_FAULTS: Final = FaultsSection()


class RouterSection(Struct, frozen=True, forbid_unknown_fields=True):
    """What a router takes at most, and where it listens if the command line does not say."""

    listen: str = "127.0.0.1:7080"
    body: int = 64 << 10
    """Bytes of the body of a request."""
    outstanding: int = 1024
    """Requests that are not answered yet."""
    each: int = 256
    """Such requests from one address."""
    streams: int = 256
    """Streams of events."""
    timeout: float = 10.0
    """Seconds that a request waits for its answer if it does not say how long."""


ROUTER: Final = RouterSection()


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    """What may stand in the file."""

    groups: dict[str, dict[ServerId, object]]
    application: str | dict[str, str] = "ledger"
    data: str = "data"
    exposed: bool = False
    pace: PaceSection = PaceSection()
    limits: LimitsSection = LimitsSection()
    router: RouterSection = ROUTER
    faults: FaultsSection = NO_FAULTS
    recordings: str | None = None


@dataclass(frozen=True)
class Config:
    """The servers of all groups, and what they have in common."""

    file: str
    groups: Mapping[str, Mapping[ServerId, Address]]
    applications: Mapping[str, str | AnyHosted]
    """What each group hosts, by its name or itself."""
    data: Path
    pace: Pace
    limits: Limits
    recordings: Path | None = None
    """A folder in which each server writes down what it does."""
    faults: FaultsSection = NO_FAULTS
    router: RouterSection = ROUTER
    exposed: bool = False
    """Whether it is wished that other hosts reach what listens."""

    @property
    def forgetting_disk(self) -> bool:
        """Whether what was not synced is lost with the process."""
        return self.faults.forgetting_disk

    @property
    def coordinator(self) -> str | None:
        """The group that coordinates transfers between shards, if there is one."""
        return next((group for group, name in self.applications.items() if name == COORDINATOR), None)

    @property
    def placement(self) -> Placement:
        """Which shard has what."""
        shards = tuple(group for group, name in self.applications.items() if name == SHARD)
        return Placement(shards, coordinator=self.coordinator or "")

    def hosted(self, group: str) -> AnyHosted:
        """What a group hosts. Raises `UnusableConfig`."""
        wanted = self.applications[group]
        if wanted == SHARD:
            return hosting.shard(group, self.placement)
        if wanted == COORDINATOR:
            return hosting.coordinator(self.placement)
        return application(wanted, self.file)

    def place(self, identity: ServerId) -> Place:
        """The place of one server. Raises `UnusableConfig` if there is no such server."""
        for group, servers in self.groups.items():
            if identity in servers:
                return Place(self, group, identity)
        known = ", ".join(server for servers in self.groups.values() for server in servers)
        raise UnusableConfig(self.file, "--identity", f"one of {known}, found {identity!r}")


@dataclass(frozen=True)
class Place:
    """One server among the others."""

    config: Config
    group: str
    identity: ServerId

    @property
    def servers(self) -> Mapping[ServerId, Address]:
        """The addresses of its group, its own among them."""
        return self.config.groups[self.group]

    @property
    def address(self) -> Address:
        """Where it listens."""
        return self.servers[self.identity]

    @property
    def folder(self) -> Path:
        """What it keeps."""
        return self.config.data / self.identity

    @property
    def foreign(self) -> Mapping[ServerId, tuple[str, Address]]:
        """The servers of the other groups: which group, and the address."""
        groups = self.config.groups.items()
        return {name: (group, at) for group, each in groups if group != self.group for name, at in each.items()}

    def hosted(self) -> AnyHosted:
        """What its group hosts. Raises `UnusableConfig`."""
        return self.config.hosted(self.group)


def read(file: Path) -> Config:
    """The configuration in a file. Raises `UnusableConfig`."""
    try:
        given = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise UnusableConfig(file, "file", f"a file that can be read ({error.strerror})") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UnusableConfig(file, "file", f"TOML ({error})") from error
    try:
        text = msgspec.convert(given, Text)
    except msgspec.ValidationError as error:
        says, _, place = str(error).partition(" - at ")
        raise UnusableConfig(file, place.strip("`$.") or "file", says.removeprefix("Expected ")) from error
    return checked(text, file)


def checked(text: Text, file: Path) -> Config:
    """The configuration that a file's text says. Raises `UnusableConfig`."""
    if not text.groups or not all(text.groups.values()):
        raise UnusableConfig(file, "groups", "at least one group, each with at least one server")
    groups = {
        group: {server: address(each, file, f"groups.{group}.{server}") for server, each in servers.items()}
        for group, servers in text.groups.items()
    }
    names = [server for servers in groups.values() for server in servers]
    if len(set(names)) < len(names):
        raise UnusableConfig(file, "groups", "each server in one group")
    if len({each for servers in groups.values() for each in servers.values()}) < len(names):
        raise UnusableConfig(file, "groups", "an address of its own for each server")
    least, most = text.pace.election
    if not 0 < text.pace.heartbeat < least <= most:
        raise UnusableConfig(file, "pace", "0 < heartbeat < the least election time-out <= the greatest")
    limits = msgspec.structs.replace(LIMITS, **msgspec.structs.asdict(text.limits))
    kept = limits.snapshot + 1, limits.retain - LEAST_RETAINED + 1
    least = min(limits.outstanding, limits.undecided, limits.sessions, limits.answers, limits.connections, *kept)
    if min(limits.command, limits.batch, least) < 1 or limits.events < 2 * limits.command:
        says = f"(2 * command + {BESIDE}) * batch of at most {limits.peer_frame}, 50 to retain, 1 of each"
        raise UnusableConfig(file, "limits", says)
    named = text.application
    applications = dict.fromkeys(groups, named) if isinstance(named, str) else named
    if set(applications) != set(groups):
        raise UnusableConfig(file, "application", f"one for each of {', '.join(groups)}")
    if COORDINATOR in applications.values() and SHARD not in applications.values():
        raise UnusableConfig(file, "application", f"a {SHARD} beside the {COORDINATOR}")
    if list(applications.values()).count(COORDINATOR) > 1:
        raise UnusableConfig(file, "application", f"at most one {COORDINATOR}")
    pace = msgspec.structs.replace(PACE, election=text.pace.election, heartbeat=text.pace.heartbeat)
    folder = file.parent
    recordings = folder / text.recordings if text.recordings is not None else None
    data, exposed = folder / text.data, text.exposed
    router = text.router
    address(router.listen, file, "router.listen")
    if min(router.body, router.outstanding, router.each, router.streams) < 1 or not 0 < router.timeout <= 60:
        raise UnusableConfig(file, "router", "at least 1 of each, and a timeout of up to 60 seconds")
    if not 0 <= text.faults.slow_sync <= 1000 * text.faults.forgetting_disk:
        raise UnusableConfig(file, "faults.slow_sync", "0 to 1000 milliseconds, of a forgetting_disk")
    if text.faults.killed_in_sync and not text.faults.forgetting_disk:
        raise UnusableConfig(file, "faults.killed_in_sync", "true only with a forgetting_disk")
    return Config(str(file), groups, applications, data, pace, limits, recordings, text.faults, router, exposed)


def address(text: object, file: Path | str, place: str) -> Address:
    """Host and port of a text."""
    host, _, port = text.rpartition(":") if isinstance(text, str) else ("", "", "")
    if not host or not port.isdecimal() or not 0 < int(port) < 65536:
        raise UnusableConfig(file, place, f'an address such as "127.0.0.1:7101", found {text!r}')
    return host, int(port)


def check_exposed(at: Address, file: str, place: str) -> None:
    """Whether only this machine reaches an address. Raises `UnusableConfig` if others may, which nobody has wished."""
    try:
        is_own = ip_address(at[0].strip("[]")).is_loopback
    except ValueError:
        is_own = at[0] == "localhost"
    if not is_own:
        says = "exposed = true in the file, or --exposed, for whoever reaches it may read and write everything"
        raise UnusableConfig(file, place, f"a loopback address such as 127.0.0.1, found {at[0]}; or {says}")


def alone(folder: Path, listen: str = ALONE, application: str = "ledger") -> Config:
    """One server, a1, without peers: the single machine."""
    groups = {"a": {"a1": address(listen, "quorumlog node", "--listen")}}
    return Config("quorumlog node", groups, {"a": application}, folder, PACE, LIMITS)


def application(name: str | AnyHosted, file: Path | str) -> AnyHosted:
    """The application of this name: `ledger`, or whatever stands in a module. Raises `UnusableConfig`."""
    if isinstance(name, Hosted):
        return name
    if name in APPLICATIONS:
        return APPLICATIONS[name]
    module, colon, attribute = name.partition(":")
    expected = f"{', '.join([*APPLICATIONS, SHARD, COORDINATOR])}, or MODULE:NAME of a Hosted, found {name!r}"
    if not colon:
        raise UnusableConfig(file, "application", expected)
    try:
        found = getattr(import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise UnusableConfig(file, "application", f"{expected} ({error})") from error
    if not isinstance(found, Hosted):
        raise UnusableConfig(file, "application", expected)
    return found


APPLICATIONS: Final[Mapping[str, AnyHosted]] = {"ledger": LEDGER}
"""The applications that are known by a short name."""
