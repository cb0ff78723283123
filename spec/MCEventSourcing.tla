--------------------------- MODULE MCEventSourcing ---------------------------
(***************************************************************************)
(* Small models of EventSourcing.  An amount is exchanged at a rate that   *)
(* nobody can foretell, deposited, or withdrawn if it is there.  The state *)
(* is such that the order of the events matters.  At the higher rate an    *)
(* exchange becomes two events, for it costs something.                    *)
(***************************************************************************)
EXTENDS EventSourcing

CONSTANTS MaxCommands, MaxEvents

Commands == {"deposit", "withdraw", "exchange"}
Rates == {2, 3}
Events == {"deposited", "withdrawn", "declined", "exchangedAt2", "exchangedAt3", "charged"}
States == 0 .. 10

Decided(s, c, r) ==
    CASE c = "deposit"  -> <<"deposited">>
      [] c = "withdraw" -> IF s > 0 THEN <<"withdrawn">> ELSE <<"declined">>
      [] c = "exchange" -> IF r = 2 THEN <<"exchangedAt2">> ELSE <<"exchangedAt3", "charged">>

Balance(s, e) ==
    CASE e = "deposited"    -> (s + 1) % 11
      [] e = "withdrawn"    -> s - 1
      [] e = "declined"     -> s
      [] e = "exchangedAt2" -> (2 * s) % 11
      [] e = "exchangedAt3" -> (3 * s) % 11
      [] e = "charged"      -> IF s = 0 THEN 0 ELSE s - 1

Bound == Len(commands) <= MaxCommands /\ Len(events) <= MaxEvents

-----------------------------------------------------------------------------

\* Witness: a machine that has crashed folds its events again, and is in the middle of it.  (Decide waits until all
\* earlier events are folded, and puts two more on the queue at most, so only a restart leads here.)
NeverReplaying == ~ (folded > 0 /\ folded + 2 < Len(events))

\* Witness: one command has become different events at different times.
NeverRandom == ~ \E j, k \in 1 .. Len(events) : events[j] = "exchangedAt2" /\ events[k] = "exchangedAt3"

-----------------------------------------------------------------------------
(* Liveness.  The clients ask only for so much.  The machine may crash for *)
(* ever, but it is given the time to replay its events between two         *)
(* crashes, and if it has it again and again, it sometimes decides.        *)

FairNext ==
    \/ \E c \in Command : Len(commands) + Len(events) < MaxEvents /\ Submit(c)
    \/ \E r \in Randomness : Decide(r)
    \/ Fold
    \/ folded = Len(events) /\ Restart

FairSpec == Init /\ [][FairNext]_vars /\ WF_vars(Fold) /\ SF_vars(\E r \in Randomness : Decide(r))

\* Every command becomes events.
EveryCommandIsDecided == commands # <<>> ~> commands = <<>>

\* Witness: there is a command to be decided after a crash.
NeverAskedAfterCrash == ~ (commands # <<>> /\ Len(events) > 2 /\ folded = 0)
=============================================================================
