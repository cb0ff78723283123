----------------------- MODULE TransactionCoordinator -----------------------
(***************************************************************************)
(* The coordinator of transfers between shards, and the world around it.   *)
(* Two protocols are built on it: ReplicatedTwoPhaseCommit and             *)
(* TryConfirmCancel.  What is missing here is the shards.                  *)
(*                                                                         *)
(* The coordinator of a transfer is a single point of failure: if it is    *)
(* lost between the two phases, the shards have promised to commit and     *)
(* wait for ever.  So it is no machine but a group that keeps a replicated *)
(* log, and so is each shard.  A group is described here by what           *)
(* Replication guarantees and no more:                                     *)
(*                                                                         *)
(*   - its committed events, of which only the fold is kept (`decision`);  *)
(*   - the suffix of events that its leader has appended, and that are not *)
(*     committed.  The leader decides on the *speculative* state, which is *)
(*     the fold of both, and discards it when it is deposed;               *)
(*   - a new leader, who may come at any moment, has all that is committed *)
(*     and any part of the suffix, or one that an earlier leader held, for *)
(*     some replica may still have it (`coordinatorTails`).                *)
(*                                                                         *)
(* What the coordinator says comes from its committed state.  That makes a *)
(* decision durable before anybody can hear of it.  It says a thing again  *)
(* until it is acknowledged; the votes and acknowledgements that it has    *)
(* heard are volatile, and a new leader simply asks and tells again.       *)
(*                                                                         *)
(* The definitions here are halves of steps: they say nothing of the       *)
(* shards.                                                                 *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
    (* Accounts and shards. *)
    Account,        \* the accounts
    Shard,          \* the shards
    Home,           \* the shard on which each account lives
    Initial,        \* how much is on each account at first
    (* What clients ask for; each of these is one request with an identity of its own. *)
    Transfer,       \* from one account to another
    Deposit,        \* money comes from outside
    Balance,        \* how much is on an account
    Total,          \* how much there is on all shards
    From, To,       \* the two accounts of each transfer
    Amount,         \* how much is transferred or deposited
    Of,             \* the account of each deposit and each balance
    (* What the world may do. *)
    Coordinator,    \* the name of the coordinator's group
    Hasty,          \* the transfers whose time may run out
    Electing,       \* the groups whose leader may change
    Returning,      \* those of them in which a suffix that was thought lost may come back
    Lossy           \* the shards to and from which messages may be lost

Operation == Transfer \union Deposit \union Balance \union Total
Group == Shard \union {Coordinator}

\* The shards that take part in transfer t.  It may be one only.
Involved(t) == {Home[From[t]], Home[To[t]]}

ASSUME /\ Coordinator \notin Shard
       /\ Home \in [Account -> Shard]
       /\ Initial \in [Account -> Nat]
       /\ Hasty \subseteq Transfer
       /\ Electing \subseteq Group
       /\ Returning \subseteq Electing
       /\ Lossy \subseteq Shard

VARIABLES
    (* The coordinator's group. *)
    decision,           \* committed: for each transfer that has begun, how far it is, and how it was decided
    coordinatorSuffix,  \* the events that its leader has appended and that are not committed
    coordinatorTails,   \* the suffixes that some replica may still hold
    votes,              \* the votes for committing that the leader has heard: <<transfer, shard>>
    acks,               \* the acknowledgements that it has heard: <<transfer, shard>>
    (* The world. *)
    network,            \* the messages that may still arrive
    op,                 \* of each operation, whether it is idle or open, or else what came of it
    (* Ghosts, for the law of the one ledger. *)
    ledger,             \* what is on each account if every transfer takes effect when its decision is committed
    possible            \* of each open operation without effect, the answers that have been true since its call

coordinatorVars == <<decision, coordinatorSuffix, coordinatorTails, votes, acks>>

-----------------------------------------------------------------------------
(* Small words. *)

\* Function f with the value v for k, whether it had one or not; and the value for k, or d if there is none.
Put(f, k, v) == [x \in DOMAIN f \union {k} |-> IF x = k THEN v ELSE f[x]]
Get(f, k, d) == IF k \in DOMAIN f THEN f[k] ELSE d

RECURSIVE Sum(_, _)
Sum(f, S) == IF S = {} THEN 0 ELSE LET x == CHOOSE x \in S : TRUE IN f[x] + Sum(f, S \ {x})

Prefixes(s) == {SubSeq(s, 1, n) : n \in 0 .. Len(s)}

Idle == [state |-> "idle", value |-> 0]
Open == [state |-> "open", value |-> 0]
Failed == [state |-> "failed", value |-> 0]
Done(v) == [state |-> "done", value |-> v]

\* What happened to transfer t.
Event(type, t) == [type |-> type, id |-> t]

-----------------------------------------------------------------------------
(* What is said between the coordinator and a shard. *)

Prepare(t, s) == [type |-> "Prepare", transfer |-> t, shard |-> s]
Vote(t, s, vote) == [type |-> "Vote", transfer |-> t, shard |-> s, vote |-> vote]
Decision(t, s, commit) == [type |-> "Decision", transfer |-> t, shard |-> s, commit |-> commit]
Acknowledgement(t, s) == [type |-> "Acknowledgement", transfer |-> t, shard |-> s]

\* A vote is "yes", "no" (the source is short, whatever comes of transfers in doubt) or "conflict" (it is short only
\* because of them).
Message ==
    [type : {"Prepare"}, transfer : Transfer, shard : Shard]
        \union [type : {"Vote"}, transfer : Transfer, shard : Shard, vote : {"yes", "no", "conflict"}]
        \union [type : {"Decision"}, transfer : Transfer, shard : Shard, commit : BOOLEAN]
        \union [type : {"Acknowledgement"}, transfer : Transfer, shard : Shard]

CoordinatorEvent == [type : {"begun", "committed", "refused", "aborted"}, id : Transfer]

CoordinatorTypeOK ==
    /\ DOMAIN decision \subseteq Transfer
    /\ \A t \in DOMAIN decision : decision[t] \in {"begun", "committed", "refused", "aborted"}
    /\ coordinatorSuffix \in Seq(CoordinatorEvent)
    /\ coordinatorTails \subseteq Seq(CoordinatorEvent)
    /\ votes \subseteq Transfer \X Shard
    /\ acks \subseteq Transfer \X Shard
    /\ network \subseteq Message
    /\ op \in [Operation -> [state : {"idle", "open", "failed", "done"}, value : Int]]
    /\ ledger \in [Account -> Int]
    /\ possible \in [Operation -> SUBSET Int]

CoordinatorInit ==
    /\ decision = <<>>
    /\ coordinatorSuffix = <<>>
    /\ coordinatorTails = {<<>>}
    /\ votes = {}
    /\ acks = {}
    /\ network = {}
    /\ op = [o \in Operation |-> Idle]
    /\ ledger = Initial
    /\ possible = [o \in Operation |-> {}]

-----------------------------------------------------------------------------
(* The ghosts. *)

\* What operation o, if it has no effect, would truly answer of ledger l.  A refused transfer answers 0.
Truth(o, l) ==
    CASE o \in Balance  -> {l[Of[o]]}
      [] o \in Total    -> {Sum(l, Account)}
      [] o \in Transfer -> IF l[From[o]] < Amount[o] THEN {0} ELSE {}
      [] OTHER          -> {}

\* Nothing takes effect, and nobody asks or is answered.
NoEffect == UNCHANGED <<op, ledger, possible>>

\* The ledger becomes l: what operations without effect would answer now is remembered.
Effect(l) ==
    /\ ledger' = l
    /\ possible' = IF l = ledger THEN possible
                   ELSE [o \in Operation |-> IF op[o] = Open THEN possible[o] \union Truth(o, l) ELSE {}]
    /\ UNCHANGED op

-----------------------------------------------------------------------------
(* The clients. *)

\* Somebody asks for operation o, and goes on asking until there is an answer.
Calls(o) ==
    /\ op[o] = Idle
    /\ op' = [op EXCEPT ![o] = Open]
    /\ possible' = [possible EXCEPT ![o] = Truth(o, ledger)]
    /\ UNCHANGED ledger

\* Operation o is answered.
Answers(o, answer) ==
    /\ op[o] = Open
    /\ op' = [op EXCEPT ![o] = answer]
    /\ possible' = [possible EXCEPT ![o] = {}]
    /\ UNCHANGED ledger

-----------------------------------------------------------------------------
(* The coordinator's leader: it decides on the speculative state. *)

\* What one more event does to what is known of the transfers.
Decide(known, e) == Put(known, e.id, e.type)

RECURSIVE DecideAll(_, _)
DecideAll(known, es) == IF es = <<>> THEN known ELSE DecideAll(Decide(known, Head(es)), Tail(es))

\* How far transfer t is in the speculative state.
SpeculativeDecision(t) == Get(DecideAll(decision, coordinatorSuffix), t, "none")

\* The leader appends the events es.
Appends(es) ==
    /\ coordinatorSuffix' = coordinatorSuffix \o es
    /\ coordinatorTails' =
           IF Coordinator \in Returning THEN coordinatorTails \union {coordinatorSuffix \o es} ELSE coordinatorTails

\* The leader decides how transfer t ends, and needs its votes no longer.
Settles(t, type) ==
    /\ Appends(<<Event(type, t)>>)
    /\ votes' = {v \in votes : v[1] # t}

\* A client asks for transfer t.  However often it asks, the transfer begins once.
Begins(t) ==
    /\ op[t] = Open
    /\ Appends(IF SpeculativeDecision(t) = "none" THEN <<Event("begun", t)>> ELSE <<>>)
    /\ UNCHANGED <<decision, votes, acks, network>>

\* Vote m arrives.  The transfer commits when all its members have voted for it, and ends otherwise with the first
\* vote against.  Where it is decided already the vote is late.
CountsVote(m) ==
    /\ m.type = "Vote"
    /\ LET t == m.transfer
           heard == votes \union {<<t, m.shard>>}
           all == \A s \in Involved(t) : <<t, s>> \in heard
       IN IF SpeculativeDecision(t) # "begun" THEN UNCHANGED <<coordinatorSuffix, coordinatorTails, votes>>
          ELSE IF m.vote # "yes" THEN Settles(t, IF m.vote = "no" THEN "refused" ELSE "aborted")
          ELSE IF all THEN Settles(t, "committed")
          ELSE votes' = heard /\ UNCHANGED <<coordinatorSuffix, coordinatorTails>>
    /\ UNCHANGED <<decision, acks, network>>

\* Acknowledgement m arrives: this shard need not be told again.
NotesAcknowledgement(m) ==
    /\ m.type = "Acknowledgement"
    /\ acks' = acks \union {<<m.transfer, m.shard>>}
    /\ UNCHANGED <<decision, coordinatorSuffix, coordinatorTails, votes, network>>

\* Transfer t has taken too long.  It is aborted, but only while no decision exists, appended or committed.
GivesUp(t) ==
    /\ t \in Hasty
    /\ SpeculativeDecision(t) = "begun"
    /\ Settles(t, "aborted")
    /\ UNCHANGED <<decision, acks, network>>

\* Transfer t is answered by the coordinator, from its committed state: done, refused, or failed for another reason.
AnswersTransfer(t) ==
    \/ Get(decision, t, "none") = "committed" /\ Answers(t, Done(1))
    \/ Get(decision, t, "none") = "refused"   /\ Answers(t, Done(0))
    \/ Get(decision, t, "none") = "aborted"   /\ Answers(t, Failed)

-----------------------------------------------------------------------------
(* The coordinator's group. *)

\* The oldest event of the suffix is committed.  Replicas that hold another one in its place will lose theirs.
\* Committing a transfer makes it take effect.
Commits ==
    /\ coordinatorSuffix # <<>>
    /\ LET e == Head(coordinatorSuffix)
       IN /\ decision' = Decide(decision, e)
          /\ coordinatorSuffix' = Tail(coordinatorSuffix)
          /\ coordinatorTails' =
                 IF Coordinator \in Returning
                 THEN {Tail(s) : s \in {r \in coordinatorTails : r # <<>> /\ Head(r) = e}}
                 ELSE coordinatorTails
          /\ Effect(IF e.type = "committed"
                    THEN [ledger EXCEPT ![From[e.id]] = @ - Amount[e.id], ![To[e.id]] = @ + Amount[e.id]]
                    ELSE ledger)
    /\ UNCHANGED <<votes, acks, network>>

\* What the coordinator has to say, from its committed state alone: it asks those who have not voted, and tells those
\* who have not acknowledged.
CoordinatorSays ==
    UNION {{IF decision[t] = "begun" THEN Prepare(t, s) ELSE Decision(t, s, decision[t] = "committed") :
                s \in {r \in Involved(t) : <<t, r>> \notin (IF decision[t] = "begun" THEN votes ELSE acks)}} :
           t \in DOMAIN decision}

\* The leader says it, all at once or again.
Speaks ==
    /\ network' = network \union CoordinatorSays
    /\ UNCHANGED coordinatorVars

\* The suffixes with which a new leader may begin.
CoordinatorElectable ==
    IF Coordinator \in Returning THEN UNION {Prefixes(s) : s \in coordinatorTails} ELSE Prefixes(coordinatorSuffix)

\* A new leader begins with suffix s.  What the old one has heard is forgotten.
Elects(s) ==
    /\ Coordinator \in Electing
    /\ coordinatorSuffix' = s
    /\ votes' = {}
    /\ acks' = {}
    /\ UNCHANGED <<decision, coordinatorTails, network>>

\* Message m is lost.  (A message that is received stays in the network, and may be received again.)
Loses(m) ==
    /\ m.shard \in Lossy
    /\ network' = network \ {m}
    /\ UNCHANGED coordinatorVars
=============================================================================
