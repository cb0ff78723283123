------------------------ MODULE MCVersionedRegister ------------------------
(***************************************************************************)
(* Whatever obeys the law of versions is linearizable: brute force over    *)
(* all histories of a few writes and reads.                                *)
(*                                                                         *)
(* What linearizability needs of a history is which operation had returned *)
(* before which other one was called.  `before` notes it, and with it the  *)
(* definition is taken by its word: there is an order of the operations    *)
(* that is the order of real time where that says anything, and in which   *)
(* each read finds the write just before it.                               *)
(***************************************************************************)
EXTENDS VersionedRegister, FiniteSets

VARIABLE before     \* for each operation that was called: the operations that had returned by then

NotedInit == Init /\ before = [o \in Operation |-> {}]

-----------------------------------------------------------------------------
(* Every step that the law could allow is tried, and the law itself says   *)
(* which of them it does.  Many operations may be called, decided and      *)
(* answered in one step.                                                   *)

\* The orders of all operations in a set.
Orders == [S \in SUBSET Operation |->
            {p \in [1 .. Cardinality(S) -> S] : \A j, k \in 1 .. Cardinality(S) : p[j] = p[k] => j = k}]

In(p) == {o \in Operation : phase[o] = p}

NotedNext ==
    \E open \in SUBSET In("idle") : \E done \in SUBSET ((In("idle") \ open) \cup In("open")) :
        \E lost \in SUBSET (In("open") \ done), more \in SUBSET {w \in Write : phase[w] = "open" /\ ~ IsIn(w, writes)} :
            /\ \E ws \in Orders[more] : writes' = writes \o ws
            /\ phase' = [o \in Operation |-> CASE o \in open -> "open" [] o \in done -> "done" [] o \in lost -> "lost"
                                               [] OTHER -> phase[o]]
            /\ \E found \in [Read \cap done -> Write \cup {Nothing}] :
                answer' = [r \in Read |-> IF r \in done THEN found[r] ELSE answer[r]]
            /\ \E n \in {0, Len(writes)} :
                decidedAtCall' = [r \in Read |-> CASE r \in open -> n [] r \in done \cup lost -> 0
                                                   [] OTHER -> decidedAtCall[r]]
            /\ Allowed
            /\ before' = [o \in Operation |-> IF phase[o] = "idle" /\ o \in open \cup done THEN In("done") ELSE before[o]]

-----------------------------------------------------------------------------

\* Order `p` of some operations keeps to real time, and each read in it finds the write just before it.
Explains(p) ==
    /\ \A j, k \in DOMAIN p : j < k => p[k] \notin before[p[j]]
    /\ \A k \in DOMAIN p : p[k] \in Read =>
        LET earlier == {j \in 1 .. k - 1 : p[j] \in Write}
        IN answer[p[k]] = IF earlier = {} THEN Nothing ELSE p[CHOOSE j \in earlier : \A i \in earlier : i <= j]

\* All operations that have returned, and some of the writes that are open, have such an order.
Linearizable ==
    \E open \in SUBSET (Write \cap In("open")) : \E p \in Orders[In("done") \cup open] : Explains(p)

-----------------------------------------------------------------------------
(* A witness. *)

\* Two reads have returned, the later one with the later version.
NeverInOrder ==
    \A r, s \in Read :
        phase[s] = "done" /\ r \in before[s] => answer[r] = answer[s] \/ Nothing \in {answer[r], answer[s]}
=============================================================================
