"""Everything that can happen next in the whole system, by name and arguments, and a walk that chooses among it.

A move is a plain value and can be printed and read again. Messages are named by their text, so a script means the same
when other moves are taken out of it: what cannot happen any more is passed over.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache
from itertools import product
from typing import Any, Final, NamedTuple, TypeAlias

from quorumlog.core.consensus.effects import Refused
from quorumlog.core.consensus.messages import Message, ServerId, is_addressed
from quorumlog.core.consensus.state import FOLLOWER
from quorumlog.ledger.books import EXCHANGE
from quorumlog.ledger.commands import Balance, Command, Deposit, Exchange, Total, Transfer, Withdraw
from quorumlog.sharding.clients import Operation, Way
from quorumlog.sharding.duties import GroupId, is_for_shards
from quorumlog.simulation.composed.groups import Group
from quorumlog.simulation.composed.state import Found
from quorumlog.simulation.composed.system import COORDINATOR, System

Arguments: TypeAlias = tuple[Any, ...]


class Move(NamedTuple):
    """Something that happens: the method of the system, and its arguments."""

    name: str
    arguments: Arguments

    def __str__(self) -> str:
        return f"{self.name}({', '.join(map(repr, self.arguments))})"


class Kind(NamedTuple):
    """A kind of move: the system's method, how often it is tried, whether it is a fault, and its possible arguments.

    What is on offer may be refused all the same. What is newest is offered last.
    """

    move: str
    weight: float
    fault: bool
    offers: Callable[[System], Iterable[Arguments]]


def take(system: System, move: Move) -> System | None:
    """The system after a move, or None where it cannot happen."""
    try:
        after: System = getattr(system, move.name)(*move.arguments)
    except Refused:
        return None
    return after


# -- what is on offer ------------------------------------------------------------------------------------------------


def nodes(system: System) -> Iterator[Arguments]:
    """Every node, with its group."""
    return ((g, i) for g, group in system.groups.items() for i in group.nodes)


def leaders(system: System) -> Iterator[tuple[str, str, Group]]:
    """Every node that leads, as far as it knows."""
    return ((g, i, group) for g, group in system.groups.items() for i, node in group.nodes.items() if node.leads)


def leaders_of(system: System) -> dict[GroupId, list[ServerId]]:
    """The nodes of each group that lead, as far as they know."""
    return {g: [i for i, node in group.nodes.items() if node.leads] for g, group in system.groups.items()}


def led(system: System) -> set[str]:
    """The groups in which somebody leads the last term, or stands in it."""
    found = set()
    for g, group in system.groups.items():
        replicas = [node.replica for node in group.nodes.values()]
        last = max(replica.term for replica in replicas)
        if any(replica.term == last and replica.role != FOLLOWER for replica in replicas):
            found.add(g)
    return found


def timeouts(system: System) -> Iterator[Arguments]:
    """Every node of a group in which nobody leads, or stands."""
    known = led(system)
    return ((g, i) for g, i in nodes(system) if g not in known)


def disturbances(system: System) -> Iterator[Arguments]:
    """Every node that could stand although somebody leads, or stands."""
    known = led(system)
    return ((g, i) for g, i in nodes(system) if g in known and not system.groups[g].nodes[i].leads)


def unsynced(system: System) -> Iterator[Arguments]:
    """Every node whose disk has something to do."""
    for g, i in nodes(system):
        replica = system.groups[g].nodes[i].replica
        if replica.owed or (replica.term, replica.log) != (replica.disk.term, replica.disk.log):
            yield g, i


def replications(system: System) -> Iterator[Arguments]:
    """Every leader and every other node of its group that is behind."""
    return ((g, i, j) for g, i, group in leaders(system) for j in group.nodes if j != i and is_behind(group, i, j))


def heartbeats(system: System) -> Iterator[Arguments]:
    """Every leader and every other node of its group."""
    return ((g, i, j) for g, i, group in leaders(system) for j in group.nodes if j != i)


def is_behind(group: Group, i: ServerId, j: ServerId) -> bool:
    """Whether leader i has something to tell node j."""
    leader, follower = group.nodes[i].replica, group.nodes[j].replica
    return leader.next_index[j] <= len(leader.log) or follower.commit_index < leader.commit_index


def deliveries(system: System) -> Iterator[Arguments]:
    """Every message, and every node to which it goes."""
    for g, group in system.groups.items():
        yield from addressed(g, group.network, tuple(group.nodes))


@lru_cache(maxsize=64)  # most moves leave most networks as they are, and there are many messages
def addressed(g: GroupId, network: tuple[Message, ...], nodes: tuple[ServerId, ...]) -> tuple[Arguments, ...]:
    """Every message of a group, and every node to which it goes."""
    return tuple([(g, i, message) for message, i in product(network, nodes) if is_addressed(message, i)])


def messages(system: System) -> Iterator[Arguments]:
    """Every message between nodes."""
    return ((g, message) for g, group in system.groups.items() for message in group.network)


def operations(system: System) -> Iterator[Arguments]:
    """Whatever an idle client may want."""
    idle = [name for name, caller in system.callers.items() if caller.doing is None]
    for command, way in wants(tuple(system.placement.fixed), system.operations % 3 + 1):
        yield from ((name, Operation(f"o{system.operations + 1}", command, way)) for name in idle)


def wants(accounts: tuple[str, ...], amount: int) -> Iterator[tuple[Command, Way]]:
    """What may be asked for. What comes last is chosen more often; between transfers is most that can go wrong."""
    pairs = [(source, target) for source, target in product(accounts, accounts) if source != target]
    yield Balance(EXCHANGE), "log"
    for account in accounts:
        yield Deposit(account, amount), "log"
        yield Withdraw(account, 2 * amount), "log"
    for source, target in pairs:
        yield Exchange(source, target, amount), "log"
        yield Transfer(source, target, 2 * amount), "log"
    for account in accounts:
        yield Balance(account), "log"
        yield Balance(account), "index"
    for _ in range(TOTALS):
        yield Total(), "log"
    for source, target in pairs:
        yield Transfer(source, target, 2 * amount), "log"


TOTALS: Final = 3
RATES: Final = (60, 140)  # of which any may be the rate of the moment


def sends(system: System) -> Iterator[Arguments]:
    """What clients have to send."""
    return ((name, g) for name, caller in system.callers.items() for g in caller.asks())


def requests(system: System) -> Iterator[Arguments]:
    """Every request, every node of its group, and every rate."""
    for asked in system.requests:
        yield from ((i, asked, rate) for i in system.groups[asked.group].nodes for rate in RATES)


def busy(system: System) -> Iterator[Arguments]:
    """Every client that waits."""
    return ((name,) for name, caller in system.callers.items() if caller.doing is not None)


def queries_to_send(system: System) -> Iterator[Arguments]:
    """Every client that wants to know what is on an account, and whose question is not on its way or asked twice."""
    asked: list[Any] = list(system.queries)
    for group in system.groups.values():
        asked += [query for node in group.nodes.values() for query in node.reads.waiting | node.reads.asking]
    known = [query.read for query in asked]
    for name, caller in system.callers.items():
        doing = caller.doing
        if doing is not None and doing.operation.way == "index" and known.count(doing.operation.id) < ASKED:
            yield (name,)


ASKED: Final = 2


def queries(system: System) -> Iterator[Arguments]:
    """Every such question, and every leader of its shard."""
    leading = leaders_of(system)
    for query in system.queries:
        yield from ((i, query) for i in leading[system.placement.home(query.account)])


def askers(system: System) -> Iterator[Arguments]:
    """Every leader with reads that wait."""
    return ((g, i) for g, i, group in leaders(system) if group.nodes[i].reads.waiting)


def questions(system: System) -> Iterator[Arguments]:
    """Every question to a quorum, and every other node of its group."""
    for g, question in system.questions:
        yield from ((j, g, question) for j in system.groups[g].nodes if j != question.sender)


def replies(system: System) -> Iterator[Arguments]:
    """Every reply to such a question."""
    return ((reply.to, g, reply) for g, reply in system.replies)


def letters(system: System) -> Iterator[Arguments]:
    """Every letter to a group, and every leader there."""
    leading = leaders_of(system)
    for letter in system.letters:
        if not isinstance(letter, Found):
            to = letter.shard if is_for_shards(letter) else COORDINATOR
            yield from ((i, letter) for i in leading[to])


def open_transfers(system: System) -> Iterator[Arguments]:
    """Every transfer that a leader of the coordinator's group has begun and not ended."""
    for g, i, group in leaders(system):
        if g == COORDINATOR:
            draft = group.nodes[i].gate.draft
            assert draft is not None, "it leads"
            yield from ((i, each) for each, known in draft.state.decisions.items() if known.stage == "begun")


