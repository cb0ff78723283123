"""Are the recordings of some nodes, merged, a behaviour of the spec?

There is no clock that the nodes share, and no file. What orders their lines is cause and effect: a node's lines come
in the order in which it wrote them, and a message is taken after it was sent. Any order that respects this is as good
as any other, so lines are judged as soon as what they need has been given, each once, by the compiled spec: the action
with its arguments must be possible, and lead exactly to what the node says that it has changed.

Steps of the environment leave no line. A crash is known by the next start; a message that nobody takes any more is
lost.
"""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter
from typing import Any, Final

from tlastep.behaviour import Label
from tlastep.binding import Binding
from tlastep.check.models import Project
from tlastep.check.recording_files import OutOfOrder, Recorded, fit_together, read_recording
from tlastep.check.recording_spec import spec_of
from tlastep.check.recording_takers import Wanted, taken, takers_of
from tlastep.check.recording_why import Rejection, shown_label, why_rejected
from tlastep.engine.fast import collector_off
from tlastep.engine.follower import Differs, Follower
from tlastep.engine.spec_system import SpecSystem
from tlastep.engine.step_judge import EVERYTHING
from tlastep.engine.system import Broken
from tlastep.errors import UnusableInput
from tlastep.long_sequences import LongSequences
from tlastep.recorded import ANEW, OUTSIDE, Contradiction, Key, Recording, Told, Translation, Update, Way
from tlastep.values import Value

OK: Final = "ok"
REJECTED: Final = "rejected"
NO_STEPS: Final = frozenset({"", OUTSIDE, ANEW})
IN_A_ROW: Final = 64  # lines of one node before the others have their turn: so few messages are on their way at once


@dataclass
class Validated:
    """What came of it. `steps` are those of the spec that the recordings tell, and that were found right."""

    module: str
    recordings: Sequence[Recorded] = ()
    steps: int = 0
    lines: int = 0
    actions: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    notes: list[str] = field(default_factory=list)
    rejection: Rejection | None = None
    seconds: float = 0.0

    @property
    def result(self) -> str:
        """`ok` or `rejected`."""
        return REJECTED if self.rejection else OK

    def fields(self) -> dict[str, object]:
        """What is printed of it as JSON."""
        found: dict[str, object] = {
            "result": self.result,
            "module": self.module,
            "steps": self.steps,
            "lines": self.lines,
            "actions": dict(sorted(self.actions.items())),
            "notes": self.notes,
            "seconds": round(self.seconds, 3),
        }
        rejection = self.rejection.fields() if self.rejection else dict.fromkeys(("file", "line", "action", "reason"))
        return found | rejection


def validate_files(
    project: Project,
    binding: Binding[Any],
    paths: Sequence[Path],
    *,
    properties: bool = True,
    begun: Callable[[Validated], None] | None = None,
) -> Validated:
    """Whether these recordings are a behaviour of the spec of a binding.

    With `properties` its invariants and step properties are judged, too. `begun` is given, before anything is judged,
    what will be the answer: its `lines` and `steps` grow meanwhile. Raises `UnusableInput` for files that are no
    recordings of one group.
    """
    recording = binding.recording
    if recording is None:
        raise UnusableInput("says nothing of recordings", f"binding of {binding.module}")
    start = perf_counter()
    found = Validated(binding.module)
    if begun is not None:
        begun(found)
    with collector_off():
        try:
            found.recordings = [read_recording(path, recording) for path in paths]
        except OutOfOrder as error:
            found.rejection = Rejection(error.path, error.line, error.action, reason=error.says)
        else:
            missing = fit_together(found.recordings, groups=recording.groups)
            found.notes += [note for each in found.recordings for note in each.notes]
            found.notes += [f"the recording of node {node} is missing: {_MISSING}" for node in missing]
            _Behaviour(project, binding, recording, found, properties=properties).judge()
    found.seconds = perf_counter() - start
    return found


_MISSING: Final = "it is taken to have done nothing, so whatever somebody has from it is rejected"


