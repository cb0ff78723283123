------------------------ MODULE MCCommandReplication ------------------------
(* Small models of CommandReplication: the same commands with and without randomness. *)
EXTENDS CommandReplication

CONSTANT MaxCommands

Commands == {"deposit", "exchange"}
Events == {"deposited", "exchangedAt2", "exchangedAt3"}
RandomDerive == [c \in Commands |-> IF c = "deposit" THEN {"deposited"} ELSE {"exchangedAt2", "exchangedAt3"}]
FixedDerive == [c \in Commands |-> IF c = "deposit" THEN {"deposited"} ELSE {"exchangedAt2"}]
States == 0 .. 10
Balance(s, e) ==
    (IF e = "deposited" THEN s + 1 ELSE IF e = "exchangedAt2" THEN 2 * s ELSE 3 * s) % 11
EvolveBalance == [p \in States \X Events |-> Balance(p[1], p[2])]

Bound == Len(commands) <= MaxCommands

\* Witness: another node leads than the one that answered, and it has executed what was answered.
NeverNewLeader ==
    \A n \in Node : n # leader /\ answered # <<>> /\ Len(events[n]) >= Len(answered) => Len(events[leader]) < Len(answered)
=============================================================================