def findings(system: System) -> Iterator[Arguments]:
    """Every answer of a leader that a quorum has confirmed, for which a client waits."""
    waiting = {caller.doing.operation.id for caller in system.callers.values() if caller.doing is not None}
    return ((letter,) for letter in system.letters if isinstance(letter, Found) and letter.read in waiting)


def readings(system: System) -> Iterator[Arguments]:
    """Every read model, and its shard."""
    return ((r, s) for r, model in system.readers.items() for s in model.copy)


def pushes(system: System) -> Iterator[Arguments]:
    """Every node, its shard, and every read model that subscribes there."""
    for g, i in nodes(system):
        yield from ((i, g, r) for r, sent in system.sources[i].sent.items() if sent is not None)


def subscribers(system: System) -> Iterator[Arguments]:
    """Every node, and every read model that subscribes there."""
    return ((i, r) for i, _, r in pushes(system))


def other_sources(system: System) -> Iterator[Arguments]:
    """Every read model, and every node that it does not follow."""
    for r, model in system.readers.items():
        (shard,) = model.copy
        yield from ((r, i) for i in system.groups[shard].nodes if i != model.source)


def behind(system: System) -> Iterator[Arguments]:
    """Every read model whose projection is being rebuilt."""
    return ((r, s) for r, s in readings(system) if system.readers[r].folded[s] < len(system.readers[r].copy[s]))


