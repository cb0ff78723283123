------------------------- MODULE TransactionCommit -------------------------
(***************************************************************************)
(* What atomic commitment means, and nothing else.                         *)
(*                                                                         *)
(* Several transactions go on at once.  Each has members, and each member  *)
(* works, prepares, and in the end commits or aborts.  None commits before *)
(* all have prepared, and none aborts once another has committed: all of   *)
(* them do the same.                                                       *)
(*                                                                         *)
(* This module is a law.  It speaks of all transactions in one variable,   *)
(* so that a system with many of them refines it in one formula.           *)
(***************************************************************************)

CONSTANTS
    Transaction,    \* the transactions
    Members         \* who takes part in each of them

VARIABLE stage      \* for each transaction and each member: "working", "prepared", "committed" or "aborted"

vars == <<stage>>

TypeOK ==
    \A t \in Transaction : stage[t] \in [Members[t] -> {"working", "prepared", "committed", "aborted"}]

\* At first nobody is ready.
Init == stage = [t \in Transaction |-> [m \in Members[t] |-> "working"]]

\* Member m of t promises to commit if it is told to, whatever happens to it.
Prepare(t, m) ==
    /\ stage[t][m] = "working"
    /\ stage' = [stage EXCEPT ![t][m] = "prepared"]

\* Member m of t commits.  All the others have promised to, or have done it.
Commit(t, m) ==
    /\ stage[t][m] = "prepared"
    /\ \A other \in Members[t] : stage[t][other] \in {"prepared", "committed"}
    /\ stage' = [stage EXCEPT ![t][m] = "committed"]

\* Member m of t aborts.  Nobody has committed.
Abort(t, m) ==
    /\ stage[t][m] \in {"working", "prepared"}
    /\ \A other \in Members[t] : stage[t][other] # "committed"
    /\ stage' = [stage EXCEPT ![t][m] = "aborted"]

Next == \E t \in Transaction : \E m \in Members[t] : Prepare(t, m) \/ Commit(t, m) \/ Abort(t, m)

Spec == Init /\ [][Next]_stage

-----------------------------------------------------------------------------

\* No transaction is committed by one member and aborted by another.
Consistent ==
    \A t \in Transaction : \A m, n \in Members[t] : ~ (stage[t][m] = "committed" /\ stage[t][n] = "aborted")
=============================================================================
