"""The design that is rejected: replicate commands, and let each node derive the events for itself.

Consensus is perfect here: there is one log of commands, and all nodes read it in the same order. Yet a command that may
become one of several events (an exchange rate, a clock, a new identifier) becomes another one on each node. After a
change of leader, or a mere restart, what clients were told is no longer true. So `quorumlog` replicates events.
The class exists so that the spec's counterexample can be replayed on code. Spec: CommandReplication.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Final, TypeAlias, TypedDict, Unpack

from msgspec import Struct
from msgspec.structs import replace

from quorumlog.core.consensus.effects import Refused
from quorumlog.persistent.frozen_map import FrozenMap

NodeId: TypeAlias = str
Command: TypeAlias = str
Event: TypeAlias = str
State: TypeAlias = Hashable
Derive: TypeAlias = FrozenMap[Command, frozenset[Event]]
Evolve: TypeAlias = Callable[[State, Event], State]


class Parts(TypedDict, total=False):
    """The parts that a step may replace."""

    commands: tuple[Command, ...]
    events: FrozenMap[NodeId, tuple[Event, ...]]
    state: FrozenMap[NodeId, State]
    leader: NodeId
    answered: tuple[Event, ...]


class CommandReplication(Struct, frozen=True, cache_hash=True):
    """Nodes that execute one log of commands. The first four fields never change."""

    nodes: tuple[NodeId, ...]
    derive: Derive
    start: State
    evolve: Evolve
    commands: tuple[Command, ...]
    events: FrozenMap[NodeId, tuple[Event, ...]]
    state: FrozenMap[NodeId, State]
    leader: NodeId
    answered: tuple[Event, ...]

    @classmethod
    def of(
        cls,
        nodes: Iterable[NodeId],
        derive: Mapping[Command, Iterable[Event]],
        start: State,
        evolve: Evolve,
        leader: NodeId,
    ) -> CommandReplication:
        """Nothing has been asked; one of the nodes leads. Spec: CommandReplication!Init."""
        members = tuple(nodes)
        return cls(
            nodes=members,
            derive=FrozenMap({command: frozenset(events) for command, events in derive.items()}),
            start=start,
            evolve=evolve,
            commands=(),
            events=FrozenMap(dict.fromkeys(members, ())),
            state=FrozenMap(dict.fromkeys(members, start)),
            leader=leader,
            answered=(),
        )

    def change(self, **parts: Unpack[Parts]) -> CommandReplication:
        """A copy in which these parts are replaced."""
        return replace(self, **parts)

    def replicate(self, command: Command) -> CommandReplication:
        """A command is put on the replicated log. Spec: CommandReplication!Replicate."""
        return self.change(commands=(*self.commands, command))

    def execute(self, node: NodeId, event: Event) -> CommandReplication:
        """A node turns the next command into an event, on its own. Spec: CommandReplication!Execute."""
        executed = self.events[node]
        if len(executed) >= len(self.commands):
            raise Refused(f"{node} has executed every command")
        if event not in self.derive[self.commands[len(executed)]]:
            raise Refused(f"the next command of {node} cannot become {event}")
        return self.change(
            events=self.events.set(node, (*executed, event)),
            state=self.state.set(node, self.evolve(self.state[node], event)),
        )

    def lead(self, node: NodeId) -> CommandReplication:
        """A node becomes the leader. Spec: CommandReplication!Lead."""
        return self.change(leader=node)

    def answer(self) -> CommandReplication:
        """The leader answers the first command that has no answer yet. Spec: CommandReplication!Answer."""
        executed, answers = self.events[self.leader], len(self.answered)
        if answers >= len(executed):
            raise Refused(f"{self.leader} has nothing to answer")
        return self.change(answered=(*self.answered, executed[answers]))

    def restart(self, node: NodeId) -> CommandReplication:
        """A node stops, and starts again from the log of commands alone. Spec: CommandReplication!Restart."""
        return self.change(events=self.events.set(node, ()), state=self.state.set(node, self.start))


def types_are_right(world: CommandReplication) -> bool:
    """Every event is one that some command may become, every command one that is known; a node leads."""
    known = frozenset().union(*world.derive.values())
    queues = [world.answered, *world.events.values()]
    return (
        world.leader in world.nodes
        and all(command in world.derive for command in world.commands)
        and all(event in known for queue in queues for event in queue)
    )


def states_agree(world: CommandReplication) -> bool:
    """Two nodes that have executed the same commands are in the same state."""
    reached: dict[int, State] = {}
    for node in world.nodes:
        if reached.setdefault(len(world.events[node]), world.state[node]) != world.state[node]:
            return False
    return True


def answers_stand(world: CommandReplication) -> bool:
    """What clients have been told is what the nodes hold to be true."""
    for node in world.nodes:
        if any(held != told for held, told in zip(world.events[node], world.answered, strict=False)):
            return False
    return True


INVARIANTS: Final[Mapping[str, Callable[[CommandReplication], bool]]] = {
    "TypeOK": types_are_right,
    "StatesAgree": states_agree,
    "AnswersStand": answers_stand,
}
