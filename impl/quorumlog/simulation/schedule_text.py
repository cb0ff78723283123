"""Schedules as text, one line a setting or a fault: printed when a run fails, and read to run it again.

    seed 7
    until 1500
    lose 2 in 100
    crash b after its write 4, down for 60
    at 300 cut a -> c until 500

What is not said is as `Schedule` has it. `#` begins a comment. Times are in milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final, TypeAlias

import msgspec

from quorumlog.simulation.disk import MOMENTS, Moment
from quorumlog.simulation.faults import SERVERS, Crash, CrashAtWrite, Cut, Fault, Pause, Schedule, Stand, Weather
from quorumlog.simulation.prepared import STARTS


class UnusableSchedule(ValueError):
    """A text that is no schedule: says where, and what was expected."""

    def __init__(self, source: str, line: int, says: str) -> None:
        super().__init__(f"{source}, line {line}: {says}" if line else f"{source}: {says}")


Found: TypeAlias = re.Match[str]
Value: TypeAlias = int | str | tuple[int, int]

NUMBERS: Final = ("seed", "servers", "batch", "until")
RANGES: Final = ("delay", "write", "sync", "flush", "election")
YES_OR_NO: Final = {"asks yes": True, "asks no": False}
CHANCES: Final = ("lose", "repeat", "drift")
_NUMBER: Final = re.compile(r"(?P<name>\w+) (?P<value>\d+)")
_RANGE: Final = re.compile(r"(?P<name>\w+) (?P<least>\d+) to (?P<most>\d+)")
_CHANCE: Final = re.compile(r"(?P<name>\w+) (?P<value>\d+) in 100")
_EVERY: Final = re.compile(r"(?P<name>command|heartbeat) every (?P<value>\d+)")

SETTINGS: Final[Mapping[str, str]] = {
    **{name: f"{name} N" for name in NUMBERS},
    "start": f"start NAME, one of {', '.join(STARTS)}",
    "command": "command every N",
    **{name: f"{name} N to M" for name in RANGES},
    **{name: f"{name} N in 100" for name in CHANCES},
    "heartbeat": "heartbeat every N",
    "asks": "asks yes, or asks no",
}
_WRITE: Final = re.compile(r"crash (?P<server>\w) (?P<moment>\w+) its write (?P<write>\d+), down for (?P<downtime>\d+)")
_CRASH: Final = re.compile(r"at (?P<at>\d+) crash (?P<server>\w) until (?P<until>\d+)")
_PAUSE: Final = re.compile(r"at (?P<at>\d+) pause (?P<server>\w) until (?P<until>\d+)")
_CUT: Final = re.compile(r"at (?P<at>\d+) cut (?P<sender>\w) -> (?P<to>\w) until (?P<until>\d+)")
_STAND: Final = re.compile(r"at (?P<at>\d+) stand (?P<server>\w)")
FAULTS: Final[tuple[tuple[re.Pattern[str], Callable[[Found], Fault]], ...]] = (
    (_WRITE, lambda f: CrashAtWrite(f["server"], _moment(f["moment"]), int(f["write"]), int(f["downtime"]))),
    (_CRASH, lambda f: Crash(int(f["at"]), f["server"], int(f["until"]))),
    (_PAUSE, lambda f: Pause(int(f["at"]), f["server"], int(f["until"]))),
    (_CUT, lambda f: Cut(int(f["at"]), f["sender"], f["to"], int(f["until"]))),
    (_STAND, lambda f: Stand(int(f["at"]), f["server"])),
)
FAULT_FORMS: Final = (
    "crash S before|during|after its write N, down for N; at N crash S until N; at N pause S until N; "
    "at N cut S -> S until N; at N stand S"
)


def _moment(word: str) -> Moment:
    for moment in MOMENTS:
        if moment == word:
            return moment
    raise ValueError(f"expected {', '.join(MOMENTS)}, found {word}")


# -- to text ------------------------------------------------------------------------------------------------


def text_of(schedule: Schedule) -> str:
    """A schedule as text that `parse` reads: all settings, and one line a fault."""
    return "\n".join([*_settings(schedule), *map(fault_text, schedule.faults), ""])


def _settings(schedule: Schedule) -> Iterator[str]:
    weather = schedule.weather
    yield from (f"{name} {getattr(schedule, name)}" for name in NUMBERS)
    yield f"start {schedule.start}"
    yield f"command every {schedule.command}"
    yield from (f"{name} {getattr(weather, name)[0]} to {getattr(weather, name)[1]}" for name in RANGES)
    yield from (f"{name} {getattr(weather, name)} in 100" for name in CHANCES)
    yield f"heartbeat every {weather.heartbeat}"
    if schedule.asks:
        yield "asks yes"


def fault_text(fault: Fault) -> str:
    """A fault as a line."""
    if isinstance(fault, CrashAtWrite):
        return f"crash {fault.server} {fault.moment} its write {fault.write}, down for {fault.downtime}"
    if isinstance(fault, Stand):
        return f"at {fault.at} stand {fault.server}"
    if isinstance(fault, Cut):
        return f"at {fault.at} cut {fault.sender} -> {fault.to} until {fault.until}"
    word = "crash" if isinstance(fault, Crash) else "pause"
    return f"at {fault.at} {word} {fault.server} until {fault.until}"


# -- from text ----------------------------------------------------------------------------------------------


def read(path: Path) -> Schedule:
    """The schedule in a file."""
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise UnusableSchedule(str(path), 0, error.strerror or "cannot be read") from error
    except UnicodeDecodeError as error:
        raise UnusableSchedule(str(path), 0, "expected text in UTF-8") from error
    return parse(text, str(path))


def parse(text: str, source: str = "schedule") -> Schedule:
    """The schedule that a text says. Raises `UnusableSchedule` for what is no setting and no fault."""
    settings: dict[str, Value] = {}
    faults: list[tuple[int, Fault]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        said = " ".join(line.partition("#")[0].split())
        if not said:
            continue
        try:
            fault = _fault(said)
            if fault is not None:
                faults.append((number, fault))
            else:
                name, value = _setting(said)
                if name in settings:
                    raise ValueError(f"{name} is said twice")
                settings[name] = value
        except ValueError as error:
            raise UnusableSchedule(source, number, str(error)) from error
    return _schedule(settings, faults, source)


def _fault(said: str) -> Fault | None:
    if said.split()[0] not in ("at", "crash"):
        return None
    for pattern, make in FAULTS:
        found = pattern.fullmatch(said)
        if found is not None:
            return make(found)
    raise ValueError(f"expected a fault ({FAULT_FORMS}), found {said!r}")


def _setting(said: str) -> tuple[str, Value]:
    name = said.split()[0]
    if name not in SETTINGS:
        raise ValueError(f"expected a fault (at ..., crash ...) or one of {', '.join(SETTINGS)}, found {name!r}")
    if name == "start" and len(said.split()) == 2 and said.split()[1] in STARTS:
        return name, said.split()[1]
    if name == "asks" and said in YES_OR_NO:
        return name, YES_OR_NO[said]
    if name in NUMBERS and (found := _NUMBER.fullmatch(said)):
        return name, int(found["value"])
    if name in CHANCES and (found := _CHANCE.fullmatch(said)) and int(found["value"]) <= 100:
        return name, int(found["value"])
    if name in RANGES and (found := _RANGE.fullmatch(said)) and int(found["least"]) <= int(found["most"]):
        return name, (int(found["least"]), int(found["most"]))
    if found := _EVERY.fullmatch(said):
        return name, int(found["value"])
    raise ValueError(f"expected {SETTINGS[name]!r}, found {said!r}")


def _schedule(settings: Mapping[str, Value], faults: list[tuple[int, Fault]], source: str) -> Schedule:
    of_weather = {name: value for name, value in settings.items() if name in Weather.__struct_fields__}
    rest = {name: value for name, value in settings.items() if name not in of_weather}
    given = {"seed": 0, **rest, "weather": of_weather, "faults": [fault for _, fault in faults]}
    schedule = msgspec.convert(msgspec.to_builtins(given), Schedule)
    says = wrong(schedule)
    if says:
        raise UnusableSchedule(source, 0, says)
    for number, fault in faults:
        if says := wrong_fault(fault, schedule.names):
            raise UnusableSchedule(source, number, says)
    return schedule


def wrong(schedule: Schedule) -> str:
    """What is wrong with the settings, or nothing."""
    weather = schedule.weather
    if not 2 <= schedule.servers <= len(SERVERS):
        return f"expected 2 to {len(SERVERS)} servers, found {schedule.servers}"
    if schedule.start != "Init" and schedule.servers != 3:
        return f"start {schedule.start} is of 3 servers, found {schedule.servers}"
    if schedule.batch < 1 or weather.heartbeat < 1 or weather.election[0] < 1:
        return "expected a batch, a heartbeat and an election of at least 1"
    return "expected a drift below 100" if weather.drift >= 100 else ""


def wrong_fault(fault: Fault, names: tuple[str, ...]) -> str:
    """What is wrong with a fault in a cluster of these servers, or nothing."""
    concerned = (fault.sender, fault.to) if isinstance(fault, Cut) else (fault.server,)
    for name in concerned:
        if name not in names:
            return f"expected one of the servers {', '.join(names)}, found {name}"
    if isinstance(fault, Cut) and fault.sender == fault.to:
        return "expected two servers, found one"
    if isinstance(fault, (Crash, Pause, Cut)) and fault.until <= fault.at:
        return f"expected an end after {fault.at}, found {fault.until}"
    if isinstance(fault, CrashAtWrite) and fault.write < 1:
        return "writes are counted from 1"
    return ""
