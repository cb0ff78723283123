"""A server of a group among groups: a node, what it has heard from other groups, and who waits for a transfer's end.

One step is one function, from values to values; what is to be sent and said comes with it. Letters to other groups are
said as soon as the entry that calls for them is decided, again when somebody asks again, and all of them by `speak`,
which is to be called now and then: whatever is lost is said once more. Only a leader says anything.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Effects, Input, Refused
from quorumlog.core.consensus.messages import ServerId
from quorumlog.core.event_sourcing import Application
from quorumlog.core.leader_output import Asked, Entry, Executed, LeaderOutput, Request, Say, no_messages
from quorumlog.core.two_phase_commit.coordinator import Tally
from quorumlog.core.two_phase_commit.messages import Acknowledgement, Prepare, TransferId
from quorumlog.ledger.forgetting import Letter
from quorumlog.ledger.ledger import Rate
from quorumlog.node import ALL, Node, Service, Spoken
from quorumlog.sharding.duties import NOTHING_HEARD, CoordinatorDuty, Duty, Open, about, is_for_shards

TheNode: TypeAlias = Node[Any, Any, Any]
TheService: TypeAlias = Service[Any, Any, Any, Any, Rate, Any]
TheApplication: TypeAlias = Application[Any, Any, Any, Any, Rate]
Answers: TypeAlias = tuple[Say[Any], ...]

ORDERS: Final = "orders "
"""How the sessions begin of what leaders order that no client asked for: for another group, or for the coordinator.

Each term has one, so that two leaders do not number their orders alike. Clients have no use of such sessions.
"""

ITSELF: Final = "itself"
"""Who asks for it. Nobody waits for the answer."""

NO_RATE: Final[Rate] = 100
"""What is drawn for an order: nothing in it is open."""


class Server(Struct, frozen=True):
    """A node; what it has heard of other groups while it leads; and answers that wait until a transfer has ended."""

    node: TheNode
    tally: Tally = NOTHING_HEARD
    held: Answers = ()

    @property
    def leads(self) -> bool:
        """Whether it leads, as far as it knows."""
        return self.node.leads

    @property
    def committed(self) -> Any:
        """The application's state that everything said comes from."""
        return self.node.gate.table.state

    @property
    def draft(self) -> Any:
        """The application's state on which it decides. Raises `Refused` if it does not lead."""
        draft = self.node.gate.draft
        if draft is None:
            raise Refused(f"{self.node.replica.identity} does not lead")
        return draft.state


class Said(Struct, frozen=True):
    """What follows from a step: what consensus does, to be carried out first, then the answers and the letters."""

    effects: Effects = ()
    answers: Answers = ()
    letters: tuple[Letter, ...] = ()


