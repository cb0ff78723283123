----------------------------- MODULE AtomicBooks -----------------------------
(***************************************************************************)
(* The ledger of one machine, and clients who ask it.                      *)
(*                                                                         *)
(* What a command becomes, and what an event does, says Ledger.  Here is   *)
(* when: a command that changes the books takes effect once, at some       *)
(* moment between its call and its answer, at a rate that is drawn at that *)
(* moment and told in the answer.  A command that changes nothing (a       *)
(* question, or one that is declined) answers something that was true at   *)
(* some moment between its call and its answer; `possible` remembers all   *)
(* that was.  Whatever has not taken effect may fail, and whatever has     *)
(* failed never takes effect.                                              *)
(*                                                                         *)
(* This module is a law: on how many shards the books are kept, and how    *)
(* they agree, is none of its business.                                    *)
(***************************************************************************)
EXTENDS Integers, Sequences

CONSTANTS
    Account,    \* the accounts of clients
    Operation,  \* what clients ask for, each once
    Command,    \* the command of each operation
    Opening,    \* the books at first
    Rate        \* what can be drawn

VARIABLES
    ledger,     \* the books
    op,         \* of each operation, whether it is idle or open, or else what came of it
    possible,   \* of each open operation, the answers that have been true since its call, if it has no effect
    taken       \* of each operation that has taken effect, its answer

vars == <<ledger, op, possible, taken>>

Rules == INSTANCE Ledger

Idle == [state |-> "idle", said |-> "nothing", n |-> 0]
Open == [state |-> "open", said |-> "nothing", n |-> 0]
Failed == [state |-> "failed", said |-> "nothing", n |-> 0]
Done(said, n) == [state |-> "done", said |-> said, n |-> n]

\* Whether an event changes the books; and what is answered of an event in the books l after it.
Changes(e) == e.was \in {"deposited", "withdrawn", "transferred", "exchanged"}

AnswerOf(e, l) ==
    CASE e.was = "declined"   -> Done("no", 0)
      [] e.was = "exchanged"  -> Done("yes", e.received)
      [] e.was = "asked"      -> Done("yes", l[e.account])
      [] e.was = "askedTotal" -> Done("yes", Rules!Total(l))
      [] OTHER                -> Done("yes", 1)

\* What operation o would become in the books l, at rate r.
Becomes(o, l, r) == Rules!Decided(l, Command[o], r)[1]

\* What operation o would truly answer of the books l, if it changes nothing.
Truth(o, l) == {AnswerOf(e, l) : e \in {f \in {Becomes(o, l, r) : r \in Rate} : ~ Changes(f)}}

Remember == possible' = [o \in Operation |-> IF op'[o] = Open THEN possible[o] \union Truth(o, ledger') ELSE {}]

\* At first nobody has asked for anything.
Init ==
    /\ ledger = Opening
    /\ op = [o \in Operation |-> Idle]
    /\ possible = [o \in Operation |-> {}]
    /\ taken = <<>>

\* Somebody asks for operation o.
Call(o) ==
    /\ op[o] = Idle
    /\ op' = [op EXCEPT ![o] = Open]
    /\ UNCHANGED <<ledger, taken>>
    /\ Remember

\* Operation o takes effect, at rate r.
Take(o, r) ==
    /\ op[o] = Open
    /\ o \notin DOMAIN taken
    /\ LET e == Becomes(o, ledger, r)
       IN /\ Changes(e)
          /\ ledger' = Rules!Booked(ledger, e)
          /\ taken' = [p \in DOMAIN taken \union {o} |-> IF p = o THEN AnswerOf(e, ledger') ELSE taken[p]]
    /\ UNCHANGED op
    /\ Remember

\* Operation o is answered.
Return(o) ==
    /\ op[o] = Open
    /\ \E answer \in (IF o \in DOMAIN taken THEN {taken[o]} ELSE possible[o] \union {Failed}) :
           op' = [op EXCEPT ![o] = answer]
    /\ UNCHANGED <<ledger, taken>>
    /\ Remember

Next == \E o \in Operation : Call(o) \/ (\E r \in Rate : Take(o, r)) \/ Return(o)

Spec == Init /\ [][Next]_vars
=============================================================================
