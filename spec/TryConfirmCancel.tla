-------------------------- MODULE TryConfirmCancel --------------------------
(***************************************************************************)
(* Transfers between shards by try, confirm and cancel (TCC): a second     *)
(* protocol over the same coordinator, TransactionCoordinator.             *)
(*                                                                         *)
(* What the coordinator asks for and decides is what it asks for and       *)
(* decides in two-phase commit.  What differs is what a shard makes of it. *)
(* To *try* is a change of its own, which everybody sees at once: money    *)
(* moves from the available part of an account to a frozen part.  To       *)
(* *confirm* takes it from there, and to *cancel* brings it back.  All     *)
(* three are ordinary events of the shard.  Nothing is hidden while a      *)
(* transfer is in doubt, so nobody ever waits: a look at an account says   *)
(* what is available now.                                                  *)
(*                                                                         *)
(* That is the price, too.  Transfers are still committed atomically (this *)
(* refines TransactionCommit), no money is lost, and no available part is  *)
(* ever below zero.  But a look sees half a transfer, and sees money gone  *)
(* for a transfer that is cancelled in the end: together with its looks    *)
(* this is no atomic ledger, and a model shows it.                         *)
(*                                                                         *)
(* Messages repeat and come late, so three things need care: a cancel may  *)
(* come before its try (it is recorded, changes no balance, and stands in  *)
(* the way of the try), a try may come after its cancel (it is ignored, or *)
(* its money would be frozen for ever), and confirm and cancel may come    *)
(* twice.                                                                  *)
(***************************************************************************)
EXTENDS TransactionCoordinator

VARIABLES
    shard,      \* of each shard, the fold of its committed events
    suffix,     \* of each shard, the events that its leader has appended and that are not committed
    tails       \* of each shard, the suffixes that some replica may still hold

vars == <<decision, coordinatorSuffix, coordinatorTails, votes, acks, network, op, ledger, possible,
          shard, suffix, tails>>

shardVars == <<shard, suffix, tails>>

\* There are no deposits and no totals here, and a balance is a look at what is available.
ASSUME Deposit = {} /\ Total = {}

Accounts(s) == {a \in Account : Home[a] = s}

-----------------------------------------------------------------------------
(* What a shard knows. *)

Stage == {"tried", "rejected", "confirmed", "cancelled"}

ShardEvent == [type : Stage, id : Transfer] \union [type : {"looked"}, id : Balance]

\* available: what may be spent of each account; frozen: what transfers that were tried have set aside; stage: how far
\* each transfer is that the shard has heard of; done: what each look has found.
ShardOK(s) ==
    /\ DOMAIN shard[s] = {"available", "frozen", "stage", "done"}
    /\ shard[s].available \in [Accounts(s) -> Int]
    /\ shard[s].frozen \in [Accounts(s) -> Int]
    /\ DOMAIN shard[s].stage \subseteq Transfer
    /\ \A t \in DOMAIN shard[s].stage : shard[s].stage[t] \in Stage
    /\ DOMAIN shard[s].done \subseteq Balance
    /\ \A r \in DOMAIN shard[s].done : shard[s].done[r] \in Int

TypeOK ==
    /\ CoordinatorTypeOK
    /\ \A s \in Shard : ShardOK(s)
    /\ suffix \in [Shard -> Seq(ShardEvent)]
    /\ tails \in [Shard -> SUBSET Seq(ShardEvent)]

\* At first everything is available.
Init ==
    /\ CoordinatorInit
    /\ shard = [s \in Shard |-> [available |-> [a \in Accounts(s) |-> Initial[a]],
                                 frozen |-> [a \in Accounts(s) |-> 0],
                                 stage |-> <<>>, done |-> <<>>]]
    /\ suffix = [s \in Shard |-> <<>>]
    /\ tails = [s \in Shard |-> {<<>>}]

StageOf(st, t) == Get(st.stage, t, "none")

\* The balances with n added to account a, if it lives here.
Add(balances, a, n) == IF a \in DOMAIN balances THEN [balances EXCEPT ![a] = @ + n] ELSE balances

\* What one more event does to a shard's state.
Evolve(st, e) ==
    CASE e.type = "tried"     -> [st EXCEPT !.stage = Put(@, e.id, "tried"),
                                            !.available = Add(@, From[e.id], -Amount[e.id]),
                                            !.frozen = Add(@, From[e.id], Amount[e.id])]
      [] e.type = "confirmed" -> [st EXCEPT !.stage = Put(@, e.id, "confirmed"),
                                            !.frozen = Add(@, From[e.id], -Amount[e.id]),
                                            !.available = Add(@, To[e.id], Amount[e.id])]
      [] e.type = "cancelled" -> IF StageOf(st, e.id) # "tried"
                                 THEN [st EXCEPT !.stage = Put(@, e.id, "cancelled")]
                                 ELSE [st EXCEPT !.stage = Put(@, e.id, "cancelled"),
                                                 !.frozen = Add(@, From[e.id], -Amount[e.id]),
                                                 !.available = Add(@, From[e.id], Amount[e.id])]
      [] e.type = "rejected"  -> [st EXCEPT !.stage = Put(@, e.id, "rejected")]
      [] e.type = "looked"    -> [st EXCEPT !.done = Put(@, e.id, st.available[Of[e.id]])]