def each(name: str) -> Callable[[System], Iterator[Arguments]]:
    """Everything in one of the networks."""
    return lambda system: ((one,) for one in getattr(system, name))


KINDS: Final[dict[str, Kind]] = {
    "timeout": Kind("timeout", 3, False, timeouts),
    "disturb": Kind("timeout", 0.15, True, disturbances),
    "sync": Kind("sync", 15, False, unsynced),
    "replicate": Kind("replicate", 12, False, replications),
    "heartbeat": Kind("replicate", 1, False, heartbeats),
    "deliver": Kind("deliver", 40, False, deliveries),
    "lose": Kind("lose", 1, True, messages),
    "crash": Kind("crash", 0.4, True, nodes),
    "invoke": Kind("invoke", 25, False, operations),
    "send": Kind("send", 20, False, sends),
    "on_request": Kind("on_request", 40, False, requests),
    "hand_on": Kind("hand_on", 45, False, each("answers")),
    "replace_proxy": Kind("replace_proxy", 0.4, True, lambda system: ((),)),
    "give_up": Kind("give_up", 0.15, True, busy),
    "speak": Kind("speak", 20, False, lambda system: ((g, i) for g, i, _ in leaders(system))),
    "on_letter": Kind("on_letter", 40, False, letters),
    "give_up_transfer": Kind("give_up_transfer", 1, True, open_transfers),
    "told": Kind("told", 20, False, findings),
    "query": Kind("query", 6, False, queries_to_send),
    "on_query": Kind("on_query", 12, False, queries),
    "ask_quorum": Kind("ask_quorum", 15, False, askers),
    "on_question": Kind("on_question", 15, False, questions),
    "on_reply": Kind("on_reply", 20, False, replies),
    "lose_reply": Kind("lose_reply", 0.5, True, lambda system: iter(system.replies)),
    "lose_request": Kind("lose_request", 1, True, each("requests")),
    "lose_answer": Kind("lose_answer", 1, True, each("answers")),
    "lose_letter": Kind("lose_letter", 1, True, each("letters")),
    "ask_news": Kind("ask_news", 0.4, False, readings),
    "on_ask": Kind("on_ask", 1, False, each("asks")),
    "push_news": Kind("push_news", 1, False, pushes),
    "drop_subscriber": Kind("drop_subscriber", 1, True, subscribers),
    "on_news": Kind("on_news", 2, False, each("news")),
    "lose_news": Kind("lose_news", 1, True, each("news")),
    "switch_source": Kind("switch_source", 0.1, False, other_sources),
    "rebuild": Kind("rebuild", 0.1, False, readings),
    "look": Kind("look", 2, False, lambda system: product(system.callers, system.readers)),
    "replay": Kind("replay", 1, False, behind),
}
"""By name; most bear the name of the system's method."""
