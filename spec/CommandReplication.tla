------------------------- MODULE CommandReplication -------------------------
(***************************************************************************)
(* The design that is rejected: replicate the commands.                    *)
(*                                                                         *)
(* Consensus is taken for granted here, and is perfect: there is one log   *)
(* of commands, and every node reads it in the same order.  Each node then *)
(* derives the events for itself.  If a command can become only one event, *)
(* all is well.  If it can become one of several, two nodes derive         *)
(* different events, and after a change of leader, or a mere restart, the  *)
(* answers that clients have been given are no longer true.                *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Node,       \* the replicas
    Command,    \* what can be asked
    Event,      \* what a command can become
    Derive,     \* the events that each command may become
    State,      \* what a replica can be in
    Start,      \* the state before the first event
    Evolve      \* the state after a state and an event

ASSUME /\ Derive \in [Command -> SUBSET Event]
       /\ Start \in State
       /\ Evolve \in [State \X Event -> State]

VARIABLES
    commands,   \* the replicated log of commands
    events,     \* each node's events: its own, derived by itself
    state,      \* each node's state, the fold of its events
    leader,     \* the node that answers
    answered    \* the events that clients have been told, one for each command

vars == <<commands, events, state, leader, answered>>

TypeOK ==
    /\ commands \in Seq(Command)
    /\ events \in [Node -> Seq(Event)]
    /\ state \in [Node -> State]
    /\ leader \in Node
    /\ answered \in Seq(Event)

\* At first nothing has been asked; any node may lead.
Init ==
    /\ commands = <<>>
    /\ events = [n \in Node |-> <<>>]
    /\ state = [n \in Node |-> Start]
    /\ leader \in Node
    /\ answered = <<>>

-----------------------------------------------------------------------------

\* Command c is put on the replicated log.
Replicate(c) ==
    /\ commands' = Append(commands, c)
    /\ UNCHANGED <<events, state, leader, answered>>

\* Node n turns the next command into event e, on its own.
Execute(n, e) ==
    /\ Len(events[n]) < Len(commands)
    /\ e \in Derive[commands[Len(events[n]) + 1]]
    /\ events' = [events EXCEPT ![n] = Append(@, e)]
    /\ state' = [state EXCEPT ![n] = Evolve[<<@, e>>]]
    /\ UNCHANGED <<commands, leader, answered>>

\* Node n becomes the leader.
Lead(n) ==
    /\ leader' = n
    /\ UNCHANGED <<commands, events, state, answered>>

\* The leader answers the first command that has no answer yet.
Answer ==
    /\ Len(answered) < Len(events[leader])
    /\ answered' = Append(answered, events[leader][Len(answered) + 1])
    /\ UNCHANGED <<commands, events, state, leader>>

\* Node n stops, and starts again from the log of commands, which is all that was kept.
Restart(n) ==
    /\ events' = [events EXCEPT ![n] = <<>>]
    /\ state' = [state EXCEPT ![n] = Start]
    /\ UNCHANGED <<commands, leader, answered>>

Next ==
    \/ \E c \in Command : Replicate(c)
    \/ \E n \in Node, e \in Event : Execute(n, e)
    \/ \E n \in Node : Lead(n)
    \/ Answer
    \/ \E n \in Node : Restart(n)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------

\* Two nodes that have executed the same commands are in the same state.
StatesAgree ==
    \A n, o \in Node : Len(events[n]) = Len(events[o]) => state[n] = state[o]

\* What clients have been told is what the nodes hold to be true.
AnswersStand ==
    \A n \in Node : \A k \in 1 .. Len(answered) : k <= Len(events[n]) => events[n][k] = answered[k]
=============================================================================
