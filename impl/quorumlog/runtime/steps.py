"""How a whole node takes a step for the driver: what it takes beside consensus, and what it says.

Clients' requests and reads gather in an `Inbox` and are taken at the end of a turn, all at once. Reads wait for one
question at a time. What is said to clients is a value of its own, so that nothing is said before it may be.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Final, Generic, TypeAlias, TypeVar, cast, final, get_args

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core import consistent_read
from quorumlog.core.consensus.effects import NOTHING, ImpossibleInput, Input, Refused, Replicate, Sync
from quorumlog.core.consensus.log import term_at
from quorumlog.core.consensus.messages import MESSAGE_TYPES, MESSAGES, AppendRequest, Message, ServerId
from quorumlog.core.consensus.replica import Replica
from quorumlog.core.consistent_read import PutQuestion, Question, ReadId, Reply
from quorumlog.core.leader_output import Asked, Say, Table
from quorumlog.core.two_phase_commit.messages import TransferId
from quorumlog.driver import Outcome
from quorumlog.ledger.forgetting import Letter
from quorumlog.node import Node, Service, Spoken
from quorumlog.persistent.strand import Dropped
from quorumlog.ports import Network
from quorumlog.pre_vote import PreVote
from quorumlog.runtime.lies import contradicts
from quorumlog.runtime.messages import Held
from quorumlog.runtime.slices import Slices, all_at_once

State = TypeVar("State")
Command = TypeVar("Command")
Event = TypeVar("Event")
Answer = TypeVar("Answer")
Randomness = TypeVar("Randomness")
Content = TypeVar("Content")
Result = TypeVar("Result")
Whole = TypeVar("Whole")
Taken = TypeVar("Taken")


class Batch(Struct, Generic[Command, Randomness], frozen=True):
    """Requests of clients, and what was drawn for each."""

    asked: tuple[Asked[Command, Randomness], ...]


class Called(Struct, frozen=True):
    """Reads are called."""

    reads: tuple[ReadId, ...]


class Fold(Struct, frozen=True):
    """Tell the gates a slice of what they have not been told."""


class AskQuorum(Struct, frozen=True):
    """Put a question for all reads that wait."""


class Acknowledged(Struct, frozen=True):
    """The world outside has received a message."""

    message: int


class Letters(Struct, frozen=True):
    """Letters of other groups arrive."""

    letters: tuple[Letter, ...]


class Speak(Struct, frozen=True):
    """Say to the other groups all that there is to say, for something may have been lost."""


class GiveUp(Struct, frozen=True):
    """A transfer has taken too long."""

    transfer: TransferId


OF_CONSENSUS: Final = frozenset(get_args(Input))
"""What consensus takes; most of what a server takes is that."""
ASK_QUORUM: Final = AskQuorum()
FOLD: Final = Fold()
SPEAK: Final = Speak()

AmongGroups: TypeAlias = Letters | Speak | GiveUp
NodeInput: TypeAlias = (
    Batch[Command, Randomness] | Called | AskQuorum | Fold | Acknowledged | Question | Reply | AmongGroups
)
"""What a node takes beside the inputs of consensus."""

PeerMessage: TypeAlias = Message | PreVote | Question | Reply | Letter | Held
"""What servers say to each other; letters go to other groups."""


class Loopback:
    """The network of a server that may say something to itself: a lone one, its vote. That is taken next."""

    def __init__(self, identity: ServerId, network: Network[PeerMessage], take: Callable[[Message], None]) -> None:
        self._identity = identity
        self._network = network
        self._take = take

    def send(self, message: PeerMessage) -> None:
        """To itself, or to others."""
        if type(message) in MESSAGE_TYPES and getattr(message, "to", None) == self._identity:
            self._take(cast(Message, message))
        else:
            self._network.send(message)


@final
class Readable(Struct, Generic[State, Answer, Content], frozen=True):
    """These reads may be answered, from this table."""

    reads: frozenset[ReadId]
    table: Table[State, Answer, Content]


class Inbox(Generic[Command, Randomness]):
    """What has come from clients since the last turn."""

    def __init__(self) -> None:
        self.asked: list[Asked[Command, Randomness]] = []
        self.called: list[ReadId] = []
        self.acknowledged: list[int] = []
        self.letters: list[Letter] = []
        self.bad = 0
        """How many messages of peers were impossible: somebody does not follow the protocol."""

    def __len__(self) -> int:
        return len(self.asked) + len(self.called)


class NodeSteps(Generic[State, Command, Event, Answer, Randomness, Content]):
    """The steps of a node under the rules of one application, in a group that knows of no others.

    `slices` say how much its gate is told in one step; all, if nothing else is said.
    """

    def __init__(
        self, service: Service[State, Command, Event, Answer, Randomness, Content], slices: Slices | None = None
    ) -> None:
        self.service = service
        self.slices = all_at_once() if slices is None else slices
        self.inbox: Inbox[Command, Randomness] = Inbox()

    def begin(self, node: Node[State, Answer, Content]) -> Node[State, Answer, Content]:
        """What is driven, when it starts."""
        return node

    def node(self, whole: Node[State, Answer, Content]) -> Node[State, Answer, Content]:
        """The node in what is driven."""
        return whole

    def with_replica(self, whole: Node[State, Answer, Content], replica: Replica) -> Node[State, Answer, Content]:
        """The same with another value for its part in consensus, an equal one."""
        return replace(whole, replica=replica)

    def is_for_us(self, letter: Letter) -> bool:
        """Whether a letter is for this group."""
        return False

    def overdue(self, whole: Node[State, Answer, Content]) -> Sequence[TransferId]:
        """The transfers that have been open since the last but one time that this was asked."""
        return ()

    def replica(self, whole: Node[State, Answer, Content]) -> Replica:
        """Its part in consensus."""
        return whole.replica

    def take(
        self, whole: Node[State, Answer, Content], taken: NodeInput[Command, Randomness] | Input
    ) -> Outcome[Node[State, Answer, Content], PeerMessage, Say[Answer] | Readable[State, Answer, Content]]:
        """A step. What a peer says that nobody may say is refused and counted: the core has not changed by it."""
        return guarded(self.inbox, self._take, whole, taken)

    def _take(
        self, whole: Node[State, Answer, Content], taken: NodeInput[Command, Randomness] | Input
    ) -> Outcome[Node[State, Answer, Content], PeerMessage, Say[Answer] | Readable[State, Answer, Content]]:
        service = self.service
        if type(taken) in OF_CONSENSUS:
            given: Any = taken
            refuse_lies(whole.replica, given)
            if whole.gate.drafts is not None or (type(given) is Sync and not whole.lags()):  # there is nothing to fold
                return said(*service.take(whole, given))
            if not (most := self.slices.allowed(whole, given)):
                return said(*service.take(whole, given, 0))
            return said(*self._told(whole, partial(service.take, whole, given, most)))
        if isinstance(taken, Batch):
            return said(*service.ask_all(whole, taken.asked))
        if isinstance(taken, Question):
            return Outcome(whole, NOTHING, (service.confirm(whole, taken),))
        if isinstance(taken, Reply):
            return read(*service.on_reply(whole, taken))
        if isinstance(taken, Called):
            return Outcome(service.read_all(whole, taken.reads), NOTHING)
        if isinstance(taken, AskQuorum):
            return read(*service.ask_quorum(whole))
        if isinstance(taken, Fold):
            self.slices.new_turn()
            return said(*self._told(whole, partial(service.fold, whole, self.slices.most)))
        if isinstance(taken, Acknowledged):
            return said(*service.acknowledge(whole, taken.message))
        if isinstance(taken, AmongGroups):
            raise Refused("there are no other groups")
        return said(*service.take(whole, taken))

    def _told(
        self,
        whole: Node[State, Answer, Content],
        step: Callable[[], tuple[Node[State, Answer, Content], Spoken[Answer]]],
    ) -> tuple[Node[State, Answer, Content], Spoken[Answer]]:
        """A step in which the gate may be told something, measured."""
        begun = self.slices.begun()
        after, spoken = step()
        self.slices.over(begun, whole, after)
        return after, spoken

    def gathered(self, whole: Node[State, Answer, Content]) -> NodeInput[Command, Randomness] | None:
        """One batch after the other."""
        return gathered(self.inbox, whole)

    def has_gathered(self, whole: Node[State, Answer, Content]) -> bool:
        """Whether there is a next one."""
        return has_gathered(self.inbox, whole)

    def beat(self, whole: Node[State, Answer, Content]) -> Sequence[Question]:
        """The question that is open is put again."""
        return (consistent_read.question(whole.reads),) if whole.reads.asking else ()


def gathered(inbox: Inbox[Command, Randomness], node: Node[Any, Any, Any]) -> NodeInput[Command, Randomness] | None:
    """What is to be taken next of what has come: reads first, for they wait for nothing but the peers."""
    if inbox.called:
        called, inbox.called = inbox.called, []
        return Called(tuple(called))
    if can_ask(node):
        return ASK_QUORUM
    if inbox.acknowledged:
        return Acknowledged(inbox.acknowledged.pop())
    if inbox.letters:
        letters, inbox.letters = inbox.letters, []
        return Letters(tuple(letters))
    if inbox.asked:
        asked, inbox.asked = inbox.asked, []
        return Batch(tuple(asked))
    return None


def has_gathered(inbox: Inbox[Any, Any], node: Node[Any, Any, Any]) -> bool:
    """Whether something is to be taken next of what has come."""
    waits = inbox.asked or inbox.called or inbox.acknowledged or inbox.letters
    return bool(waits) or can_ask(node)


def guarded(inbox: Inbox[Any, Any], step: Callable[[Whole, Taken], Result], whole: Whole, taken: Taken) -> Result:
    """Take a step. What another server says that nobody may say is refused and counted; the core has not changed.

    A member that lacks entries which were dropped, as they were on its disk, is sent none: it has lost its disk. What
    it is about may be dropped, too, when a message has been on its way for long.
    """
    try:
        return step(whole, taken)
    except Dropped as error:
        if not isinstance(taken, (*MESSAGES, Replicate)):
            raise
        raise Refused(f"{error}, and {type(taken).__name__} is about them") from error
    except (ImpossibleInput, LookupError) as error:
        if not isinstance(taken, (*MESSAGES, Question, Reply, Letters)):
            raise
        inbox.bad += 1
        raise Refused(f"another server has said what nobody may say: {error}") from error


def refuse_lies(replica: Replica, taken: object) -> None:
    """Refuse what would reach the disk as a lie: more may be decided than there was when it came."""
    if type(taken) is AppendRequest and contradicts(replica, taken):
        raise ImpossibleInput(f"{taken.sender} hands on other entries than those that are decided")


def can_ask(node: Node[Any, Any, Any]) -> bool:
    """Whether reads wait, no question is open, and the leader knows what is committed. Spec: ConsistentRead!Ask."""
    reads, replica = node.reads, node.replica
    return bool(reads.waiting) and not reads.asking and term_at(replica.log, replica.commit_index) == reads.leads


def said(
    node: Node[State, Answer, Content], spoken: Spoken[Answer]
) -> Outcome[Node[State, Answer, Content], PeerMessage, Say[Answer] | Readable[State, Answer, Content]]:
    """A step of consensus or of the gate for commands."""
    return Outcome(node, spoken.effects, (), spoken.answers)


def read(
    node: Node[State, Answer, Content], effects: Sequence[consistent_read.GateEffect]
) -> Outcome[Node[State, Answer, Content], PeerMessage, Say[Answer] | Readable[State, Answer, Content]]:
    """A step of the gate for reads."""
    posted = [each.question for each in effects if isinstance(each, PutQuestion)]
    answers = [Readable(each.reads, node.gate.table) for each in effects if isinstance(each, consistent_read.Answer)]
    return Outcome(node, NOTHING, posted, answers)
