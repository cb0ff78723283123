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

\* All shards have been asked for the totals: twice for `sum`, twice for `all`, between whose rounds the deposit to x was
\* made, and once for `whole`, which is to be asked for again.
InitAsked ==
    LET given == [Initial EXCEPT ![x] = @ + Amount[d]]
        Now(s) == <<Sum(given, Accounts(s)), IF s = p THEN 1 ELSE 0>>
        Then(s) == <<Sum(Initial, Accounts(s)), 0>>
    IN /\ decision = <<>>
       /\ coordinatorSuffix = <<>>
       /\ coordinatorTails = {<<>>}
       /\ votes = {}
       /\ acks = {}
       /\ network = {}
       /\ op = [o \in Operation |-> IF o \in Total \cup {d} THEN Open ELSE Idle]
       /\ ledger = given
       /\ possible = [o \in Operation |->
              IF o = all THEN Truth(o, Initial) \cup Truth(o, given) ELSE IF o \in Total THEN Truth(o, given) ELSE {}]
       /\ shard = [s \in Shard |->
              [free |-> [a \in Accounts(s) |-> given[a]],
               version |-> IF s = p THEN 1 ELSE 0,
               stage |-> <<>>,
               done |-> (<<all, 1>> :> Then(s)) @@ (<<all, 2>> :> Now(s)) @@ (<<sum, 1>> :> Now(s))
                            @@ (<<sum, 2>> :> Now(s)) @@ (<<whole, 1>> :> Now(s))
                            @@ (IF s = p THEN (<<d, 1>> :> <<1, 1>>) ELSE <<>>)]]
       /\ suffix = [s \in Shard |-> <<>>]
       /\ tails = [s \in Shard |-> {<<>>}]
       /\ again = {sum, all}

\* Where walks begin.
Starts == Init \/ InitAsked

\* What the small models explore to the end has one transfer, and no deposit beside it.
Explored == Cardinality({o \in Transfer : op[o] # Idle}) <= 1
=============================================================================