class Serving(Struct, frozen=True):
    """The steps of a group's servers: the service of its nodes, and its duty to the other groups."""

    service: TheService
    duty: Duty

    @classmethod
    def of(cls, application: TheApplication, duty: Duty) -> Serving:
        """A group that serves an application."""
        return cls(Service(LeaderOutput(application, no_messages)), duty)

    def begin(self, identity: ServerId, members: tuple[ServerId, ...], batch: int) -> Server:
        """A server that has never run."""
        return Server(self.service.begin(identity, members, batch))

    def restart(self, server: Server) -> Server:
        """What is left of a server after a crash."""
        return Server(self.service.restart(server.node))

    # -- consensus and clients ----------------------------------------------------------------------------------

    def take(self, server: Server, taken: Input, most: int = ALL) -> tuple[Server, Said]:
        """An input of consensus; the gate folds up to `most` entries."""
        return self.after(server, *self.service.take(server.node, taken, most))

    def fold(self, server: Server, most: int) -> tuple[Server, Said]:
        """The gate folds a slice of what it has not been told. Spec: LeaderOutput!Commit."""
        return self.after(server, *self.service.fold(server.node, most))

    def ask(self, server: Server, asked: Iterable[Asked[Any, Rate]]) -> tuple[Server, Said]:
        """Requests of clients arrive. Spec: LeaderOutput!OnRequest."""
        clients = [each for each in asked if not each[1].session.startswith(ORDERS)]
        return self.after(server, *self.service.ask_all(server.node, clients))

    # -- letters ------------------------------------------------------------------------------------------------

    def hear(self, server: Server, letters: Iterable[Letter]) -> tuple[Server, Said]:
        """Letters arrive. Raises `Refused` if the server does not lead, or one of them is for another group.

        What follows from them is ordered; where nothing does, since it was heard before, the answer is said again.
        """
        tally, draft = server.tally, server.draft
        commands: list[object] = []
        again: list[Letter] = []
        for letter in letters:
            tally, command = self.duty.hears(draft, tally, letter)
            if command is not None and self.calls_for_events(draft, command):
                commands.append(command)
            else:
                again += self.reply(server, tally, letter)
        after, said = self.order(replace(server, tally=tally), commands)
        return after, replace(said, letters=(*said.letters, *again))

    def reply(self, server: Server, tally: Tally, letter: Letter) -> Iterable[Letter]:
        """What is to be said again to whoever has sent a letter, if it is of a transfer.

        A shard that answers is not asked the same again: a decision that is not committed yet would make questions of
        answers, and twice as many answers of those, until it is.
        """
        transfer = getattr(letter, "transfer", None)
        if transfer is None:
            return []
        name: TransferId = transfer if isinstance(transfer, str) else transfer.id
        said = self.duty.says(server.committed, tally, (name,))
        return [each for each in said if each.shard == letter.shard and self.answers(each, letter)]

    @staticmethod
    def answers(said: Letter, letter: Letter) -> bool:
        """Whether one letter may be said in answer to another. Who has acknowledged a decision has heard it."""
        if isinstance(letter, Acknowledgement):
            return False
        return is_for_shards(said) != is_for_shards(letter) and not isinstance(said, Prepare)

    def order(self, server: Server, commands: Iterable[object]) -> tuple[Server, Said]:
        """A leader orders what no client has asked for. The answers are nobody's, and kept until they are decided."""
        gate, session = server.node.gate, f"{ORDERS}{server.node.replica.term}"
        assert gate.draft is not None, "it leads"
        last, received = gate.draft.session(session).last, gate.table.session(session).last
        asked = [
            (ITSELF, Request(session, number, received, None, command), NO_RATE)
            for number, command in enumerate(commands, last + 1)
        ]
        return self.after(server, *self.service.ask_all(server.node, asked)) if asked else (server, Said())

    def calls_for_events(self, draft: Any, command: object) -> bool:
        """Whether a command becomes anything; what was obeyed before need not be written down again."""
        return bool(self.service.rules.application.decide(draft, command, NO_RATE))

    def speak(self, server: Server) -> tuple[Letter, ...]:
        """All that there is to say, from the committed state. Raises `Refused` if the server does not lead.

        Specs: TransactionCoordinator!Speaks, ReplicatedTwoPhaseCommit!SpeakShard.
        """
        if not server.leads:
            raise Refused(f"{server.node.replica.identity} does not lead")
        return tuple(self.duty.says(server.committed, server.tally))

    def give_up(self, server: Server, transfer: TransferId) -> tuple[Server, Said]:
        """A transfer has taken too long for the coordinator. Spec: TransactionCoordinator!GivesUp."""
        if not isinstance(self.duty, CoordinatorDuty):
            raise Refused("only the coordinator gives up")
        tally, command = self.duty.gives_up(server.draft, server.tally, transfer)
        return self.order(replace(server, tally=tally), [command])

    # -- inside -------------------------------------------------------------------------------------------------

    def after(self, server: Server, node: TheNode, spoken: Spoken[Any]) -> tuple[Server, Said]:
        """The server after a step of its node, and what follows.

        What it has heard, and who waits, it forgets when it begins to lead or leads no more.
        """
        same = node.leads == server.node.leads
        if same and not spoken.answers and not spoken.told:
            return Server(node, server.tally, server.held), Said(spoken.effects)
        tally, held = (server.tally, server.held) if same else (NOTHING_HEARD, ())
        state = node.gate.table.state
        changed = tuple(dict.fromkeys(about(decided_events(spoken.told))))
        answers: list[Say[Any]] = []
        still = {} if changed else dict.fromkeys(held)
        for say in (*held, *spoken.answers) if changed else spoken.answers:
            told = self.duty.told(state, say.answer.said)
            if isinstance(told, Open):
                still[say] = None
            elif say.to != ITSELF:
                answers.append(replace(say, answer=replace(say.answer, said=told)))
        letters = tuple(self.duty.says(state, tally, changed)) if changed and node.leads else ()
        return Server(node, tally, tuple(still)), Said(spoken.effects, tuple(answers), letters)


def decided_events(told: Iterable[Entry[Any]]) -> Iterator[object]:
    """The events of the application in these entries."""
    for entry in told:
        if isinstance(entry, Executed) and isinstance(entry.events, tuple):
            yield from entry.events
