---------------------------- MODULE CarelessReads ----------------------------
(***************************************************************************)
(* Reads that are rejected, beside the transfers of                        *)
(* ReplicatedTwoPhaseCommit, which stay as they are.                       *)
(*                                                                         *)
(* A balance is read at once, although a transfer on its account may be in *)
(* doubt, and a total is answered after one round.  Neither is an          *)
(* operation on one atomic ledger: a client whose transfer was answered    *)
(* reads of both accounts that nothing has arrived and that nothing is     *)
(* left, and a total counts money twice or not at all.  Both are found as  *)
(* violations, and their behaviours replay on code that does the same.     *)
(***************************************************************************)
EXTENDS ReplicatedTwoPhaseCommit

\* A read is made once, whatever is in doubt.
DecideAtOnce(st, r) ==
    IF <<r, 1>> \in DOMAIN st.done THEN <<>> ELSE <<[type |-> "read", id |-> r, round |-> 1]>>

\* A client asks for a balance, and does not wait for transfers in doubt.
OnBalanceAtOnce(r) ==
    /\ op[r] = Open
    /\ AppendAt(Home[Of[r]], DecideAtOnce(Speculative(Home[Of[r]]), r))

\* The total of one round, in which each shard was read at a moment of its own.
AnswerTotalAtOnce(r) ==
    /\ Collected(r, 1)
    /\ Answer(r, Done(Sum([s \in Shard |-> shard[s].done[<<r, 1>>][1]], Shard)))

CarelessNext ==
    \/ \E o \in Operation : Call(o)
    \/ \E t \in Transfer : OnTransfer(t)
    \/ \E t \in Transfer : AnswerTransfer(t)
    \/ \E t \in Transfer : TimeOut(t)
    \/ VoteArrives
    \/ AcknowledgementArrives
    \/ CommitDecision
    \/ Speak
    \/ CoordinatorChanges
    \/ PrepareArrives
    \/ DecisionArrives
    \/ \E d \in Deposit : OnDeposit(d)
    \/ \E d \in Deposit : AnswerDeposit(d)
    \/ \E r \in Balance : OnBalanceAtOnce(r)
    \/ \E r \in Balance : AnswerBalance(r)
    \/ \E s \in Shard, r \in Total : OnTotal(s, r)
    \/ \E r \in Total : AnswerTotalAtOnce(r)
    \/ \E s \in Shard : CommitEvent(s)
    \/ \E s \in Shard : SpeakShard(s)
    \/ \E s \in Shard : LeaderChanges(s)
    \/ MessageIsLost
=============================================================================
