"""What must hold of leaders' output, in every state and of every step, written from the words of the specs.

The functions bear the names of the properties of Reigns and LeaderOutput. Each is about one node, one answer or one
message where it can be, so that it reads no more than it needs; `over` says what of: `n` a node, `s` a session, `r` an
answer, `o` a message to the outside.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from quorumlog.core.leader_output import Acknowledged, Conflict, Executed
from quorumlog.simulation.leader_output import Given, Log, NodeId, Sent, Speaking, starts_with

Decisions = tuple[Executed[str], ...]


def decided(world: Speaking) -> Log:
    """All that is decided, in whichever reign. Spec: Reigns!Decided."""
    return max((reign.settled for reign in world.reign), key=len, default=())


def commands(log: Log) -> Decisions:
    """The entries that are commands."""
    return tuple(entry for entry in log if isinstance(entry, Executed))


def acknowledged(log: Log) -> frozenset[int]:
    """The messages to the outside whose acknowledgements are in a log."""
    return frozenset(entry.message for entry in log if isinstance(entry, Acknowledged))


def to_be_told(world: Speaking) -> tuple[str, ...]:
    """The decided events of which the outside is to be told, in order."""
    found: list[str] = []
    for entry in commands(decided(world)):
        if not isinstance(entry.events, Conflict):
            found += world.rules.messages(0, entry.events)
    return tuple(found)


# -- in every state -----------------------------------------------------------------------------------------


def numbers_are_natural(world: Speaking, n: NodeId) -> bool:
    """No number is below zero, and no answer is kept that was not given."""
    node = world.nodes[n]
    table = node.gate.table
    sessions = table.sessions.values()
    return (
        min(node.follows, node.gate.applied, table.events, table.made - len(table.pending)) >= 0
        and all(session.last >= len(session.kept) for session in sessions)
        and all(entry.number > 0 and entry.received >= 0 for entry in commands(node.log))
    )


def leaders_reign(world: Speaking, n: NodeId) -> bool:
    """Who believes to lead was elected in his term, and has that reign's log."""
    node = world.nodes[n]
    if not node.gate.leads:
        return True
    reign = world.reign_of(node.follows)
    return reign is not None and reign.leader == n and reign.log == node.log


def reigns_agree(world: Speaking) -> bool:
    """No two reigns have decided different things."""
    everything = decided(world)
    return all(starts_with(everything, reign.settled) for reign in world.reign)


def applied_is_decided(world: Speaking, n: NodeId) -> bool:
    """What a node has applied is in its log, and is decided."""
    node = world.nodes[n]
    applied = node.log[: node.gate.applied]
    return len(applied) == node.gate.applied and starts_with(decided(world), applied)


def answer_is_decided(world: Speaking, r: Given) -> bool:
    """What is answered is the event decided for the command, at its place."""
    events = 0
    for entry in commands(decided(world)):
        conflict = isinstance(entry.events, Conflict)
        events += not conflict
        if (entry.session, entry.number) == (r.said.session, r.said.number):
            said = r.said.answer.said
            right = isinstance(said, Conflict) if isinstance(entry.events, Conflict) else (said,) == entry.events
            if right and r.said.answer.at == events:
                return True
    return False


def one_answer(world: Speaking) -> bool:
    """No two answers to one command differ."""
    found: dict[tuple[str, int], object] = {}
    return all(
        found.setdefault((each.said.session, each.said.number), each.said.answer) == each.said.answer
        for each in world.answers
    )


def at_most_once(world: Speaking) -> bool:
    """No command takes effect twice."""
    names = [(entry.session, entry.number) for entry in commands(decided(world))]
    return len(names) == len(set(names))


def session_order(world: Speaking) -> bool:
    """The commands of a session take effect in their order, none left out."""
    seen: set[tuple[str, int]] = set()
    for entry in commands(decided(world)):
        if entry.number > 1 and (entry.session, entry.number - 1) not in seen:
            return False
        seen.add((entry.session, entry.number))
    return True


