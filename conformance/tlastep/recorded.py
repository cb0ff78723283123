"""What a binding says of recordings: how their lines are read, and which steps of the spec they tell.

    lock.recording = Recording(format=1, decode=line_of, translation=LockRecording)

A recording is a file of JSON lines that one node wrote. Each line has a number `n`, one more than the line before, the
incarnation `i` that wrote it, and `do`. Where `do` is "start" a node has begun, or begun again after a crash, and the
line says the `format`, the name of the `node`, and all `members`. All else belongs to the binding.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, Protocol, TypeAlias, TypeVar

import msgspec

from tlastep.long_sequences import LongSequences
from tlastep.values import Value

L = TypeVar("L")
L_contra = TypeVar("L_contra", contravariant=True)
S = TypeVar("S", bound="Survey[Any]")

Update: TypeAlias = tuple[str, Value | None, Value]
"""A variable, a key or None, and the value that the variable, or its function at this key, has after a step."""

Key: TypeAlias = Hashable
"""What a message is known by at both of its ends."""

OUTSIDE: Final = "outside"
"""The name of a step that the spec leaves to others: its updates are taken on trust, and it does not count."""

ANEW: Final = "anew"
"""The name of no step: the translation has other `constants` from now on, and the spec begins under these in a state
that is what it has come to, as far as it matters there. That it is, is taken on trust."""

State: TypeAlias = Any
"""A state of the spec: an object with an attribute a variable."""


class Told(msgspec.Struct, frozen=True):
    """A step of the spec, as a line tells it: action, arguments, and what the node says that it changed.

    What is not among the `updates` is as it was; where they are None nothing is known, and whatever the spec does is
    right: so are steps that nobody could write down. `gives` are the messages that can be taken from now on. A line
    that is no step of the spec, and gives messages all the same, tells one without a name.
    """

    action: str
    arguments: tuple[Value, ...] = ()
    updates: Sequence[Update] | None = ()
    gives: Sequence[Key] = ()


Way: TypeAlias = Iterable[Told]
"""Steps one after another. The state is what the steps before have made of it when the next one is asked for."""


class Contradiction(Exception):
    """A line that says what cannot be, whatever the spec says: in a few words, what."""


class At(Protocol):
    """Where the behaviour is."""

    @property
    def state(self) -> State:
        """The state after all steps so far."""

    @property
    def part(self) -> Callable[[str, Value | None], Any]:
        """Gives a variable of that state, or the value of its function at a key: cheaper than the whole state."""


class Translation(Protocol[L_contra]):
    """Tells the lines of one set of recordings as steps of the spec, from the state that these have led to."""

    @property
    def constants(self) -> Mapping[str, Value]:
        """The constants of the spec of which the recordings are a behaviour."""

    def begin(self) -> Mapping[str, Value] | None:
        """The state in which the recordings begin, taken on trust; None if that is the initial state of the spec."""

    def needs(self, line: L_contra) -> Key | None:
        """The message that must have been sent before this line, if it takes one."""

    @property
    def besides(self) -> Mapping[str, Mapping[int, Sequence[Key]]]:
        """What else must have been given before a line, where `needs` is not all of it: by node and place."""

    def sends(self, line: L_contra) -> Sequence[Key]:
        """The messages that the line says it sent."""

    def ways(self, node: str, line: L_contra, at: At) -> Told | Sequence[Way]:
        """The steps that the line tells; where it leaves open which, all ways that there are, the likeliest first.

        The first way that the spec allows is taken. A line that tells one step, and says itself what that gives, may be
        told by this step alone. Where a message that the line sends is on its way already, that one is lost, and the
        line is told again. Raises `Contradiction` if the line tells nothing that can be.
        """

    def unfinished(self, node: str, at: At) -> Way:
        """What the node may have done after its last line, and told others, without being able to write it down."""

    def gone(self, key: Key, at: At) -> Way:
        """Nobody takes this message any more: the step of the environment that loses it, if there is one."""

    def alike(self, key: Key) -> str:
        """The message that was sent and is most like one that was not, in words; empty if there is none."""


class Survey(Protocol[L_contra]):
    """What has to be known of all lines of a node before the first is told. It is made for one file."""

    @property
    def takes(self) -> Sequence[int]:
        """The hashes of the messages that the lines take: of all that they need."""

    def take(self, lines: Sequence[L_contra]) -> None:
        """The next lines, which nobody keeps."""


def surveyed(lines: Sequence[Any], kind: type[S]) -> S:
    """What was gathered of the lines of one node when they were read, or is now."""
    found: object = getattr(lines, "survey", None)
    if not isinstance(found, kind):
        found = kind()
        found.take(lines)
    return found


@dataclass(frozen=True)
class Recording(Generic[L]):
    """How recordings are read. `decode` raises `ValueError` and says what is wrong with a line.

    `decode_all` does the same with all lines of a file, faster; where it raises, each line is decoded by itself.

    `translation` is given the lines of each node. Long sequences in states are made by the `LongSequences`.
    `relation` is the next-state relation that allows what nodes do. Of the variables `unsaid` no line says anything,
    so whatever the spec makes of them is right. Where `properties` are named, these are judged, and else all of them.
    """

    format: int
    decode: Callable[[bytes], L]
    translation: Callable[[Mapping[str, Sequence[L]], LongSequences], Translation[L]]
    relation: str = "Next"
    unsaid: frozenset[str] = frozenset()
    properties: frozenset[str] | None = None
    decode_all: Callable[[bytes], list[L]] | None = None
    changing: frozenset[str] = frozenset()
    """Constants that a translation has other values for from time to time (`ANEW`)."""
    survey: Callable[[], Survey[L]] | None = None
    """Makes what is gathered of a file's lines. With it they are decoded when they are judged, and not kept: so a
    translation should read all of them never, and what was gathered is `survey` of the lines that it is given."""
    start: type | None = None
    """The class of lines with which an incarnation begins, where all lines have `n` and `i` as attributes."""
    groups: bool = False
    """Whether recordings of several groups are merged, each with members of its own."""


class Wordless:
    """What a translation says to a spec that knows of no messages, where nothing is left to be guessed."""

    def begin(self) -> Mapping[str, Value] | None:
        """Nodes begin as the spec does."""
        return None

    def unfinished(self, node: str, at: At) -> Way:
        """All that a node has done stands in its recording."""
        return ()

    def gone(self, key: Key, at: At) -> Way:
        """No message of the spec is on its way."""
        return ()

    def alike(self, key: Key) -> str:
        """No message is like another."""
        return ""


class Alone(Wordless):
    """What a translation says of nodes that send each other nothing."""

    besides: Final[Mapping[str, Mapping[int, Sequence[Key]]]] = {}

    def needs(self, line: object) -> Key | None:
        """Nothing is taken."""
        return None

    def sends(self, line: object) -> Sequence[Key]:
        """Nothing is sent."""
        return ()
