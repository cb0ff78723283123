"""The stage of a transcript: performs its commands on a `Cluster`, step by step, and says what each step changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, cast

from msgspec import Struct

from quorumlog.core.consensus import log
from quorumlog.core.consensus.durability import is_dirty
from quorumlog.core.consensus.effects import (
    NOTHING,
    Effects,
    ElectionTimeout,
    ImpossibleInput,
    Input,
    Propose,
    Refused,
    Replicate,
    Send,
    Sync,
)
from quorumlog.core.consensus.messages import Message, ServerId, VoteRequest
from quorumlog.core.consensus.replica import step
from quorumlog.core.consensus.state import LEADER
from quorumlog.pre_vote import (
    NOBODY,
    PRE_VOTES,
    Ask,
    Asking,
    Judged,
    PreVote,
    PreVoteRequest,
    Tick,
    judge,
)
from quorumlog.simulation.cluster import Cluster
from quorumlog.simulation.pre_vote import Electorate
from quorumlog.simulation.transcript import words
from quorumlog.simulation.transcript.script import Command

ROUNDS: Final = 100  # of a settling: far more than any script needs, so one that takes more has no end

Argument: TypeAlias = ServerId | Message | PreVote
Move: TypeAlias = Callable[[Cluster], Cluster]
Parcel: TypeAlias = tuple[Message | PreVote, ServerId]


class Step(Struct, frozen=True):
    """One step that was tried: the spec's action, its arguments, and the cluster before it and after it.

    There is nothing after a step that was refused.
    """

    action: str
    arguments: tuple[Argument, ...]
    before: Cluster
    after: Cluster | None


class Stage:
    """A cluster on which commands are performed."""

    def __init__(self, begin: Command) -> None:
        self.cluster: Cluster = Cluster.of(begin.servers, begin.batch)
        self.steps: list[Step] = []
        self.said: list[str] = []
        self.loud = True
        self._waiting: dict[Parcel, None] = {}  # what has not arrived yet, the oldest first
        self._arrived: dict[Parcel, None] = {}  # what has, and may arrive again
        self._cut: set[tuple[ServerId, ServerId]] = set()
        for leader in begin.others:
            self._elect(leader)
        if begin.asks:
            self._begin_to_ask(begin.others)

    def perform(self, command: Command) -> list[str]:
        """Performs a command; what is to be printed."""
        self.said = []
        if command.verb != "cluster":
            PERFORMERS[command.verb](self, command)
        return self.said

    # -- steps -----------------------------------------------------------------------------------------------

    def own_step(self, action: str, server: ServerId, taken: Input | Asking, move: Move, *arguments: Argument) -> None:
        """A step that a server takes by itself."""
        self._tell(server, self._take(action, (server, *arguments), server, taken, move))

    def timeout(self, server: ServerId) -> None:
        """Stands for election."""
        self.own_step("Timeout", server, ElectionTimeout(), lambda cluster: cluster.timeout(server))

    def sync(self, server: ServerId) -> None:
        """Lets the disk catch up."""
        self.own_step("Sync", server, Sync(), lambda cluster: cluster.sync(server))

    def ask(self, server: ServerId) -> None:
        """Asks the others whether it may stand."""
        number = asking(self.cluster).askers[server].attempt + 1
        self.own_step("Ask", server, Ask(number), lambda cluster: asking(cluster).ask(server))

    def tick(self, server: ServerId) -> None:
        """An election time-out passes."""
        self.own_step("Tick", server, Tick(), lambda cluster: asking(cluster).tick(server))

    def propose(self, server: ServerId, event: str) -> None:
        """Appends an event."""
        self.own_step("Propose", server, Propose((event,)), lambda cluster: cluster.propose(server, event), event)

    def replicate(self, server: ServerId, peer: ServerId) -> None:
        """Hands on a slice."""
        self.own_step("Replicate", server, Replicate(peer), lambda cluster: cluster.replicate(server, peer), peer)

    def crash(self, server: ServerId) -> None:
        """Stops and starts again."""
        before = self.cluster
        if self._take("Crash", (server,), None, None, lambda cluster: cluster.crash(server)) is not None:
            self._tell(server, ["crashes", *words.facts(before, self.cluster, server, NOTHING, crashed=True)])

    def arrive(self, parcel: Parcel) -> None:
        """A message arrives."""
        message, to = parcel
        self._waiting.pop(parcel, None)
        self._arrived.pop(parcel, None)
        self._arrived[parcel] = None
        kind = type(message)
        found = self._take(f"On{kind.__name__}", (to, message), to, message, lambda cluster: arrived(cluster, parcel))
        self._tell(f"{message.sender} → {to}", [words.message_text(message)])
        self._tell(f"  {to}", found)

    def lose(self, message: Message | PreVote) -> None:
        """A message is lost, for everybody."""
        action = "LosePreVote" if isinstance(message, PRE_VOTES) else "Lose"
        if self._take(action, (message,), None, None, lambda cluster: lost(cluster, message)) is not None:
            to = words.EVERYBODY if isinstance(message, (VoteRequest, PreVoteRequest)) else message.to
            self._tell(f"{message.sender} → {to}", [f"lost: {words.message_text(message)}"])
        for parcels in (self._waiting, self._arrived):
            for parcel in [each for each in parcels if each[0] == message]:
                del parcels[parcel]

    def _take(
        self,
        action: str,
        arguments: tuple[Argument, ...],
        server: ServerId | None,
        taken: Input | Asking | None,
        move: Move,
    ) -> list[str] | None:
        """Takes a step; what it changed for the server, or None if it was refused, which is always said."""
        before = self.cluster
        try:
            after = move(before)
        except Refused as refused:
            self.steps.append(Step(action, arguments, before, None))
            self.said += words.lines("", [f"refused: {refused}"])
            return None
        except ImpossibleInput as impossible:
            self.said += words.lines("", [f"impossible: {impossible}"])
            return None
        self.steps.append(Step(action, arguments, before, after))
        self.cluster = after
        if server is None or taken is None:
            return []
        effects, sent = done(before, server, taken)
        for effect in effects:
            if isinstance(effect, Send):
                self._send(effect.message)
        facts = words.facts(before, after, server, effects)
        if isinstance(before, Electorate) and isinstance(after, Electorate):
            facts += words.contact_facts(
                before.contact(server), after.contact(server), sent, leads=after.replicas[server].role == LEADER
            )
        if sent is not None:
            self._send(sent)
        return facts or ["nothing changes"]

    def _send(self, message: Message | PreVote) -> None:
        everybody = [each for each in self.cluster.servers if each != message.sender]
        for to in everybody if isinstance(message, (VoteRequest, PreVoteRequest)) else [message.to]:
            self._waiting.setdefault((message, to))

    def _tell(self, who: str, parts: list[str] | None) -> None:
        if self.loud and parts:
            self.said += words.lines(who, parts)

    # -- messages by their beginning -------------------------------------------------------------------------

    def find(self, command: Command, parcels: Mapping[Parcel, None]) -> Parcel | None:
        """The first parcel between these servers whose message begins as the command says."""
        (sender,), (to,) = command.servers, command.others
        for message, receiver in parcels:
            text = f"{words.message_text(message)} "
            if (
                message.sender == sender
                and to in (words.EVERYBODY, receiver)
                and text.startswith(" ".join([*command.words, ""]))
            ):
                return message, receiver
        self.said += words.lines("", [f"refused: no {' '.join(command.words)} from {sender} to {to}"])
        return None

    def passes(self, parcel: Parcel) -> bool:
        """Whether nothing cuts the parcel's way."""
        return (parcel[0].sender, parcel[1]) not in self._cut

    def deliver(self, command: Command) -> None:
        """The oldest such message that has not arrived yet arrives."""
        self._hand_over(self.find(command, self._waiting))

    def repeat(self, command: Command) -> None:
        """Such a message that has arrived before arrives once more, the latest if there are several."""
        self._hand_over(self.find(command, dict.fromkeys(reversed(self._arrived))))

    def _hand_over(self, parcel: Parcel | None) -> None:
        if parcel is not None and not self.passes(parcel):
            self.said += words.lines("", ["refused: the way is cut"])
        elif parcel is not None:
            self.arrive(parcel)

    def lose_one(self, command: Command) -> None:
        """The oldest such message is lost; one that has arrived does not arrive again."""
        parcel = self.find(command, {**self._waiting, **self._arrived})
        if parcel is not None:
            self.lose(parcel[0])

    def lose_all(self, _: Command) -> None:
        """No message that is on its way arrives, or arrives again."""
        loud, self.loud = self.loud, False
        waited = len(self._waiting)
        for message in dict.fromkeys([message for message, _ in (*self._waiting, *self._arrived)]):
            self.lose(message)
        self.loud = loud
        self._tell("* → *", [f"lost: {waited} that had not arrived" if waited else "lost: nothing new"])

    # -- commands that are made of many steps ----------------------------------------------------------------

    def settle(self, among: tuple[ServerId, ...]) -> None:
        """Syncs and deliveries among these servers, in a fixed order, until there is nothing left to do.

        When all is quiet, a leader replicates to those who lag, as its timer would have it do.
        """
        for _ in range(ROUNDS):
            if not (self._sync_all(among) | self._arrive_all(among) or self._replicate_all(among)):
                return
        self.said += words.lines("", ["does not settle"])

    def _sync_all(self, among: tuple[ServerId, ...]) -> bool:
        replicas = self.cluster.replicas
        waits = [each for each in among if replicas[each].owed or is_dirty(replicas[each])]
        for server in waits:
            self.sync(server)
        return bool(waits)

    def _arrive_all(self, among: tuple[ServerId, ...]) -> bool:
        ready = [each for each in self._waiting if {each[0].sender, each[1]} <= set(among) and self.passes(each)]
        for parcel in ready:
            self.arrive(parcel)
        return bool(ready)

    def _replicate_all(self, among: tuple[ServerId, ...]) -> bool:
        lagging = [(i, j) for i in among for j in among if i != j and (i, j) not in self._cut and self._lags(i, j)]
        for leader, peer in lagging:
            self.replicate(leader, peer)
        return bool(lagging)

    def _lags(self, i: ServerId, j: ServerId) -> bool:
        leader, peer = self.cluster.replicas[i], self.cluster.replicas[j]
        if leader.role != LEADER or peer.term > leader.term or (j, i) in self._cut:
            return False
        return leader.match_index[j] < log.last_index(leader.log) or peer.commit_index < leader.commit_index

    def _elect(self, leader: ServerId) -> None:
        """What comes before the story: the server is elected, and everybody knows its first entry to be decided."""
        loud, self.loud = self.loud, False
        self.timeout(leader)
        self.settle(self.cluster.servers)
        for message in sorted(self.cluster.network, key=lambda each: (each.sender, words.addressed_text(each))):
            self.lose(message)
        self.loud = loud

    def _begin_to_ask(self, leaders: tuple[ServerId, ...]) -> None:
        """The story begins, of servers that ask before they stand. Everybody else has just heard the leader."""
        electorate = Electorate.among(self.cluster)
        for leader in leaders:
            electorate = electorate.knows(leader, NOBODY)
        self.cluster, self.steps = electorate, []

    def cut(self, left: tuple[ServerId, ...], right: tuple[ServerId, ...]) -> None:
        """Nothing passes between the two groups."""
        self._cut |= {pair for i in left for j in right for pair in ((i, j), (j, i))}

    def heal(self) -> None:
        """Everything passes again; what waited is still on its way."""
        self._cut.clear()

    # -- what is shown ---------------------------------------------------------------------------------------

    def show(self, servers: tuple[ServerId, ...]) -> None:
        """Prints these servers."""
        self.said += words.replica_lines([self.cluster.replicas[each] for each in servers])

    def waiting(self) -> None:
        """Prints what has not arrived yet."""
        found = [
            words.lines(f"{message.sender} → {to}", [words.message_text(message)]) for message, to in self._waiting
        ]
        self.said += [line for each in found for line in each] or ["waiting: nothing"]

    def decided(self) -> None:
        """Prints what is decided."""
        self.said += [f"decided: {words.entries_text(self.cluster.decided) or 'nothing'}"]

    def be_loud(self, loud: bool) -> None:
        """Says from now on what each step does, or not."""
        self.loud = loud


