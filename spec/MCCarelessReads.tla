--------------------------- MODULE MCCarelessReads ---------------------------
(* Models of reads that are rejected. *)
EXTENDS CarelessReads, TLC

CONSTANTS
    x, y,           \* accounts
    p, q,           \* their shards
    t,              \* a transfer from x to y
    d,              \* a deposit to x
    rx, ry,         \* balances of x and y
    sum             \* a total

HomeOf == [a \in Account |-> IF a = x THEN p ELSE q]
OfThese == (d :> x @@ rx :> x @@ ry :> y)
FromX == (t :> x)
ToY == (t :> y)

\* The deposit is what the transfer takes; for the total, unequal balances, since equal ones would hide it.
Ten == (t :> 10 @@ d :> 10)
Three == (t :> 3)
Nothing == [a \in Account |-> 0]
FiveAndOne == [a \in Account |-> IF a = x THEN 5 ELSE 1]
=============================================================================
