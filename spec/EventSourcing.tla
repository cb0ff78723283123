--------------------------- MODULE EventSourcing ---------------------------
(***************************************************************************)
(* The single machine that everything starts from.                         *)
(*                                                                         *)
(* Commands wait in a queue.  The machine turns each into events, and this *)
(* step may be random: the same command in the same state may become other *)
(* events when the die falls otherwise.  The events go to a queue of their *)
(* own, which is never lost, and are folded into the state, and this step  *)
(* is deterministic.  So the state need not be saved: after a crash the    *)
(* machine starts from nothing and folds the events again.  The commands   *)
(* would not do, for they might become other events the second time.       *)
(*                                                                         *)
(* Randomness has one way in.  It is drawn outside, once for each command, *)
(* and handed to Decision, which is a function like Evolve.                *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Command,            \* what can be asked
    Randomness,         \* what can be drawn for a command: a rate, a time, a new identifier
    Event,              \* what can be decided
    State,              \* what the machine can be in
    Start,              \* the state before the first event
    Decision(_, _, _),  \* the events that a command becomes in a state, with what was drawn for it
    Evolve(_, _)        \* the state after a state and an event

VARIABLES
    commands,   \* the queue of commands that wait; it survives a crash
    events,     \* the queue of events; it survives a crash
    state,      \* what the machine has in memory
    folded      \* how many of the events are in it

vars == <<commands, events, state, folded>>

TypeOK ==
    /\ commands \in Seq(Command)
    /\ events \in Seq(Event)
    /\ state \in State
    /\ folded \in 0 .. Len(events)

\* At first nothing has been asked.
Init ==
    /\ commands = <<>>
    /\ events = <<>>
    /\ state = Start
    /\ folded = 0

-----------------------------------------------------------------------------

\* Somebody asks for command c.
Submit(c) ==
    /\ commands' = Append(commands, c)
    /\ UNCHANGED <<events, state, folded>>

\* The oldest command becomes events, with r drawn for it.  The machine decides on the state that all earlier events
\* have made, and in one piece takes the command from its queue and puts all its events on the other.
Decide(r) ==
    /\ commands # <<>>
    /\ folded = Len(events)
    /\ events' = events \o Decision(state, Head(commands), r)
    /\ commands' = Tail(commands)
    /\ UNCHANGED <<state, folded>>

\* The next event changes the state, and nothing but the event and the state before says how.
Fold ==
    /\ folded < Len(events)
    /\ state' = Evolve(state, events[folded + 1])
    /\ folded' = folded + 1
    /\ UNCHANGED <<commands, events>>

\* The machine stops, and starts again with an empty memory.  Fold does the rest.
Restart ==
    /\ state' = Start
    /\ folded' = 0
    /\ UNCHANGED <<commands, events>>

Next ==
    \/ \E c \in Command : Submit(c)
    \/ \E r \in Randomness : Decide(r)
    \/ Fold
    \/ Restart

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------

\* The state that the first n events make.
StateAfter(n) ==
    LET after[k \in 0 .. n] == IF k = 0 THEN Start ELSE Evolve(after[k - 1], events[k])
    IN after[n]

\* The state is the fold of the event queue, before a restart and after it.
StateIsFold == state = StateAfter(folded)

Log == INSTANCE EventLog

\* Every step is one that EventLog's Law allows: nothing on the event queue is ever changed or lost.
Refines == [][Log!Extends]_events
=============================================================================
