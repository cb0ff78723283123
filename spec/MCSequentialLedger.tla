-------------------------- MODULE MCSequentialLedger --------------------------
(***************************************************************************)
(* A model of SequentialLedger: beside the books, all ledgers that there   *)
(* can be, one by one.  What the books say has to be exact.                *)
(***************************************************************************)
EXTENDS SequentialLedger

CONSTANTS
    Steps,      \* how many operations happen
    Most        \* the most that an exchange brings whose answer is unknown

VARIABLES
    ledgers,    \* the ledgers that there can be
    left        \* how many operations may still happen

Nothing == [a \in Account |-> 0]

MCInit == Init /\ ledgers = {Nothing} /\ left = Steps

Put(l, a, n) == [l EXCEPT ![a] = @ + n]

\* What an operation that takes something takes it from.
Source(op) == IF op.f = "withdraw" THEN op.account ELSE op.from

\* The ledgers that an operation with its answer makes of one.
After(l, op, answer) ==
    CASE op.f = "deposit" -> IF answer.said = "no" THEN {} ELSE {Put(l, op.account, op.amount)}
      [] op.f = "balance" -> IF answer.said = "yes" /\ answer.n = l[op.account] THEN {l} ELSE {}
      [] op.f = "total" -> IF answer.said = "yes" /\ answer.n = Sum(l, Account) THEN {l} ELSE {}
      [] op.f \in {"withdraw", "transfer", "exchange"} ->
            IF answer.said = "no" THEN IF l[Source(op)] < op.amount THEN {l} ELSE {}
            ELSE IF l[Source(op)] < op.amount THEN {}
            ELSE LET taken == Put(l, Source(op), -op.amount) IN
                 CASE op.f = "withdraw" -> {taken}
                   [] op.f = "transfer" -> {Put(taken, op.to, op.amount)}
                   [] op.f = "exchange" ->
                        {Put(Put(taken, op.to, n), "exchange", op.amount - n) :
                            n \in IF answer.said = "unknown" THEN 0 .. Most ELSE {answer.n}}

AllAfter(op, answer) == UNION {After(l, op, answer) : l \in ledgers}

\* In this model the answer of an exchange into an unsure account is never heard.
Heard(op, answer) == answer.said = "unknown" <=> (op.f = "exchange" /\ op.to \in Unsure)

Step(op, answer) ==
    /\ left > 0
    /\ Heard(op, answer)
    /\ Do(op, answer)
    /\ ledgers' = AllAfter(op, answer)
    /\ left' = left - 1

MCNext == \E op \in Operation, answer \in Answer : Step(op, answer)

MCSpec == MCInit /\ [][MCNext]_<<books, ledgers, left>>

\* What ledger l has got from unheard exchanges, by the books.
Got(l) == [a \in Unsure |-> l[a] - books.held[a]]

Within(got) ==
    \A s \in Sets : books.least[s] <= Sum(got, s) /\ (books.most[s] = Unlimited \/ Sum(got, s) <= books.most[s])

Rest == Account \ (Unsure \cup {"exchange"})

\* All that is possible by the books, with small amounts, is one of the ledgers, and the ledgers are within the books.
Exact ==
    /\ {got \in [Unsure -> 0 .. Most] : Within(got)} \subseteq {Got(l) : l \in ledgers}
    /\ \A l \in ledgers : Within(Got(l)) /\ \A a \in Rest : l[a] = books.held[a]

\* An answer that no ledger gives is none of the answers.
Possible == ledgers # {}
=============================================================================