RECURSIVE EvolveAll(_, _)
EvolveAll(st, es) == IF es = <<>> THEN st ELSE EvolveAll(Evolve(st, Head(es)), Tail(es))

\* The state on which the leader of shard s decides.
Speculative(s) == EvolveAll(shard[s], suffix[s])

-----------------------------------------------------------------------------
(* What a shard's leader decides in the speculative state st: the events that follow, at most one. *)

\* A transfer is tried once, and never after it was cancelled.
DecideTry(st, t) ==
    IF StageOf(st, t) # "none" THEN <<>>
    ELSE IF From[t] \notin DOMAIN st.available \/ st.available[From[t]] >= Amount[t] THEN <<Event("tried", t)>>
    ELSE <<Event("rejected", t)>>

\* What was tried is confirmed once.
DecideConfirm(st, t) == IF StageOf(st, t) = "tried" THEN <<Event("confirmed", t)>> ELSE <<>>

\* What was tried is cancelled once; what was never tried is cancelled without effect.
DecideCancel(st, t) == IF StageOf(st, t) \in {"none", "tried"} THEN <<Event("cancelled", t)>> ELSE <<>>

\* A look is made once, and waits for nothing.
DecideLook(st, r) == IF r \in DOMAIN st.done THEN <<>> ELSE <<Event("looked", r)>>

-----------------------------------------------------------------------------
(* The clients. *)

Call(o) == Calls(o) /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED shardVars

\* Transfer t is answered by the coordinator.
AnswerTransfer(t) ==
    /\ AnswersTransfer(t)
    /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED shardVars

\* A look is answered by the shard of its account, from its committed state.
AnswerLook(r) ==
    /\ r \in DOMAIN shard[Home[Of[r]]].done
    /\ Answers(r, Done(shard[Home[Of[r]]].done[r]))
    /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED shardVars

-----------------------------------------------------------------------------
(* The coordinator. *)

\* Steps of the coordinator that no shard takes part in, and that have no effect.
Alone == UNCHANGED shardVars /\ NoEffect

OnTransfer(t) == Begins(t) /\ Alone
OnVote(m) == CountsVote(m) /\ Alone
OnAcknowledgement(m) == NotesAcknowledgement(m) /\ Alone
TimeOut(t) == GivesUp(t) /\ Alone
CommitDecision == Commits /\ UNCHANGED shardVars
Speak == Speaks /\ Alone
ElectCoordinator(es) == Elects(es) /\ Alone
Lose(m) == Loses(m) /\ Alone

-----------------------------------------------------------------------------
(* The shards' leaders. *)

\* The leader of shard s appends the events es.
AppendAt(s, es) ==
    /\ suffix' = [suffix EXCEPT ![s] = @ \o es]
    /\ tails' = IF s \in Returning THEN [tails EXCEPT ![s] = @ \union {suffix[s] \o es}] ELSE tails
    /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED shard /\ NoEffect

\* The coordinator asks a shard to try.
OnTry(m) ==
    /\ m.type = "Prepare"
    /\ AppendAt(m.shard, DecideTry(Speculative(m.shard), m.transfer))

\* The coordinator has decided to commit, which is to confirm.
OnConfirm(m) ==
    /\ m.type = "Decision"
    /\ m.commit
    /\ AppendAt(m.shard, DecideConfirm(Speculative(m.shard), m.transfer))

\* The coordinator has decided to abort, which is to cancel.
OnCancel(m) ==
    /\ m.type = "Decision"
    /\ ~ m.commit
    /\ AppendAt(m.shard, DecideCancel(Speculative(m.shard), m.transfer))

\* A client wants to know what is available, and asks until it is answered.
OnLook(r) ==
    /\ op[r] = Open
    /\ AppendAt(Home[Of[r]], DecideLook(Speculative(Home[Of[r]]), r))

\* The oldest event of a shard's suffix is committed.
CommitEvent(s) ==
    /\ suffix[s] # <<>>
    /\ LET e == Head(suffix[s])
       IN /\ shard' = [shard EXCEPT ![s] = Evolve(@, e)]
          /\ suffix' = [suffix EXCEPT ![s] = Tail(@)]
          /\ tails' = IF s \in Returning
                      THEN [tails EXCEPT ![s] = {Tail(r) : r \in {q \in @ : q # <<>> /\ Head(q) = e}}]
                      ELSE tails
    /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ NoEffect

\* What a shard has to say, from its committed state alone.  A try that is rejected is a conflict and no refusal: what
\* is frozen may become available again.
ShardSays(s) ==
    LET st == shard[s]
        VoteOn(t) == IF st.stage[t] = "tried" THEN "yes" ELSE "conflict"
    IN {Vote(t, s, VoteOn(t)) : t \in {u \in DOMAIN st.stage : st.stage[u] \in {"tried", "rejected"}}}
           \union {Acknowledgement(t, s) : t \in {u \in DOMAIN st.stage : st.stage[u] # "tried"}}

\* The leader says it, all at once or again.
SpeakShard(s) ==
    /\ network' = network \union ShardSays(s)
    /\ UNCHANGED coordinatorVars /\ UNCHANGED shardVars /\ NoEffect

\* The suffixes with which a new leader of shard s may begin.
Electable(s) == IF s \in Returning THEN UNION {Prefixes(es) : es \in tails[s]} ELSE Prefixes(suffix[s])

\* A new leader of shard s begins with suffix es.
ElectLeader(s, es) ==
    /\ s \in Electing
    /\ es \in Electable(s)
    /\ suffix' = [suffix EXCEPT ![s] = es]
    /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED <<shard, tails>> /\ NoEffect

-----------------------------------------------------------------------------

\* TLC names a step after the operator that holds its choice of a message or a suffix, hence these names.
VoteArrives            == \E m \in network : OnVote(m)
AcknowledgementArrives == \E m \in network : OnAcknowledgement(m)
TryArrives             == \E m \in network : OnTry(m)
ConfirmArrives         == \E m \in network : OnConfirm(m)
CancelArrives          == \E m \in network : OnCancel(m)
MessageIsLost          == \E m \in network : Lose(m)
CoordinatorChanges     == \E es \in CoordinatorElectable : ElectCoordinator(es)
LeaderChanges(s)       == \E es \in UNION {Electable(r) : r \in Shard} : ElectLeader(s, es)

Next ==
    \/ \E o \in Operation : Call(o)
    \/ \E t \in Transfer : OnTransfer(t)
    \/ \E t \in Transfer : AnswerTransfer(t)
    \/ \E t \in Transfer : TimeOut(t)
    \/ VoteArrives
    \/ AcknowledgementArrives
    \/ CommitDecision
    \/ Speak
    \/ CoordinatorChanges
    \/ TryArrives
    \/ ConfirmArrives
    \/ CancelArrives
    \/ \E r \in Balance : OnLook(r)
    \/ \E r \in Balance : AnswerLook(r)
    \/ \E s \in Shard : CommitEvent(s)
    \/ \E s \in Shard : SpeakShard(s)
    \/ \E s \in Shard : LeaderChanges(s)
    \/ MessageIsLost

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What must hold in every state. *)

\* What account a gets or loses by transfers that are decided to commit, and that its shard has not confirmed.
Due(a) ==
    LET Owed(t) == (IF To[t] = a THEN Amount[t] ELSE 0) - (IF From[t] = a THEN Amount[t] ELSE 0)
    IN Sum([t \in Transfer |-> Owed(t)],
           {t \in Transfer : /\ Get(decision, t, "none") = "committed"
                             /\ StageOf(shard[Home[a]], t) # "confirmed"})

\* The ledger is what is available and what is frozen, with all that is decided.
LedgerIsHeld == \A a \in Account : ledger[a] = shard[Home[a]].available[a] + shard[Home[a]].frozen[a] + Due(a)

\* Nothing is made, and nothing is lost.
Conserved == Sum(ledger, Account) = Sum(Initial, Account)

\* Nobody spends what is not there.
NoDebt == \A a \in Account : ledger[a] >= 0 /\ shard[Home[a]].available[a] >= 0

\* Frozen is what transfers that were tried and not ended have set aside: nothing stays frozen for another reason.
FrozenIsTried ==
    \A a \in Account :
        shard[Home[a]].frozen[a] =
            Sum(Amount, {t \in Transfer : From[t] = a /\ StageOf(shard[Home[a]], t) = "tried"})

\* Who acknowledges has nothing left to confirm or to cancel.
AcknowledgedIsOver ==
    \A m \in network : m.type = "Acknowledgement" => StageOf(shard[m.shard], m.transfer) \notin {"none", "tried"}

-----------------------------------------------------------------------------
(* What must hold of every step. *)

\* What the law of atomic commitment sees of a shard.
Seen(stage) ==
    CASE stage = "none" -> "working" [] stage = "tried" -> "prepared" [] stage = "confirmed" -> "committed"
      [] OTHER -> "aborted"

Commitment == INSTANCE TransactionCommit WITH
    Transaction <- Transfer,
    Members <- [t \in Transfer |-> Involved(t)],
    stage <- [t \in Transfer |-> [s \in Involved(t) |-> Seen(StageOf(shard[s], t))]]

Atomic == INSTANCE AtomicLedger WITH
    taken <- {t \in Transfer : Get(decision, t, "none") = "committed"}

\* Transfers are committed atomically.
RefinesTransactionCommit == Commitment!Spec

\* With its looks this is an atomic ledger: it is not, and must be found not to be.
RefinesAtomicLedger == Atomic!Spec

\* What the shard of a transfer's source or target has once ended stays so.
EndIsFinal ==
    [][\A s \in Shard : \A t \in DOMAIN shard[s].stage :
        shard[s].stage[t] # "tried" => StageOf(shard'[s], t) = shard[s].stage[t]]_shard
=============================================================================
