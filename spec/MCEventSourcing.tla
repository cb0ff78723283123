--------------------------- MODULE MCEventSourcing ---------------------------
(***************************************************************************)
(* Small models of EventSourcing.  An amount is exchanged at a rate that   *)
(* nobody can foretell, or deposited.  The state is such that the order of *)
(* the events matters.                                                     *)
(***************************************************************************)
EXTENDS EventSourcing

CONSTANTS MaxCommands, MaxEvents

Commands == {"deposit", "exchange"}
Events == {"deposited", "exchangedAt2", "exchangedAt3"}
RandomDerive == [c \in Commands |-> IF c = "deposit" THEN {"deposited"} ELSE {"exchangedAt2", "exchangedAt3"}]
States == 0 .. 10
Balance(s, e) ==
    (IF e = "deposited" THEN s + 1 ELSE IF e = "exchangedAt2" THEN 2 * s ELSE 3 * s) % 11
EvolveBalance == [p \in States \X Events |-> Balance(p[1], p[2])]

Bound == Len(commands) <= MaxCommands /\ Len(events) <= MaxEvents

-----------------------------------------------------------------------------

\* Witness: a machine that has crashed folds its events again, and is in the middle of it.  (Decide waits until all
\* earlier events are folded, so only a restart leads here.)
NeverReplaying == ~ (folded > 0 /\ folded + 1 < Len(events))

\* Witness: one command has become two different events at different times.
NeverRandom == ~ \E j, k \in 1 .. Len(events) : events[j] = "exchangedAt2" /\ events[k] = "exchangedAt3"

-----------------------------------------------------------------------------
(* Liveness.  The clients ask only for so much.  The machine may crash for *)
(* ever, but it is given the time to replay its events between two         *)
(* crashes, and if it has it again and again, it sometimes decides.        *)

FairNext ==
    \/ \E c \in Command : Len(commands) + Len(events) < MaxEvents /\ Submit(c)
    \/ \E e \in Event : Decide(e)
    \/ Fold
    \/ folded = Len(events) /\ Restart

FairSpec == Init /\ [][FairNext]_vars /\ WF_vars(Fold) /\ SF_vars(\E e \in Event : Decide(e))

\* Every command becomes an event.
EveryCommandIsDecided == commands # <<>> ~> commands = <<>>

\* Witness: there is a command to be decided after a crash.
NeverAskedAfterCrash == ~ (commands # <<>> /\ Len(events) > 1 /\ folded = 0)
=============================================================================
