"""A group of whole nodes under rough weather, step by step from a seed, and clients that ask again; all is recorded."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, TypeAlias

from quorumlog.core.consensus.durability import is_dirty
from quorumlog.core.consensus.effects import ElectionTimeout, Refused, Replicate, Resign, Send, Sync
from quorumlog.core.consensus.messages import Message
from quorumlog.core.consensus.state import LEADER
from quorumlog.core.leader_output import Say
from quorumlog.ledger.commands import Deposit, Transfer
from quorumlog.runtime.hosting import LEDGER
from quorumlog.runtime.recorder import Recorder
from quorumlog.runtime.running import parts_of
from quorumlog.runtime.session import Session
from quorumlog.runtime.slices import Slices
from quorumlog.runtime.steps import FOLD, Batch, NodeSteps
from quorumlog.turns import Turn

Recordings: TypeAlias = dict[str, list[dict[str, Any]]]
NODES: Final = ("a", "b", "c")
CHANCES: Final = {"deliver": 40, "sync": 20, "ask": 14, "hand_on": 14, "stand": 1, "resign": 0.4, "crash": 0.6}


class Group:
    """Nodes and clients, and what is on its way between them. Gates fold so much in one step as `slices` say."""

    def __init__(self, seed: int, folder: Path, slices: Slices | None = None) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.dice = Random(f"speaking {seed}")
        self.folder = folder
        self.chances = CHANCES if slices is None else CHANCES | {"fold": 8}
        self.steps = NodeSteps(LEDGER.service(), slices)
        self.nodes: dict[str, Any] = {name: self.steps.service.begin(name, NODES, 3) for name in NODES}
        self.recorders: dict[str, Recorder[Any, Any]] = {}
        self.messages: list[Message | tuple[Message, str]] = []
        self.sessions = [Session[Any](f"s{number}") for number in range(3)]
        self.answers: list[Say[Any]] = []
        self.answered = 0
        for name in NODES:
            self.begin(name)

    def begin(self, name: str) -> None:
        """A recorder goes on with the file of a node."""
        if name in self.recorders:
            self.recorders[name].close()
        path = self.folder / f"{name}.ndjson"
        self.recorders[name] = Recorder.open(path, parts_of)
        self.recorders[name].started(self.nodes[name])

    def take(self, name: str, taken: Any) -> None:
        """A step of a node, if it has one."""
        before = self.nodes[name]
        try:
            outcome = self.steps.take(before, taken)
        except Refused:
            return
        self.nodes[name] = outcome.after
        self.recorders[name].stepped(before, Turn(taken, outcome.after, outcome.effects, outcome.said))
        for effect in outcome.effects:
            if isinstance(effect, Send):
                message: Any = effect.message
                to = getattr(message, "to", None)
                self.messages += [message] if to else [(message, peer) for peer in NODES if peer != name]
        self.answers += [each for each in outcome.said if isinstance(each, Say)]

    def move(self) -> None:
        """One thing happens."""
        dice = self.dice
        kind = dice.choices(list(self.chances), list(self.chances.values()))[0]
        getattr(self, kind)(dice.choice(NODES))

    def deliver(self, _: str) -> None:
        """A message arrives, or an answer; or it is lost, or arrives again."""
        if self.messages:
            place = self.dice.randrange(len(self.messages))
            message: Any = self.messages[place] if self.dice.random() < 0.05 else self.messages.pop(place)
            message, to = message if isinstance(message, tuple) else (message, message.to)
            if self.dice.random() < 0.97:
                self.take(to, message)
        if self.answers and self.dice.random() < 0.5:
            say = self.answers.pop(self.dice.randrange(len(self.answers)))
            if self.dice.random() < 0.9:
                own = next(each for each in self.sessions if each.name == say.session)
                self.answered += own.accept(say.number)

    def sync(self, name: str) -> None:
        """A node's disk catches up."""
        replica = self.nodes[name].replica
        if is_dirty(replica) or replica.owed:
            self.take(name, Sync())

    def ask(self, name: str) -> None:
        """A client asks for something new, and for all that is open, some of it."""
        session = self.dice.choice(self.sessions)
        if len(session.open) < 3:
            command = Deposit("x", 5) if self.dice.random() < 0.6 else Transfer("x", "y", self.dice.randrange(1, 9))
            session.ask(self.dice.choice((None, None, None, self.nodes[name].gate.table.events)), command)
        asked = [each for each in session.again() if self.dice.random() < 0.8]
        by = int(session.name[1:]) + 1
        if asked:
            self.take(name, Batch(tuple((by, each, LEDGER.draw(self.dice)) for each in asked)))

    def hand_on(self, name: str) -> None:
        """A leader tells the others what it has."""
        if self.nodes[name].replica.role == LEADER:
            for peer in NODES:
                if peer != name:
                    self.take(name, Replicate(peer))

    def fold(self, name: str) -> None:
        """A node's gate is told a slice of what it has not been told."""
        self.take(name, FOLD)

    def stand(self, name: str) -> None:
        """A node has not heard of anybody."""
        if self.nodes[name].replica.role != LEADER:
            self.take(name, ElectionTimeout())

    def resign(self, name: str) -> None:
        """A leader has not heard of anybody."""
        self.take(name, Resign())

    def crash(self, name: str) -> None:
        """A node crashes and starts again."""
        self.nodes[name] = self.steps.service.restart(self.nodes[name])
        self.begin(name)

    def recordings(self) -> Recordings:
        """What all of them have written down."""
        for each in self.recorders.values():
            each.flush()
        paths = sorted(self.folder.glob("*.ndjson"))
        return {path.stem: [json.loads(line) for line in path.read_text().splitlines()] for path in paths}


def spoken(seed: int, folder: Path, moves: int = 1500, slices: Slices | None = None) -> Group:
    """A group that has run so long."""
    group = Group(seed, folder, slices)
    for _ in range(moves):
        group.move()
    return group


def names(paths: Sequence[Path]) -> list[str]:
    """The nodes of some recordings."""
    return [path.stem for path in paths]
