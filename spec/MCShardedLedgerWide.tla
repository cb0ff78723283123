-------------------------- MODULE MCShardedLedgerWide --------------------------
(***************************************************************************)
(* A model of ShardedLedger that is too large to be explored: all commands *)
(* of MCShardedLedger at once.  `tlastep machine` walks through it at      *)
(* random, with the code beside the spec.                                  *)
(***************************************************************************)
EXTENDS MCShardedLedger

\* Enough on x for an exchange that is in doubt and for whoever wants the rest; too little for all who want some.
ThreeTwoNothing == [a \in Account |-> CASE a = "x" -> 3 [] a = "y" -> 2 [] OTHER -> 0]
================================================================================
