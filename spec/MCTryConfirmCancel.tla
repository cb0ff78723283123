------------------------- MODULE MCTryConfirmCancel -------------------------
(***************************************************************************)
(* Models of TryConfirmCancel.  No constraint is needed: each operation is *)
(* one request, so there are finitely many states.                         *)
(***************************************************************************)
EXTENDS TryConfirmCancel, TLC

CONSTANTS
    x, y,           \* accounts
    p, q,           \* their shards
    t, u,           \* transfers
    rx, ry          \* looks at x and y

HomeOf == [a \in Account |-> IF a = x THEN p ELSE q]
OfThese == (rx :> x @@ ry :> y)
FromX == (t :> x @@ u :> x)
ToY == (t :> y @@ u :> y)
AmountOf == (t :> 1 @@ u :> 1)
One == [a \in Account |-> IF a = x THEN 1 ELSE 0]

-----------------------------------------------------------------------------
(* Witnesses: what must be reachable, stated as if it were not. *)

\* A shard has cancelled what it never tried, and the request to try is still on its way.
NeverEmptyCancel ==
    ~ \E m \in network :
        /\ m.type = "Prepare"
        /\ StageOf(shard[m.shard], m.transfer) = "cancelled"
        /\ \A n \in network : n.type = "Vote" => n.shard # m.shard

\* A try is rejected while another transfer has frozen the money.
NeverRejected == ~ \E s \in Shard : \E o \in DOMAIN shard[s].stage : shard[s].stage[o] = "rejected"

\* One shard has confirmed, and another one has only tried.
NeverHalfConfirmed ==
    ~ \E o \in Transfer : \E r, s \in Involved(o) :
        StageOf(shard[r], o) = "confirmed" /\ StageOf(shard[s], o) = "tried"
=============================================================================
