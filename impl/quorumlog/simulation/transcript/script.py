"""Scripts of transcripts: what may stand in one, and how it is read. A script that is not well formed has one error."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Final, TypeAlias

from msgspec import Struct

from quorumlog.core.consensus.messages import ServerId
from quorumlog.simulation.transcript.words import EVERYBODY, KINDS

PROMPT: Final = ">"
INDENT: Final = "    "
TOKEN: Final = re.compile(r'"(?P<quoted>[^"]*)"|(?P<plain>[^\s";]+)|(?P<end>;)|(?P<bad>")')
NAME: Final = re.compile(r"[A-Za-z]\w*\Z", re.ASCII)
OPTIONS: Final = ("batch", "leader", "asks")
ASKING: Final = ("ask", "tick")  # what only servers do that ask before they stand
MOST_SERVERS: Final = 9


class MalformedScript(Exception):
    """A line of a script is not what it should be: the file, the line, and what was expected there."""

    def __init__(self, file: str, line: int, expected: str) -> None:
        super().__init__(f"{file}:{line}: {expected}")
        self.file = file
        self.line = line
        self.expected = expected


class Command(Struct, frozen=True):
    """One command. `others` are servers too, where there are two groups; `words` an event or a message."""

    verb: str
    servers: tuple[ServerId, ...] = ()
    others: tuple[ServerId, ...] = ()
    words: tuple[str, ...] = ()
    batch: int = 1
    asks: bool = False


class Line(Struct, frozen=True):
    """A line of a script with what stands below it as its output; a line without commands is a remark."""

    number: int
    text: str
    commands: tuple[Command, ...] = ()
    output: tuple[str, ...] = ()


class Script(Struct, frozen=True):
    """A whole script. Its first command names the servers."""

    file: str
    lines: tuple[Line, ...]

    @property
    def cluster(self) -> Command:
        """The first command."""
        return next(command for line in self.lines for command in line.commands)


def parse(text: str, file: str = "script") -> Script:
    """Reads a script. Raises `MalformedScript`, and nothing else."""
    reader = _Reader(file)
    for number, line in enumerate(text.split("\n"), start=1):
        reader.read(number, line.rstrip())
    if not reader.servers:
        raise MalformedScript(file, 1, "expected a first command `cluster SERVER SERVER...`")
    lines = reader.lines
    while lines and not lines[-1].text:
        lines.pop()
    return Script(file, tuple(lines))


class _Reader:
    """What has been read so far."""

    def __init__(self, file: str) -> None:
        self.file = file
        self.number = 0
        self.lines: list[Line] = []
        self.servers: tuple[ServerId, ...] = ()
        self.asks = False

    def read(self, number: int, text: str) -> None:
        self.number = number
        if text.startswith(PROMPT):
            commands = tuple([self.command(words) for words in self.split(text.removeprefix(PROMPT))])
            self.lines.append(Line(number, text, commands))
        elif text.startswith(INDENT):
            last = self.lines[-1] if self.lines else None
            if last is None or not last.commands:
                raise self.error("expected a line of commands (`> ...`) above its output")
            self.lines[-1] = Line(last.number, last.text, last.commands, (*last.output, text))
        elif not text or text.startswith("#"):
            self.lines.append(Line(number, text))
        else:
            raise self.error("expected a remark (`# ...`), commands (`> ...`) or output, which is indented by four")

    def error(self, expected: str) -> MalformedScript:
        return MalformedScript(self.file, self.number, expected)

    def split(self, text: str) -> list[list[str]]:
        """The words of each command of a line."""
        commands: list[list[str]] = [[]]
        for found in TOKEN.finditer(text):
            if found["bad"]:
                raise self.error("expected a second quotation mark")
            if found["end"]:
                commands.append([])
            else:
                commands[-1].append(found["plain"] if found["quoted"] is None else found["quoted"])
        return commands

    def command(self, words: Sequence[str]) -> Command:
        verb, rest = (words[0], tuple(words[1:])) if words else ("", ())
        if verb not in FORMS:
            raise self.error(f"expected one of the commands {', '.join(FORMS)}, not `{verb}`")
        if not self.servers and verb != "cluster":
            raise self.error("expected `cluster SERVER SERVER...` before any other command")
        if verb in ASKING and not self.asks:
            raise self.error(f"expected `cluster SERVER SERVER... asks yes` before `{verb}`")
        return FORMS[verb](self, verb, rest)

    def known(self, *names: str) -> tuple[ServerId, ...]:
        for name in names:
            if name not in self.servers:
                raise self.error(f"expected one of the servers {', '.join(self.servers)}, not `{name}`")
        return names

    def counted(self, verb: str, words: Sequence[str], form: str, least: int, most: int) -> None:
        if not least <= len(words) <= most:
            raise self.error(f"expected `{verb} {form}`")


# -- the forms of the commands ------------------------------------------------------------------------------

Form: TypeAlias = Callable[[_Reader, str, tuple[str, ...]], Command]


def _cluster(reader: _Reader, verb: str, words: tuple[str, ...]) -> Command:
    """`cluster a b c batch 2 leader a`: the servers, and what is not as usual."""
    if reader.servers:
        raise reader.error("expected one command `cluster` only")
    names = [*words]
    options: dict[str, str] = {}
    while len(names) > 1 and names[-2] in OPTIONS:
        value, option = names.pop(), names.pop()
        options.setdefault(option, value)
    batch = options.get("batch", "1")
    if not re.fullmatch("[1-9][0-9]?", batch):
        raise reader.error(f"expected a number of entries after `batch`, not `{batch}`")
    distinct = len(set(names)) == len(names) and not set(names) & set(OPTIONS)
    if not 1 <= len(names) <= MOST_SERVERS or not distinct or not all(map(NAME.match, names)):
        raise reader.error(f"expected from one to {MOST_SERVERS} different names of servers after `cluster`")
    reader.servers = tuple(names)
    leader = reader.known(options["leader"]) if "leader" in options else ()
    reader.asks = options.get("asks") == "yes"
    if not reader.asks and "asks" in options:
        raise reader.error(f"expected `asks yes`, not `asks {options['asks']}`")
    return Command(verb, reader.servers, leader, batch=int(batch), asks=reader.asks)


def _alone(reader: _Reader, verb: str, words: tuple[str, ...]) -> Command:
    """`quiet`: nothing follows."""
    if words:
        raise reader.error(f"expected `{verb}` and nothing after it")
    return Command(verb)


def _one(reader: _Reader, verb: str, words: tuple[str, ...]) -> Command:
    """`sync a`: a server."""
    reader.counted(verb, words, "SERVER", 1, 1)
    return Command(verb, reader.known(*words))


def _two(reader: _Reader, verb: str, words: tuple[str, ...]) -> Command:
    """`replicate a b`: a server and another."""
    reader.counted(verb, words, "SERVER SERVER", 2, 2)
    return Command(verb, reader.known(*words))


def _some(reader: _Reader, verb: str, words: tuple[str, ...]) -> Command:
    """`settle`, `settle a b`: some servers, or all."""
    return Command(verb, reader.known(*words) or reader.servers)


def _propose(reader: _Reader, verb: str, words: tuple[str, ...]) -> Command:
    """`propose a "pay 7"`: a server and events."""
    reader.counted(verb, words, "SERVER EVENT...", 2, len(words))
    if not all(words[1:]):
        raise reader.error("expected an event that is not empty")
    return Command(verb, reader.known(words[0]), words=words[1:])


def _message(reader: _Reader, verb: str, words: tuple[str, ...]) -> Command:
    """`deliver a -> b append 2 after 1.1`: between whom, and how the message begins as it is printed."""
    if verb == "lose" and words == ("all",):
        return Command("lose all")
    if len(words) < 4 or words[1] not in ("->", "→") or words[3] not in KINDS:
        raise reader.error(f"expected `{verb} SERVER -> SERVER MESSAGE`, with a message of {', '.join(KINDS)}")
    sender, to = words[0], words[2]
    receiver = (to,) if to == EVERYBODY and verb == "lose" else reader.known(to)
    return Command(verb, reader.known(sender), receiver, words[3:])


def _cut(reader: _Reader, verb: str, words: tuple[str, ...]) -> Command:
    """`cut a`, `cut a b | c d`: a group that cannot reach another, or anybody else."""
    left, bar, right = _divided(words)
    others = reader.known(*right) if bar else tuple([each for each in reader.servers if each not in left])
    if not left or not others or set(left) & set(others):
        raise reader.error("expected `cut SERVER...` or `cut SERVER... | SERVER...`, no server on both sides")
    return Command(verb, reader.known(*left), others)


def _divided(words: tuple[str, ...]) -> tuple[tuple[str, ...], bool, tuple[str, ...]]:
    if "|" not in words:
        return words, False, ()
    middle = words.index("|")
    return words[:middle], True, words[middle + 1 :]


FORMS: Final[Mapping[str, Form]] = {
    "cluster": _cluster,
    "timeout": _one,
    "ask": _one,
    "tick": _one,
    "sync": _one,
    "crash": _one,
    "propose": _propose,
    "replicate": _two,
    "deliver": _message,
    "repeat": _message,
    "lose": _message,
    "settle": _some,
    "cut": _cut,
    "heal": _alone,
    "quiet": _alone,
    "loud": _alone,
    "show": _some,
    "waiting": _alone,
    "decided": _alone,
}
