----------------------------- MODULE Speculation -----------------------------
(***************************************************************************)
(* On which state a leader decides.                                        *)
(*                                                                         *)
(* A leader cannot wait until the last command's events are decided before *)
(* it takes the next command.  So it decides on a *speculative* state: all *)
(* that is decided, and all that is in its log behind it.  A command never *)
(* finds a state from which an earlier one is missing.  The price is that  *)
(* the speculative state may never become true: another node leads, and    *)
(* what the old leader appended is replaced.  So a leader that hears of    *)
(* its successor discards it, and nobody but a leader has one.             *)
(*                                                                         *)
(* Consensus is taken for granted here.  Its log is of entries, and an     *)
(* entry holds all the events of one command: a change of leader never     *)
(* takes half of what was decided together.                                *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Node,               \* the replicas
    Command,            \* what can be asked
    Randomness,         \* what can be drawn for a command
    Event,              \* what can be decided
    State,              \* what a replica can be in
    Start,              \* the state before the first event
    Decision(_, _, _),  \* the events that a command becomes in a state, with what was drawn for it
    Evolve(_, _),       \* the state after a state and an event
    Nothing             \* no speculative state; no node

ASSUME Nothing \notin State \cup Node

VARIABLES
    decided,    \* the entries that consensus has decided, for ever
    newest,     \* the node that was last made the leader, or Nothing
    log,        \* each node's copy of the log; a crash keeps it
    folded,     \* how many of the decided entries are in each node's state
    state,      \* each node's state: the fold of that many entries
    leads,      \* whether each node believes that it leads; a deposed leader may not know it yet
    draft       \* each leader's speculative state, the fold of its whole log; Nothing on the other nodes

vars == <<decided, newest, log, folded, state, leads, draft>>

\* The first n of a sequence.
Prefix(s, n) == SubSeq(s, 1, n)

\* Whether one sequence is the beginning of another.
IsPrefix(s, t) == Len(s) <= Len(t) /\ s = Prefix(t, Len(s))

\* The state after the events of one entry.
EvolveAll(s, entry) ==
    LET after[k \in 0 .. Len(entry)] == IF k = 0 THEN s ELSE Evolve(after[k - 1], entry[k])
    IN after[Len(entry)]

\* The state after several entries.
Replay(s, entries) ==
    LET after[k \in 0 .. Len(entries)] == IF k = 0 THEN s ELSE EvolveAll(after[k - 1], entries[k])
    IN after[Len(entries)]

TypeOK ==
    /\ decided \in Seq(Seq(Event))
    /\ newest \in Node \cup {Nothing}
    /\ log \in [Node -> Seq(Seq(Event))]
    /\ folded \in [Node -> Nat]
    /\ state \in [Node -> State]
    /\ leads \in [Node -> BOOLEAN]
    /\ draft \in [Node -> State \cup {Nothing}]

\* At first there is nothing, and nobody leads.
Init ==
    /\ decided = <<>>
    /\ newest = Nothing
    /\ log = [n \in Node |-> <<>>]
    /\ folded = [n \in Node |-> 0]
    /\ state = [n \in Node |-> Start]
    /\ leads = [n \in Node |-> FALSE]
    /\ draft = [n \in Node |-> Nothing]

-----------------------------------------------------------------------------
(* What a node does. *)

\* Node n learns that it leads: its log is now the group's.  It folds what is in it, the undecided rest included: a
\* suffix that an earlier leader left behind is decided before anything that n appends.
Lead(n) ==
    /\ ~ leads[n]
    /\ IsPrefix(decided, log[n])
    /\ newest' = n
    /\ leads' = [leads EXCEPT ![n] = TRUE]
    /\ draft' = [draft EXCEPT ![n] = Replay(state[n], SubSeq(log[n], folded[n] + 1, Len(log[n])))]
    /\ UNCHANGED <<decided, log, folded, state>>

\* A leader, deposed or not, turns command c into events, with r drawn for it.  It decides on its speculative state.
Decide(n, c, r) ==
    /\ leads[n]
    /\ LET entry == Decision(draft[n], c, r)
       IN /\ log' = [log EXCEPT ![n] = Append(@, entry)]
          /\ draft' = [draft EXCEPT ![n] = EvolveAll(@, entry)]
    /\ UNCHANGED <<decided, newest, folded, state, leads>>

\* Node n learns that the next entry of its log is decided, and folds it.
Learn(n) ==
    /\ folded[n] < Len(decided)
    /\ IsPrefix(Prefix(decided, folded[n] + 1), log[n])
    /\ state' = [state EXCEPT ![n] = EvolveAll(@, decided[folded[n] + 1])]
    /\ folded' = [folded EXCEPT ![n] = @ + 1]
    /\ UNCHANGED <<decided, newest, log, leads, draft>>

\* A deposed leader hears of its successor, and discards its speculative state.  The entries stay in its log until the
\* successor replaces them, and may come back if n is made the leader before.
Follow(n) ==
    /\ leads[n]
    /\ newest # n
    /\ leads' = [leads EXCEPT ![n] = FALSE]
    /\ draft' = [draft EXCEPT ![n] = Nothing]
    /\ UNCHANGED <<decided, newest, log, folded, state>>

-----------------------------------------------------------------------------
(* What consensus does, and the world. *)

\* The next entry of the newest leader is decided.
Agree ==
    /\ newest # Nothing
    /\ leads[newest]
    /\ Len(decided) < Len(log[newest])
    /\ decided' = Prefix(log[newest], Len(decided) + 1)
    /\ UNCHANGED <<newest, log, folded, state, leads, draft>>

\* Node n, which does not lead, gets the log of the newest leader.
Copy(n) ==
    /\ newest \notin {n, Nothing}
    /\ ~ leads[n]
    /\ log[n] # log[newest]
    /\ log' = [log EXCEPT ![n] = log[newest]]
    /\ UNCHANGED <<decided, newest, folded, state, leads, draft>>

\* Node n stops, and starts again with what consensus keeps for it, the log.
Restart(n) ==
    /\ state' = [state EXCEPT ![n] = Start]
    /\ folded' = [folded EXCEPT ![n] = 0]
    /\ leads' = [leads EXCEPT ![n] = FALSE]
    /\ draft' = [draft EXCEPT ![n] = Nothing]
    /\ UNCHANGED <<decided, newest, log>>

Next ==
    \/ \E n \in Node : Lead(n)
    \/ \E n \in Node, c \in Command, r \in Randomness : Decide(n, c, r)
    \/ \E n \in Node : Learn(n)
    \/ \E n \in Node : Follow(n)
    \/ Agree
    \/ \E n \in Node : Copy(n)
    \/ \E n \in Node : Restart(n)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------

\* A node's state is the fold of what is decided, and of nothing else.
StateIsDecided == \A n \in Node : folded[n] <= Len(decided) /\ state[n] = Replay(Start, Prefix(decided, folded[n]))

\* A leader's speculative state is the fold of its whole log.
DraftIsWholeLog == \A n \in Node : leads[n] => draft[n] = Replay(Start, log[n])

\* Nobody but a leader has a speculative state.
DraftIsDiscarded == \A n \in Node : ~ leads[n] => draft[n] = Nothing

\* Whoever decided an entry, and whenever: it is what some command becomes in the very state before it.
DecidedOnItsPast ==
    \A k \in 1 .. Len(decided) : \E c \in Command, r \in Randomness :
        decided[k] = Decision(Replay(Start, Prefix(decided, k - 1)), c, r)

Log == INSTANCE EventLog WITH events <- decided

\* What is decided only grows, as EventLog's Law says.
Refines == [][Log!Extends]_decided
=============================================================================
