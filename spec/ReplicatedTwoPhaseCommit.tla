---------------------- MODULE ReplicatedTwoPhaseCommit ----------------------
(***************************************************************************)
(* Transfers between shards by two-phase commit, and reads of several      *)
(* shards beside them.  The coordinator, and the world around all of this, *)
(* is in TransactionCoordinator; here are the shards.                      *)
(*                                                                         *)
(* Each shard is a group with a replicated log of its own, told of in the  *)
(* same way as the coordinator's.  To prepare a transfer, the shard of its *)
(* source reserves the money, and both shards promise to commit.  That is  *)
(* an event, and the vote is spoken when it is committed, so that no       *)
(* change of leader takes the promise back.  From then on only the         *)
(* coordinator can end the transfer: it is *in doubt*.  An abort of a      *)
(* transfer that a shard has never heard of is recorded before it is       *)
(* acknowledged, for the request to prepare may still be on its way.       *)
(*                                                                         *)
(* A transfer takes effect when its *decision* is committed, before the    *)
(* shards hear of it.  So a shard does not know what is on an account that *)
(* has a transfer in doubt.  A read is an event without effect in the log  *)
(* of a shard, and such an event is appended only where nothing that it    *)
(* reads is in doubt: the read waits, and no lock is needed.  A total asks *)
(* every shard twice, and answers if nothing has changed between the two   *)
(* rounds; otherwise it fails, and can be asked for again.                 *)
(*                                                                         *)
(* Together with its reads this is one atomic ledger: it refines           *)
(* AtomicLedger, and its transfers refine TransactionCommit.               *)
(***************************************************************************)
EXTENDS TransactionCoordinator

VARIABLES
    shard,      \* of each shard, the fold of its committed events
    suffix,     \* of each shard, the events that its leader has appended and that are not committed
    tails,      \* of each shard, the suffixes that some replica may still hold
    again       \* the totals that shards are asked for a second time

vars == <<decision, coordinatorSuffix, coordinatorTails, votes, acks, network, op, ledger, possible,
          shard, suffix, tails, again>>

shardVars == <<shard, suffix, tails, again>>

Accounts(s) == {a \in Account : Home[a] = s}

-----------------------------------------------------------------------------
(* What a shard knows. *)

Stage == {"prepared", "refused", "conflicted", "committed", "aborted"}

ShardEvent ==
    [type : Stage, id : Transfer]
        \union [type : {"deposited"}, id : Deposit]
        \union [type : {"read"}, id : Balance \union Total, round : {1, 2}]

\* free: what may be spent of each account; version: how often the balances have changed; stage: how far each transfer
\* is that it has heard of; done: of each deposit and each round of a read, the value and the version that it found.
ShardOK(s) ==
    /\ DOMAIN shard[s] = {"free", "version", "stage", "done"}
    /\ shard[s].free \in [Accounts(s) -> Int]
    /\ shard[s].version \in Nat
    /\ DOMAIN shard[s].stage \subseteq Transfer
    /\ \A t \in DOMAIN shard[s].stage : shard[s].stage[t] \in Stage
    /\ DOMAIN shard[s].done \subseteq (Deposit \union Balance \union Total) \X {1, 2}
    /\ \A k \in DOMAIN shard[s].done : shard[s].done[k] \in Int \X Nat

TypeOK ==
    /\ CoordinatorTypeOK
    /\ \A s \in Shard : ShardOK(s)
    /\ suffix \in [Shard -> Seq(ShardEvent)]
    /\ tails \in [Shard -> SUBSET Seq(ShardEvent)]
    /\ again \subseteq Total

\* At first there is nothing but the balances.
Init ==
    /\ CoordinatorInit
    /\ shard = [s \in Shard |-> [free |-> [a \in Accounts(s) |-> Initial[a]], version |-> 0,
                                 stage |-> <<>>, done |-> <<>>]]
    /\ suffix = [s \in Shard |-> <<>>]
    /\ tails = [s \in Shard |-> {<<>>}]
    /\ again = {}

\* In a shard's state st: how far transfer t is; the transfers in doubt; the amounts in doubt that leave and that reach
\* account a; and what is on it as long as nothing in doubt is decided.
StageOf(st, t) == Get(st.stage, t, "none")
InDoubt(st) == {t \in DOMAIN st.stage : st.stage[t] = "prepared"}
Reserved(st, a) == Sum(Amount, {t \in InDoubt(st) : From[t] = a})
Coming(st, a) == Sum(Amount, {t \in InDoubt(st) : To[t] = a})
BalanceOf(st, a) == st.free[a] + Reserved(st, a)

\* The balances with n added to account a, if it lives here.
Add(free, a, n) == IF a \in DOMAIN free THEN [free EXCEPT ![a] = @ + n] ELSE free

\* What read r finds in a shard: the balance of its account, or for a total those of all accounts here.
Found(st, r) ==
    IF r \in Balance THEN BalanceOf(st, Of[r])
    ELSE Sum([a \in DOMAIN st.free |-> BalanceOf(st, a)], DOMAIN st.free)

\* What one more event does to a shard's state.
Evolve(st, e) ==
    CASE e.type = "prepared"  -> [st EXCEPT !.stage = Put(@, e.id, "prepared"),
                                            !.free = Add(@, From[e.id], -Amount[e.id])]
      [] e.type = "committed" -> [st EXCEPT !.stage = Put(@, e.id, "committed"),
                                            !.free = Add(@, To[e.id], Amount[e.id]),
                                            !.version = @ + 1]
      [] e.type = "aborted"   -> [st EXCEPT !.stage = Put(@, e.id, "aborted"),
                                            !.free = IF StageOf(st, e.id) = "prepared"
                                                     THEN Add(@, From[e.id], Amount[e.id]) ELSE @]
      [] e.type = "deposited" -> [st EXCEPT !.free = Add(@, Of[e.id], Amount[e.id]),
                                            !.version = @ + 1,
                                            !.done = Put(@, <<e.id, 1>>, <<1, st.version + 1>>)]
      [] e.type = "read"      -> [st EXCEPT !.done = Put(@, <<e.id, e.round>>, <<Found(st, e.id), st.version>>)]
      [] OTHER                -> [st EXCEPT !.stage = Put(@, e.id, e.type)]

RECURSIVE EvolveAll(_, _)
EvolveAll(st, es) == IF es = <<>> THEN st ELSE EvolveAll(Evolve(st, Head(es)), Tail(es))

\* The state on which the leader of shard s decides.
Speculative(s) == EvolveAll(shard[s], suffix[s])

-----------------------------------------------------------------------------
(* What a shard's leader decides in the speculative state st: the events that follow, at most one. *)

\* A transfer is prepared once.  It is refused only if the source would be short whatever became of the transfers in
\* doubt: if those that leave were aborted, and those that come were committed.
DecidePrepare(st, t) ==
    LET source == From[t]
    IN IF StageOf(st, t) # "none" THEN <<>>
       ELSE IF source \notin DOMAIN st.free \/ st.free[source] >= Amount[t] THEN <<Event("prepared", t)>>
       ELSE IF BalanceOf(st, source) + Coming(st, source) < Amount[t] THEN <<Event("refused", t)>>
       ELSE <<Event("conflicted", t)>>

\* A decision is applied once.  An abort comes before the request to prepare, too; then it stands in its way.
DecideDecision(st, t, commit) ==
    IF commit THEN IF StageOf(st, t) = "prepared" THEN <<Event("committed", t)>> ELSE <<>>
    ELSE IF StageOf(st, t) \in {"none", "prepared"} THEN <<Event("aborted", t)>> ELSE <<>>

\* A deposit is made once.
DecideDeposit(st, d) == IF <<d, 1>> \in DOMAIN st.done THEN <<>> ELSE <<Event("deposited", d)>>

\* Whether something is in doubt that read r would read.
Blocked(st, r) == \E t \in InDoubt(st) : r \in Total \/ Of[r] \in {From[t], To[t]}

\* A read is made once, and not while it would read what is in doubt.
DecideRead(st, r, round) ==
    IF <<r, round>> \in DOMAIN st.done \/ Blocked(st, r) THEN <<>>
    ELSE <<[type |-> "read", id |-> r, round |-> round]>>

-----------------------------------------------------------------------------
(* The clients. *)

Call(o) == Calls(o) /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED shardVars

Answer(o, answer) == Answers(o, answer) /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED shardVars

\* Transfer t is answered by the coordinator.
AnswerTransfer(t) ==
    /\ AnswersTransfer(t)
    /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED shardVars

\* Deposits and balances are answered by the shard of their account, from its committed state.
AnswerDeposit(d) ==
    /\ <<d, 1>> \in DOMAIN shard[Home[Of[d]]].done
    /\ Answer(d, Done(1))

AnswerBalance(r) ==
    /\ <<r, 1>> \in DOMAIN shard[Home[Of[r]]].done
    /\ Answer(r, Done(shard[Home[Of[r]]].done[<<r, 1>>][1]))

\* Whether every shard has answered this round of total r.
Collected(r, round) == \A s \in Shard : <<r, round>> \in DOMAIN shard[s].done

\* All shards have answered once, and are asked again.
AskAgain(r) ==
    /\ op[r] = Open
    /\ r \notin again
    /\ Collected(r, 1)
    /\ again' = again \union {r}
    /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED <<shard, suffix, tails>> /\ NoEffect

\* Balances and versions are the same in both rounds, so all of them were true at once, between the rounds.
AnswerTotal(r) ==
    /\ Collected(r, 2)
    /\ Answer(r, IF \A s \in Shard : shard[s].done[<<r, 1>>] = shard[s].done[<<r, 2>>]
                 THEN Done(Sum([s \in Shard |-> shard[s].done[<<r, 2>>][1]], Shard))
                 ELSE Failed)

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
    /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED <<shard, again>> /\ NoEffect

\* The coordinator asks a shard to prepare.
OnPrepare(m) ==
    /\ m.type = "Prepare"
    /\ AppendAt(m.shard, DecidePrepare(Speculative(m.shard), m.transfer))

\* The coordinator tells a shard how a transfer was decided.
OnDecision(m) ==
    /\ m.type = "Decision"
    /\ AppendAt(m.shard, DecideDecision(Speculative(m.shard), m.transfer, m.commit))

\* A client asks for a deposit, a balance or a total, and asks again until it is answered.
OnDeposit(d) ==
    /\ op[d] = Open
    /\ AppendAt(Home[Of[d]], DecideDeposit(Speculative(Home[Of[d]]), d))

OnBalance(r) ==
    /\ op[r] = Open
    /\ AppendAt(Home[Of[r]], DecideRead(Speculative(Home[Of[r]]), r, 1))

OnTotal(s, r) ==
    /\ op[r] = Open
    /\ AppendAt(s, DecideRead(Speculative(s), r, IF r \in again THEN 2 ELSE 1))

\* The oldest event of a shard's suffix is committed.  A deposit takes effect.
CommitEvent(s) ==
    /\ suffix[s] # <<>>
    /\ LET e == Head(suffix[s])
       IN /\ shard' = [shard EXCEPT ![s] = Evolve(@, e)]
          /\ suffix' = [suffix EXCEPT ![s] = Tail(@)]
          /\ tails' = IF s \in Returning
                      THEN [tails EXCEPT ![s] = {Tail(r) : r \in {q \in @ : q # <<>> /\ Head(q) = e}}]
                      ELSE tails
          /\ Effect(IF e.type = "deposited" THEN [ledger EXCEPT ![Of[e.id]] = @ + Amount[e.id]] ELSE ledger)
    /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED again

\* What a shard has to say, from its committed state alone: its votes, and that it has no promise left to keep.
ShardSays(s) ==
    LET st == shard[s]
        VoteOn(t) == CASE st.stage[t] = "prepared" -> "yes" [] st.stage[t] = "refused" -> "no" [] OTHER -> "conflict"
    IN {Vote(t, s, VoteOn(t)) : t \in {u \in DOMAIN st.stage : st.stage[u] \in {"prepared", "refused", "conflicted"}}}
           \union {Acknowledgement(t, s) : t \in {u \in DOMAIN st.stage : st.stage[u] # "prepared"}}

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
    /\ UNCHANGED coordinatorVars /\ UNCHANGED network /\ UNCHANGED <<shard, tails, again>> /\ NoEffect

-----------------------------------------------------------------------------

\* TLC names a step after the operator that holds its choice of a message or a suffix, hence these names.
VoteArrives            == \E m \in network : OnVote(m)
AcknowledgementArrives == \E m \in network : OnAcknowledgement(m)
PrepareArrives         == \E m \in network : OnPrepare(m)
DecisionArrives        == \E m \in network : OnDecision(m)
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
    \/ PrepareArrives
    \/ DecisionArrives
    \/ \E d \in Deposit : OnDeposit(d)
    \/ \E d \in Deposit : AnswerDeposit(d)
    \/ \E r \in Balance : OnBalance(r)
    \/ \E r \in Balance : AnswerBalance(r)
    \/ \E s \in Shard, r \in Total : OnTotal(s, r)
    \/ \E r \in Total : AskAgain(r)
    \/ \E r \in Total : AnswerTotal(r)
    \/ \E s \in Shard : CommitEvent(s)
    \/ \E s \in Shard : SpeakShard(s)
    \/ \E s \in Shard : LeaderChanges(s)
    \/ MessageIsLost

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What must hold in every state. *)

\* A transfer that shard s has yet to apply, although it is decided to commit.
Unapplied(s, t) == Get(decision, t, "none") = "committed" /\ StageOf(shard[s], t) # "committed"

\* The ledger, taken from the shards and the decisions: what is on account a, with all that is decided.
Held(a) ==
    LET s == Home[a]
        Due(t) == (IF To[t] = a THEN Amount[t] ELSE 0) - (IF From[t] = a THEN Amount[t] ELSE 0)
    IN BalanceOf(shard[s], a) + Sum([t \in Transfer |-> Due(t)], {t \in Transfer : Unapplied(s, t)})

\* The ghost is no invention: it is what the shards hold.
LedgerIsHeld == \A a \in Account : ledger[a] = Held(a)

\* Deposits are the only source of money, and nothing swallows it.
Conserved ==
    Sum(ledger, Account) =
        Sum(Initial, Account) + Sum(Amount, {d \in Deposit : <<d, 1>> \in DOMAIN shard[Home[Of[d]]].done})

\* Nobody spends what is not there.
NoDebt == \A a \in Account : ledger[a] >= 0 /\ shard[Home[a]].free[a] >= 0

\* Who acknowledges has no promise left to keep.
AcknowledgedIsOver ==
    \A m \in network : m.type = "Acknowledgement" => StageOf(shard[m.shard], m.transfer) \notin {"none", "prepared"}

\* A vote for a transfer stands until the coordinator has decided.
VoteStands ==
    \A m \in network :
        m.type = "Vote" /\ m.vote = "yes" =>
            \/ StageOf(shard[m.shard], m.transfer) \in {"prepared", "committed"}
            \/ Get(decision, m.transfer, "none") \in {"refused", "aborted"}

\* What is told is decided, for ever.
ToldIsDecided ==
    \A m \in network :
        m.type = "Decision" =>
            Get(decision, m.transfer, "none") \in (IF m.commit THEN {"committed"} ELSE {"refused", "aborted"})

-----------------------------------------------------------------------------
(* What must hold of every step. *)

\* What the law of atomic commitment sees of a shard.
Seen(stage) ==
    CASE stage = "none" -> "working" [] stage = "prepared" -> "prepared" [] stage = "committed" -> "committed"
      [] OTHER -> "aborted"

Commitment == INSTANCE TransactionCommit WITH
    Transaction <- Transfer,
    Members <- [t \in Transfer |-> Involved(t)],
    stage <- [t \in Transfer |-> [s \in Involved(t) |-> Seen(StageOf(shard[s], t))]]

Atomic == INSTANCE AtomicLedger WITH
    taken <- {t \in Transfer : Get(decision, t, "none") = "committed"}
                 \union {d \in Deposit : <<d, 1>> \in DOMAIN shard[Home[Of[d]]].done}

\* Transfers are committed atomically.
RefinesTransactionCommit == Commitment!Spec

\* Transfers, deposits and reads are operations on one ledger.
RefinesAtomicLedger == Atomic!Spec

\* The same of a model that starts in the middle of the story, where the laws start at its beginning.
StepsOfTransactionCommit == [][Commitment!Next]_(Commitment!vars)
StepsOfAtomicLedger == [][Atomic!Next]_(Atomic!vars)

\* A decision is never taken back.
DecisionStands ==
    [][\A t \in DOMAIN decision :
        t \in DOMAIN decision' /\ (decision[t] # "begun" => decision'[t] = decision[t])]_decision
=============================================================================
