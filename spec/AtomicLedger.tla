---------------------------- MODULE AtomicLedger ----------------------------
(***************************************************************************)
(* One ledger, on which everything takes effect at one point.              *)
(*                                                                         *)
(* A deposit or a transfer takes effect once, at some moment between its   *)
(* call and its answer.  An operation without effect (a balance, a total   *)
(* over all accounts, a transfer that is refused because its source is     *)
(* short) answers something that was true at some moment between its call  *)
(* and its answer; for an operation without effect that is what atomicity  *)
(* means.  `possible` remembers all that was true since the call, so that  *)
(* no answer has to be foretold.                                           *)
(*                                                                         *)
(* Whatever has not taken effect may fail, and whatever has failed never   *)
(* takes effect.                                                           *)
(*                                                                         *)
(* This module is a law: who keeps the ledger, on how many shards, and how *)
(* they agree, is none of its business.                                    *)
(***************************************************************************)
EXTENDS Integers

CONSTANTS
    Account,    \* the accounts
    Transfer,   \* operations: from one account to another
    Deposit,    \* operations: money comes from outside
    Balance,    \* operations: how much is on an account
    Total,      \* operations: how much there is in all
    From, To,   \* the two accounts of each transfer
    Amount,     \* how much is transferred or deposited
    Of,         \* the account of each deposit and each balance
    Initial     \* how much is on each account at first

VARIABLES
    ledger,     \* how much is on each account
    op,         \* of each operation, whether it is idle or open, or else what came of it
    possible,   \* of each open operation without effect, the answers that have been true since its call
    taken       \* the operations that have taken effect

vars == <<ledger, op, possible, taken>>

Operation == Transfer \union Deposit \union Balance \union Total

Idle == [state |-> "idle", value |-> 0]
Open == [state |-> "open", value |-> 0]
Failed == [state |-> "failed", value |-> 0]
Done(v) == [state |-> "done", value |-> v]

RECURSIVE Sum(_, _)
Sum(f, S) == IF S = {} THEN 0 ELSE LET x == CHOOSE x \in S : TRUE IN f[x] + Sum(f, S \ {x})

TypeOK ==
    /\ ledger \in [Account -> Int]
    /\ op \in [Operation -> [state : {"idle", "open", "failed", "done"}, value : Int]]
    /\ possible \in [Operation -> SUBSET Int]
    /\ taken \subseteq Transfer \union Deposit

\* What operation o, if it has no effect, would truly answer of ledger l.  A refused transfer answers 0.
Truth(o, l) ==
    CASE o \in Balance  -> {l[Of[o]]}
      [] o \in Total    -> {Sum(l, Account)}
      [] o \in Transfer -> IF l[From[o]] < Amount[o] THEN {0} ELSE {}
      [] OTHER          -> {}

Remember == possible' = [o \in Operation |-> IF op'[o] = Open THEN possible[o] \union Truth(o, ledger') ELSE {}]

\* At first nobody has asked for anything.
Init ==
    /\ ledger = Initial
    /\ op = [o \in Operation |-> Idle]
    /\ possible = [o \in Operation |-> {}]
    /\ taken = {}

\* Somebody asks for operation o.
Call(o) ==
    /\ op[o] = Idle
    /\ op' = [op EXCEPT ![o] = Open]
    /\ UNCHANGED <<ledger, taken>>
    /\ Remember

\* Operation o takes effect.
Take(o) ==
    /\ op[o] = Open
    /\ o \notin taken
    /\ \/ /\ o \in Deposit
          /\ ledger' = [ledger EXCEPT ![Of[o]] = @ + Amount[o]]
       \/ /\ o \in Transfer
          /\ ledger[From[o]] >= Amount[o]
          /\ ledger' = [ledger EXCEPT ![From[o]] = @ - Amount[o], ![To[o]] = @ + Amount[o]]
    /\ taken' = taken \union {o}
    /\ UNCHANGED op
    /\ Remember

\* Operation o is answered.
Return(o) ==
    /\ op[o] = Open
    /\ IF o \in taken THEN op'[o] = Done(1)
       ELSE op'[o] = Failed \/ \E v \in possible[o] : op'[o] = Done(v)
    /\ op' = [op EXCEPT ![o] = op'[o]]
    /\ UNCHANGED <<ledger, taken>>
    /\ Remember

Next == \E o \in Operation : Call(o) \/ Take(o) \/ Return(o)

Spec == Init /\ [][Next]_vars
=============================================================================