def leader_spoke(world: Speaking, said: Given | Sent) -> bool:
    """What was said was said by the leader of that term."""
    reign = world.reign_of(said.term)
    return reign is not None and reign.leader == said.sender


def others_are_silent(world: Speaking, n: NodeId) -> bool:
    """Nobody waits at a node that does not lead."""
    gate = world.nodes[n].gate
    return gate.leads or not gate.waiting


def forgotten_is_received(world: Speaking, n: NodeId) -> bool:
    """An answer is forgotten only if the client has it."""
    sessions = world.nodes[n].gate.table.sessions
    return all(session.forgotten <= world.got[name].received for name, session in sessions.items())


def table_is_fold(world: Speaking, n: NodeId) -> bool:
    """What a gate holds is what the log makes."""
    node = world.nodes[n]
    rules, gate = world.rules, node.gate
    return gate.table == rules.fold(rules.empty(), node.log[: gate.applied]) and (
        gate.draft is None or gate.draft == rules.fold(rules.empty(), node.log)
    )


def sent_is_decided(world: Speaking, o: Sent) -> bool:
    """What is told to the outside is decided, and bears its number."""
    contents = to_be_told(world)
    return o.message.number <= len(contents) and contents[o.message.number - 1] == o.message.content


def next_waits(world: Speaking, o: Sent) -> bool:
    """A message is not sent before the acknowledgements of all earlier ones are decided."""
    return acknowledged(decided(world)) >= set(range(1, o.message.number))


def outside_in_order(world: Speaking) -> bool:
    """The outside receives messages in order, without a gap."""
    return [message.number for message in world.outside] == list(range(1, len(world.outside) + 1))


def acknowledged_is_received(world: Speaking) -> bool:
    """Nothing is taken for acknowledged that the outside has not received."""
    return max(acknowledged(decided(world)), default=0) <= len(world.outside)


# -- of every step ------------------------------------------------------------------------------------------


def only_leaders_speak(before: Speaking, after: Speaking) -> bool:
    """Only who leads, and has not been told otherwise, says anything."""
    new: list[Given | Sent] = [*(after.answers - before.answers), *(after.sent - before.sent)]
    return all(before.nodes[each.sender].gate.leads for each in new)


def answers_stand(before: Speaking, after: Speaking, s: str) -> bool:
    """An answer, once received, is not taken back."""
    pairs = zip(before.got[s].got, after.got[s].got, strict=False)
    return all(old is None or old == new for old, new in pairs)


def refines_log(before: Speaking, after: Speaking) -> bool:
    """What is decided stays decided."""
    return starts_with(decided(after), decided(before))


INVARIANTS: Final[Mapping[str, tuple[tuple[Callable[..., bool], str], ...]]] = {
    "TypeOK": ((numbers_are_natural, "n"),),
    "LeadersReign": ((leaders_reign, "n"),),
    "ReignsAgree": ((reigns_agree, ""),),
    "AppliedIsDecided": ((applied_is_decided, "n"),),
    "AnswersAreDecided": ((answer_is_decided, "r"),),
    "OneAnswer": ((one_answer, ""),),
    "AtMostOnce": ((at_most_once, ""),),
    "SessionOrder": ((session_order, ""),),
    "LeadersSpeak": ((leader_spoke, "r"), (leader_spoke, "o")),
    "OthersAreSilent": ((others_are_silent, "n"),),
    "ForgottenIsReceived": ((forgotten_is_received, "n"),),
    "TableIsFold": ((table_is_fold, "n"),),
    "SentIsDecided": ((sent_is_decided, "o"),),
    "NextWaits": ((next_waits, "o"),),
    "OutsideInOrder": ((outside_in_order, ""),),
    "AcknowledgedIsReceived": ((acknowledged_is_received, ""),),
}

STEP_PROPERTIES: Final[Mapping[str, tuple[Callable[..., bool], str]]] = {
    "OnlyLeadersSpeak": (only_leaders_speak, ""),
    "AnswersStand": (answers_stand, "s"),
    "RefinesLog": (refines_log, ""),
}
