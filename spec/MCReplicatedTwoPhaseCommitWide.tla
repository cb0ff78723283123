------------------- MODULE MCReplicatedTwoPhaseCommitWide -------------------
(***************************************************************************)
(* A model of ReplicatedTwoPhaseCommit that is too large to be explored:   *)
(* three shards, three transfers in a ring, reads of everything.           *)
(* `tlastep machine` walks through it at random, with the code beside it.  *)
(***************************************************************************)
EXTENDS ReplicatedTwoPhaseCommit, TLC

CONSTANTS
    x, y, z,        \* accounts
    p, q, r,        \* their shards
    t, u, v,        \* transfers from x to y, from y to z, and from z to x
    d, e,           \* deposits to x and to y
    rx, ry, rz,     \* balances
    sum, all, whole \* totals

HomeOf == (x :> p @@ y :> q @@ z :> r)
OfThese == (d :> x @@ e :> y @@ rx :> x @@ ry :> y @@ rz :> z)
FromAll == (t :> x @@ u :> y @@ v :> z)
ToAll == (t :> y @@ u :> z @@ v :> x)
AmountOf == (t :> 2 @@ u :> 3 @@ v :> 1 @@ d :> 4 @@ e :> 1)
Some == (x :> 2 @@ y :> 1 @@ z :> 0)

\* What the small models explore to the end has one transfer, and no deposit beside it.
Explored == Cardinality({o \in Transfer : op[o] # Idle}) <= 1
=============================================================================