def asking(cluster: Cluster) -> Electorate:
    """The cluster, of servers that ask before they stand: scripts have `ask` and `tick` for these only."""
    assert isinstance(cluster, Electorate)
    return cluster


def arrived(cluster: Cluster, parcel: Parcel) -> Cluster:
    """The cluster when a message has arrived."""
    message, to = parcel
    if isinstance(message, PRE_VOTES):
        return asking(cluster).hear(to, message, type(message))
    return cluster.deliver(to, message, type(message))


def lost(cluster: Cluster, message: Message | PreVote) -> Cluster:
    """The cluster when a message is lost."""
    return asking(cluster).lose_pre_vote(message) if isinstance(message, PRE_VOTES) else cluster.lose(message)


def done(before: Cluster, server: ServerId, taken: Input | Asking) -> tuple[Effects, PreVote | None]:
    """The same pure step once more, for what it sends."""
    judged = Judged(NOBODY, then=cast(Input, taken))
    if isinstance(before, Electorate):
        judged = judge(before.contact(server), before.replicas[server], taken)
    effects = NOTHING if judged.then is None else step(before.replicas[server], judged.then)[1]
    return effects, judged.sent


Performer: TypeAlias = Callable[[Stage, Command], None]


def _propose(stage: Stage, command: Command) -> None:
    for event in command.words:
        stage.propose(command.servers[0], event)


PERFORMERS: Final[Mapping[str, Performer]] = {
    "timeout": lambda stage, command: stage.timeout(*command.servers),
    "ask": lambda stage, command: stage.ask(*command.servers),
    "tick": lambda stage, command: stage.tick(*command.servers),
    "sync": lambda stage, command: stage.sync(*command.servers),
    "crash": lambda stage, command: stage.crash(*command.servers),
    "propose": _propose,
    "replicate": lambda stage, command: stage.replicate(*command.servers),
    "deliver": Stage.deliver,
    "repeat": Stage.repeat,
    "lose": Stage.lose_one,
    "lose all": Stage.lose_all,
    "settle": lambda stage, command: stage.settle(command.servers),
    "cut": lambda stage, command: stage.cut(command.servers, command.others),
    "heal": lambda stage, command: stage.heal(),
    "quiet": lambda stage, command: stage.be_loud(False),
    "loud": lambda stage, command: stage.be_loud(True),
    "show": lambda stage, command: stage.show(command.servers),
    "waiting": lambda stage, command: stage.waiting(),
    "decided": lambda stage, command: stage.decided(),
}
