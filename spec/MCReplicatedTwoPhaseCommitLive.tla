------------------- MODULE MCReplicatedTwoPhaseCommitLive -------------------
(***************************************************************************)
(* Liveness of ReplicatedTwoPhaseCommit: every transfer ends, and every    *)
(* read is answered, as long as each group has a leader in the end.        *)
(*                                                                         *)
(* Nothing is cut off.  Leaders crash and are replaced at any moment, and  *)
(* as often as one likes; but in the antecedent of each property elections *)
(* cease.  Messages are lost for ever.  Time-outs need not happen.         *)
(***************************************************************************)
EXTENDS ReplicatedTwoPhaseCommit, TLC

CONSTANTS
    x, y,           \* accounts
    p, q,           \* their shards
    t,              \* a transfer from x to y
    ry              \* a balance of y

HomeOf == [a \in Account |-> IF a = x THEN p ELSE q]
OfThese == (ry :> y)
FromX == (t :> x)
ToY == (t :> y)
AmountOf == (t :> 1)
One == [a \in Account |-> IF a = x THEN 1 ELSE 0]

-----------------------------------------------------------------------------

\* What arrives at the coordinator from shard s, and at shard s from the coordinator.
VoteFrom(s) == \E m \in network : m.shard = s /\ OnVote(m)
AcknowledgementFrom(s) == \E m \in network : m.shard = s /\ OnAcknowledgement(m)
PrepareTo(s) == \E m \in network : m.shard = s /\ OnPrepare(m)
DecisionTo(s) == \E m \in network : m.shard = s /\ OnDecision(m)

\* A shard that has a leader commits what its leader appends, speaks again and again, and some of what is sent to it
\* again and again arrives.
FairShard(s) ==
    /\ WF_vars(CommitEvent(s))
    /\ WF_vars(SpeakShard(s))
    /\ SF_vars(PrepareTo(s))
    /\ SF_vars(DecisionTo(s))

\* The same of the coordinator; and clients ask until they are answered.
FairCoordinator ==
    /\ WF_vars(CommitDecision)
    /\ WF_vars(Speak)
    /\ \A s \in Shard : SF_vars(VoteFrom(s)) /\ SF_vars(AcknowledgementFrom(s))
    /\ \A o \in Transfer : WF_vars(OnTransfer(o)) /\ WF_vars(AnswerTransfer(o))

FairReads == \A r \in Balance : WF_vars(OnBalance(r)) /\ WF_vars(AnswerBalance(r))

LiveSpec == Init /\ [][Next]_vars /\ (\A s \in Shard : FairShard(s)) /\ FairCoordinator /\ FairReads

\* The coordinator is one machine.  It may stop, at any moment, and nobody takes its place.
UnreplicatedSpec == Init /\ [][Next]_vars /\ (\A s \in Shard : FairShard(s)) /\ FairReads

-----------------------------------------------------------------------------

\* From some moment on no leader changes.
NobodyIsElected == ~ (CoordinatorChanges \/ \E s \in Shard : LeaderChanges(s))
ElectionsCease == <>[][NobodyIsElected]_vars

Ended(o) ==
    /\ op[o].state \in {"done", "failed"}
    /\ \A s \in Involved(o) : StageOf(shard[s], o) # "prepared"

\* Every transfer is answered, and leaves nothing in doubt.
TransfersEnd == ElectionsCease => \A o \in Transfer : (op[o] = Open) ~> Ended(o)

\* A shard that has prepared does not wait for ever.  That is the least that one may ask.
PreparedLeadsToNotPrepared ==
    ElectionsCease =>
        \A o \in Transfer : \A s \in Involved(o) :
            (StageOf(shard[s], o) = "prepared") ~> (StageOf(shard[s], o) # "prepared")

\* Every balance is answered, although it waits for transfers in doubt.
ReadsEnd == ElectionsCease => \A r \in Balance : (op[r] = Open) ~> (op[r].state = "done")

\* Witness: the coordinator's leader is replaced after the votes for a transfer have been spoken, and before it has
\* decided: both shards have prepared, and it has heard of nothing.
NeverPreparedUnheard ==
    ~ \E o \in Transfer :
        /\ Get(decision, o, "none") = "begun"
        /\ coordinatorSuffix = <<>>
        /\ votes = {}
        /\ \A s \in Involved(o) : \E m \in network : m.type = "Vote" /\ m.shard = s
=============================================================================
