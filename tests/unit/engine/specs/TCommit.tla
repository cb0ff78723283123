---- MODULE TCommit ----
\* What it means to commit a transaction: all or nobody.
CONSTANT RM
VARIABLE rmState
canCommit == \A r \in RM : rmState[r] \in {"prepared", "committed"}
notCommitted == \A r \in RM : rmState[r] # "committed"
TCInit == rmState = [r \in RM |-> "working"]
Ready(r) == rmState[r] = "working" /\ rmState' = [rmState EXCEPT ![r] = "prepared"]
Settle(r) ==
    \/ /\ rmState[r] = "prepared" /\ canCommit
       /\ rmState' = [rmState EXCEPT ![r] = "committed"]
    \/ /\ rmState[r] \in {"working", "prepared"} /\ notCommitted
       /\ rmState' = [rmState EXCEPT ![r] = "aborted"]
TCNext == \E r \in RM : Ready(r) \/ Settle(r)
TCSpec == TCInit /\ [][TCNext]_rmState
Consistent == \A r, q \in RM : ~(rmState[r] = "aborted" /\ rmState[q] = "committed")
====