class _Behaviour:
    """The recordings, merged: where each of them is, what is on its way, and the state that all of it has led to."""

    def __init__(
        self, project: Project, binding: Binding[Any], recording: Recording[Any], found: Validated, *, properties: bool
    ) -> None:
        self._found = found
        self._nodes = {each.node: each for each in found.recordings}
        long = LongSequences()
        lines = {each.node: each.lines for each in found.recordings}
        self._translation: Translation[Any] = recording.translation(lines, long)
        self._long = long
        self._spec = spec_of(project, binding, recording, self._translation.constants, long)
        self._changing = recording.changing
        self._follower = Follower(self._spec, recording.unsaid, recording.changing)
        self.part = self._follower.part
        self._properties = properties
        self._broken: tuple[Rejection, Broken] | None = None
        self._given: dict[Key, Wanted] = {}
        self._takers = takers_of([each.lines for each in found.recordings], self._translation)
        self._blocked: dict[Key, list[str]] = {}
        self._at = dict.fromkeys(self._nodes, 0)
        self._ready = deque(self._nodes)
        self._begin()

    @property
    def state(self) -> Any:
        """The state after all steps so far, for the translation."""
        return self._follower.state

    def _begin(self) -> None:
        system = SpecSystem(self._spec)
        given = self._translation.begin()
        if given is None:
            starts = list(system.initial())
            if len(starts) != 1:
                says = f"{len(starts)} initial states: the binding has to say in which one the recordings begin"
                raise UnusableInput(says, self._spec.name)
            given = dict(zip(system.variables, starts[0], strict=True))
        broken = self._begins(given)
        if broken is not None:
            first = next(iter(self._nodes.values()))
            self._broken = Rejection(first.path, first.place(0), "start", reason=f"{broken.result} is false"), broken

    def _begins(self, given: Mapping[str, Value]) -> Broken | None:
        """Begin, or go on, in this state; what does not hold in it."""
        follower = self._follower
        follower.begin({name: self._long.value(value) for name, value in given.items()})
        return follower.broken(follower.cells, EVERYTHING) if self._properties else None

    # -- merging -----------------------------------------------------------------------------------------------

    def judge(self) -> None:
        """All lines, as far as they go."""
        found = self._found
        rejection = self._run() or self._stuck()
        if rejection is None and self._broken is not None:
            rejection, broken = self._broken
            rejection.conjuncts = (broken.place,)
        found.rejection = rejection

    def _run(self) -> Rejection | None:
        ready = self._ready
        while ready:
            rejection = self._turn(ready.popleft())
            if rejection is not None:
                return rejection
        return None

    def _turn(self, node: str) -> Rejection | None:
        """Some lines of one node, as far as they go."""
        each, index = self._nodes[node], self._at[node]
        given, needs, besides = self._given, self._translation.needs, self._translation.besides.get(node)
        lines, begun, end = each.lines, index, min(index + IN_A_ROW, len(each.lines))
        here: Sequence[Any] = ()
        first = behind = 0
        try:
            while index < end:
                if index >= behind:
                    here, first = lines.around(index)
                    behind = first + len(here)
                line = here[index - first]
                key = needs(line)
                if key is not None and key not in given:
                    self._blocked.setdefault(key, []).append(node)
                    return None
                more = besides.get(index, ()) if besides else ()
                if more and (missing := [other for other in more if other not in given]):
                    self._blocked.setdefault(missing[0], []).append(node)
                    return None
                rejection = self._take(each, index, line)
                if rejection is not None:
                    return rejection
                index += 1
                if key is not None and taken(given[key]):
                    self._lose(key)
                for other in more:
                    if taken(given[other]):
                        self._lose(other)
        finally:
            self._at[node] = index
            self._found.lines += index - begun
        if index < len(lines):
            self._ready.append(node)
        return None

    def _lose(self, key: Key) -> None:
        self._given.pop(key, None)
        for told in self._translation.gone(key, self):
            differs = self._step(told)
            assert differs is None, "a message that is on its way can be lost"

    def _lose_copies(self, keys: Iterable[Key]) -> None:
        """What is about to be sent is not on its way already, so that it is seen whether this step sends it."""
        for key in keys:
            if key in self._given:
                for told in self._translation.gone(key, self):
                    self._step(told)

    def _take(self, each: Recorded, index: int, line: Any) -> Rejection | None:
        """A line, with what it tells."""
        translation = self._translation
        try:
            told = translation.ways(each.node, line, self)
            sent = told.gives if isinstance(told, Told) else translation.sends(line)
            if sent and not self._given.keys().isdisjoint(sent):
                self._lose_copies(sent)
                told = translation.ways(each.node, line, self)
        except Contradiction as error:
            return _contradicts(each, index, error)
        if not isinstance(told, Told):
            return self._one_of(told, each, index)
        differs = self._step(told, each, index)
        if differs is not None:
            return self._why(told, differs, each, index)
        for key in told.gives:
            self._give(key)
        return None

    def _one_of(self, ways: Iterable[Way], each: Recorded, index: int) -> Rejection | None:
        """The first way that the spec allows."""
        first: Rejection | None = None
        follower, found = self._follower, self._found
        before, steps, broken = follower.cells, found.steps, self._broken
        for way in ways:
            wrong = self._go(way, each, index)
            if wrong is None:
                return None
            follower.cells, found.steps, self._broken = before, steps, broken
            first = first or wrong
        assert first is not None, "a line tells something"
        return first

    def _go(self, way: Way, each: Recorded, index: int) -> Rejection | None:
        given: Sequence[Key] = ()
        step = self._step
        try:
            for told in way:
                differs = step(told, each, index)
                if differs is not None:
                    return self._why(told, differs, each, index)
                if told.gives:
                    given = [*given, *told.gives] if given else told.gives
        except Contradiction as error:
            return _contradicts(each, index, error)
        for key in given:
            self._give(key)
        return None

    def _why(self, told: Told, differs: Differs, each: Recorded, index: int) -> Rejection:
        before = self._follower.values(self._follower.cells)
        return why_rejected(self._spec, before, Label(told.action, told.arguments), differs, each, index)

    def _give(self, key: Key) -> None:
        """A message can be taken; if nobody ever does, it is lost."""
        wanted = self._takers.wanted(key)
        if wanted is None:
            self._lose(key)
            return
        self._given[key] = wanted
        if key in self._blocked:
            self._ready.extend(self._blocked.pop(key))

    # -- steps -------------------------------------------------------------------------------------------------

    def _step(self, told: Told, each: Recorded | None = None, index: int = 0) -> Differs | None:
        """A step, if the spec allows it."""
        follower, found = self._follower, self._found
        before = follower.cells
        action = told.action
        if action in NO_STEPS:
            self._told_besides(action, told.updates or ())
            return None
        differs = follower.step(action, told.arguments, told.updates)
        if differs is not None:
            return differs
        found.steps += 1
        found.actions[action] += 1
        if self._properties and self._broken is None and (changed := follower.changed):
            broken = follower.broken(before, changed)
            if broken is not None:
                self._remember(broken, told, each, index)
        return None

    def _told_besides(self, action: str, updates: Sequence[Update]) -> None:
        """What is told and is no step of the spec."""
        if action == OUTSIDE:
            self._follower.outside(updates)
        elif action == ANEW:
            constants = self._translation.constants
            self._follower.rebind({name: constants[name] for name in self._changing})
            broken = self._begins({name: value for name, _, value in updates})
            assert broken is None, "what is forgotten made no property true"

    def _remember(self, broken: Broken, told: Told, each: Recorded | None, index: int) -> None:
        """What does not hold after a step is told only if the whole recording is explained."""
        where = each or next(iter(self._nodes.values()))
        label = shown_label(Label(told.action, told.arguments))
        reason = f"{broken.result} is false after this step, which the spec allows"
        self._broken = Rejection(where.path, where.place(index), label, reason=reason), broken

    # -- the end -----------------------------------------------------------------------------------------------

    def _stuck(self) -> Rejection | None:
        """Somebody has taken what nobody has sent; a node may have sent it without being able to write that down."""
        left = [node for node in self._nodes if self._at[node] < len(self._nodes[node].lines)]
        if not left:
            return None
        for node, each in self._nodes.items():
            if self._at[node] == len(each.lines) and self._goes_on(node, each):
                return self._run() or self._stuck()
        rejections = [self._unsent(self._nodes[node], self._at[node]) for node in left]
        return next((each for each in rejections if not each.circular), rejections[0])

    def _goes_on(self, node: str, each: Recorded) -> bool:
        """Whether what a node may have done after its last line explains what somebody waits for."""
        before, steps = self._follower.cells, self._found.steps
        given: list[Key] = []
        for told in self._translation.unfinished(node, self):
            if self._step(told, each, len(each.lines) - 1) is not None:
                break
            given += told.gives
        if not any(key in self._blocked for key in given):
            self._follower.cells, self._found.steps = before, steps
            return False
        for key in given:
            self._give(key)
        self._found.notes.append(f"{each.path}: node {node} did one thing more than it could write down")
        return True

    def _unsent(self, each: Recorded, index: int) -> Rejection:
        """The line of a node that takes what was not sent."""
        translation, line = self._translation, each.lines[index]
        keys = [translation.needs(line), *translation.besides.get(each.node, {}).get(index, ())]
        key = next((key for key in keys if key is not None and key not in self._given), None)
        label = f"{action_of(line)} of {' '.join(map(str, key)) if isinstance(key, tuple) else key}"
        wanted = [self._nodes[node] for node in self._nodes if self._sends_later(node, key)]
        if wanted:
            reason = f"takes a message that {wanted[0].node} sends only after something that follows from this line"
            return Rejection(each.path, each.place(index), label, reason=reason, circular=True)
        alike = translation.alike(key)
        nearest = f"the message that was sent and is most like it: {alike}" if alike else ""
        ended = [f"{other.path} ends with line {other.place(-1)}" for other in self._nodes.values()]
        reason = f"takes a message that nobody is recorded to have sent ({'; '.join(ended)})"
        missing = [note for note in self._found.notes if "is missing" in note]
        return Rejection(each.path, each.place(index), label, reason="; ".join([reason, *missing]), nearest=nearest)

    def _sends_later(self, node: str, key: Key | None) -> bool:
        """Whether a later line of a node that is stuck names the message."""
        lines, sends = self._nodes[node].lines, self._translation.sends
        return any(key in sends(lines[index]) for index in range(self._at[node], len(lines)))


def _contradicts(each: Recorded, index: int, error: Contradiction) -> Rejection:
    return Rejection(each.path, each.place(index), action_of(each.lines[index]), reason=f"the line {error}")


def action_of(line: object) -> str:
    """What a line says was done."""
    return str(getattr(line, "do", "")) or type(line).__name__
