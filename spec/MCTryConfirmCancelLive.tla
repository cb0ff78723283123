----------------------- MODULE MCTryConfirmCancelLive -----------------------
(***************************************************************************)
(* Liveness of TryConfirmCancel: what is tried is confirmed or cancelled.  *)
(*                                                                         *)
(* Nothing is cut off.  The coordinator's leader is replaced at any        *)
(* moment, and as often as one likes, but in the antecedent elections      *)
(* cease.  Messages are lost for ever.                                     *)
(***************************************************************************)
EXTENDS TryConfirmCancel, TLC

CONSTANTS
    x, y,           \* accounts
    p, q,           \* their shards
    t               \* a transfer from x to y

HomeOf == [a \in Account |-> IF a = x THEN p ELSE q]
OfThese == <<>>
FromX == (t :> x)
ToY == (t :> y)
AmountOf == (t :> 1)
One == [a \in Account |-> IF a = x THEN 1 ELSE 0]

-----------------------------------------------------------------------------

\* What arrives at the coordinator from shard s, and at shard s from the coordinator.
VoteFrom(s) == \E m \in network : m.shard = s /\ OnVote(m)
AcknowledgementFrom(s) == \E m \in network : m.shard = s /\ OnAcknowledgement(m)
TryAt(s) == \E m \in network : m.shard = s /\ OnTry(m)
ConfirmAt(s) == \E m \in network : m.shard = s /\ OnConfirm(m)
CancelAt(s) == \E m \in network : m.shard = s /\ OnCancel(m)

\* Who leads commits what it appends, and speaks again and again; of what is sent again and again some arrives.
Fairness ==
    /\ WF_vars(CommitDecision)
    /\ WF_vars(Speak)
    /\ \A o \in Transfer : WF_vars(OnTransfer(o)) /\ WF_vars(AnswerTransfer(o))
    /\ \A s \in Shard :
        /\ WF_vars(CommitEvent(s))
        /\ WF_vars(SpeakShard(s))
        /\ SF_vars(VoteFrom(s))
        /\ SF_vars(AcknowledgementFrom(s))
        /\ SF_vars(TryAt(s))
        /\ SF_vars(ConfirmAt(s))
        /\ SF_vars(CancelAt(s))

LiveSpec == Init /\ [][Next]_vars /\ Fairness

-----------------------------------------------------------------------------

\* From some moment on no leader changes.
NobodyIsElected == ~ (CoordinatorChanges \/ \E s \in Shard : LeaderChanges(s))
ElectionsCease == <>[][NobodyIsElected]_vars

Ended(o) ==
    /\ op[o].state \in {"done", "failed"}
    /\ \A s \in Involved(o) : StageOf(shard[s], o) # "tried"

\* Every transfer is answered, and leaves nothing frozen.
TransfersEnd == ElectionsCease => \A o \in Transfer : (op[o] = Open) ~> Ended(o)
=============================================================================
