------------------------- MODULE MCTransactionCommit -------------------------
(* The law of atomic commitment, explored by itself: one transaction of three members, and one of two. *)
EXTENDS TransactionCommit

MembersOf == [t \in Transaction |-> IF t = "two" THEN {"p", "q"} ELSE {"p", "q", "r"}]
=============================================================================
