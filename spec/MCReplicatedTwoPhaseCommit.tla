--------------------- MODULE MCReplicatedTwoPhaseCommit ---------------------
(***************************************************************************)
(* Models of ReplicatedTwoPhaseCommit.  No constraint is needed: each      *)
(* operation is one request, so there are finitely many states.            *)
(***************************************************************************)
EXTENDS ReplicatedTwoPhaseCommit, TLC

CONSTANTS
    x, y, z,        \* accounts: x lives on shard p, y and z on shard q
    p, q,           \* shards
    t, u,           \* transfers
    d,              \* a deposit to x
    rx, ry, rz,     \* balances of x, y and z
    sum             \* a total

HomeOf == [a \in Account |-> IF a = x THEN p ELSE q]
OfThese == (d :> x @@ rx :> x @@ ry :> y @@ rz :> z)

\* Both transfers go from x to y; or the second one goes back; or both go from y to z, which live on one shard.
FromX == (t :> x @@ u :> x)
ToY == (t :> y @@ u :> y)
FromXAndBack == (t :> x @@ u :> y)
ToYAndBack == (t :> y @@ u :> x)
FromY == (t :> y @@ u :> y)
ToZ == (t :> z @@ u :> z)
AmountOf == (t :> 1 @@ u :> 1 @@ d :> 1)

\* What is on the accounts at first.
Nothing == [a \in Account |-> 0]
One == [a \in Account |-> IF a = x THEN 1 ELSE 0]
OneOnY == [a \in Account |-> IF a = y THEN 1 ELSE 0]

\* Transfer t has begun, both shards have prepared it, and the coordinator has appended its decision to commit it.  x has
\* nothing left that may be spent.
InitInDoubt ==
    /\ decision = (t :> "begun")
    /\ coordinatorSuffix = <<Event("committed", t)>>
    /\ coordinatorTails = {<<>>}
    /\ votes = {}
    /\ acks = {}
    /\ network = {}
    /\ op = [o \in Operation |-> IF o = t THEN Open ELSE Idle]
    /\ ledger = Initial
    /\ possible = [o \in Operation |-> IF o = t THEN Truth(o, Initial) ELSE {}]
    /\ shard = [s \in Shard |-> [free |-> [a \in Accounts(s) |-> IF a = x THEN Initial[x] - 1 ELSE Initial[a]],
                                 version |-> 0, stage |-> (t :> "prepared"), done |-> <<>>]]
    /\ suffix = [s \in Shard |-> <<>>]
    /\ tails = [s \in Shard |-> {<<>>}]
    /\ again = {}

-----------------------------------------------------------------------------
(* Witnesses: what must be reachable, stated as if it were not. *)

\* One shard has committed a transfer, and another one is still in doubt.
NeverHalfCommitted ==
    ~ \E o \in Transfer : \E r, s \in Involved(o) :
        StageOf(shard[r], o) = "committed" /\ StageOf(shard[s], o) = "prepared"

\* The decision to commit is there, and the coordinator's leader has been replaced since: it knows of no vote and of no
\* acknowledgement, although a shard has acknowledged.
NeverForgetful ==
    ~ \E o \in Transfer :
        /\ Get(decision, o, "none") = "committed"
        /\ acks = {}
        /\ Acknowledgement(o, Home[To[o]]) \in network
        /\ StageOf(shard[Home[From[o]]], o) = "prepared"

\* A shard has recorded an abort, and the request to prepare, which it has never heard, is still on its way.
NeverAbortedBeforePrepared ==
    ~ \E m \in network :
        /\ m.type = "Prepare"
        /\ StageOf(shard[m.shard], m.transfer) = "aborted"
        /\ shard[m.shard].version = 0
        /\ \A n \in network : n.type = "Vote" => n.shard # m.shard

\* A suffix that a deposed leader held, and that the leader now has not, may still come back: a decision to commit beside
\* one to abort.
NeverTwoDecisions ==
    ~ \E o \in Transfer : \E one, other \in coordinatorTails \union {coordinatorSuffix} :
        /\ one # <<>> /\ one[Len(one)] = Event("committed", o)
        /\ other # <<>> /\ other[Len(other)] = Event("aborted", o)

\* A transfer fails because its source is short only while another one is in doubt; and one is refused.
NeverConflict == ~ \E s \in Shard : \E o \in DOMAIN shard[s].stage : shard[s].stage[o] = "conflicted"
NeverRefused == ~ \E o \in Transfer : op[o] = Done(0)

\* A read waits for a transfer in doubt, which its client has been told to be done.
NeverWaiting ==
    ~ \E r \in Balance : \E o \in Transfer :
        /\ op[r] = Open
        /\ op[o] = Done(1)
        /\ o \in InDoubt(shard[Home[Of[r]]])
        /\ Blocked(shard[Home[Of[r]]], r)

\* A total fails, because something has changed between its rounds; and one succeeds beside a transfer that is done.
NeverFailedTotal == ~ \E r \in Total : op[r] = Failed
NeverTotalAfter == ~ \E r \in Total : op[r].state = "done" /\ \E s \in Shard : shard[s].version > 0
=============================================================================
