"""A raffle, as an application of quorumlog: who has won is drawn once, stands in an event, and is never drawn again."""

from random import Random
from typing import TypeAlias

from quorumlog.core.event_sourcing import Application, Machine, replayed, serve

Tickets: TypeAlias = tuple[str, ...]
Event: TypeAlias = tuple[str, str]


class Raffle:
    """A command is a name, for a ticket, or nothing, for a draw. An event is a name and what became of it."""

    def start(self) -> Tickets:
        return ()

    def decide(self, state: Tickets, command: str, randomness: float) -> tuple[Event, ...]:
        if command:
            return ((command, "has a ticket"),)
        return ((state[int(randomness * len(state))], "has won"),) if state else ()

    def evolve(self, state: Tickets, event: Event) -> Tickets:
        name, what = event
        return (*state, name) if what == "has a ticket" else tuple(each for each in state if each != name)

    def answer(self, state: Tickets, events: tuple[Event, ...]) -> str:
        return ", ".join(" ".join(event) for event in events) or "nobody is left"


raffle: Application[Tickets, str, Event, str, float] = Raffle()

if __name__ == "__main__":
    machine, die = Machine.of(raffle), Random(1)
    for command in ("ann", "bob", "cyd", "", ""):
        machine, answer = serve(machine.submit(command), die.random())
        print(answer)
    print("after a crash:", replayed(machine.restart()).state)
