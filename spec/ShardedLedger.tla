---------------------------- MODULE ShardedLedger ----------------------------
(***************************************************************************)
(* The whole ledger on shards: deposits, withdrawals, transfers and        *)
(* exchanges on one shard and between two, and reads of one shard and of   *)
(* all of them.                                                            *)
(*                                                                         *)
(* ReplicatedTwoPhaseCommit shows how transfers between shards are agreed  *)
(* on over logs and networks.  What is left is what else goes on at a      *)
(* shard while it has transfers in doubt.  So here the coordinator decides *)
(* in one step, there are no messages, and what was once said may arrive   *)
(* at any time from then on, for the first time or again.  A shard is a    *)
(* log as there: the fold of what is committed, and the suffix that its    *)
(* leader has appended and that the next one may lack.                     *)
(*                                                                         *)
(* A command on one shard is decided by the rules of Ledger on what may be *)
(* *spent* there, so reserved money is not spent twice.  It is declined    *)
(* only if its account is short whatever becomes of the transfers in       *)
(* doubt.  If it is short only because of them, nothing happens, and its   *)
(* client may ask again.  That one request is decided once, and its answer *)
(* kept, is the work of LeaderOutput; `said` is what is kept.              *)
(*                                                                         *)
(* An exchange is decided at a rate that is drawn when its event is made.  *)
(* Between two shards that is when it begins, so all who take part know    *)
(* from the coordinator what it brings.  The account "exchange", which     *)
(* makes good the difference, is held in parts: each shard books what the  *)
(* exchanges from its own accounts have made.  To read it is to read all   *)
(* shards, as for a total: twice, and nothing may have changed between.    *)
(*                                                                         *)
(* Transfers have numbers, in the order in which they begin.  One that has *)
(* ended, and of which no shard has a promise left to keep, is over, and   *)
(* they are closed in the order of their numbers.  So one number tells     *)
(* late messages from new ones when everything else is forgotten.          *)
(*                                                                         *)
(* Seen from outside all this is the ledger of one machine: it refines     *)
(* AtomicBooks.                                                            *)
(***************************************************************************)
EXTENDS Integers, Sequences, FiniteSets

CONSTANTS
    Account,    \* the accounts
    Shard,      \* the shards
    Home,       \* the shard on which each account lives
    Initial,    \* how much is on each account at first
    Operation,  \* what clients ask for, each once
    Command,    \* the command of each operation, in the words of Ledger
    Rate,       \* what can be drawn
    Hasty,      \* the operations whose time may run out, if they are transfers between shards
    Electing    \* the shards whose leader may change

VARIABLES
    (* The coordinator. *)
    transfer,   \* the transfers that have begun: operation, what it brings, and how it ended.  Of these it has spoken
    decisions,   \* those that are not over, as it knows them: for each number, what it is and how far
    ending,     \* how each ended, for clients that ask again
    over,       \* all transfers up to this number are over
    (* The shards. *)
    shard,      \* of each shard, the fold of its committed entries
    suffix,     \* of each shard, the entries that its leader has appended and that are not committed
    (* The clients. *)
    op,         \* of each operation, whether it is idle or open, or else what came of it
    again,      \* the operations that have asked all shards once, and ask a second time
    (* Ghosts, for the law of the one machine. *)
    ledger,     \* its books, if everything takes effect when it is decided
    possible    \* of each open operation, the answers that have been true since its call, if it has no effect

coordinatorVars == <<transfer, decisions, ending, over>>
shardVars == <<shard, suffix>>
vars == <<transfer, decisions, ending, over, shard, suffix, op, again, ledger, possible>>

Rules == INSTANCE Ledger

-----------------------------------------------------------------------------
(* Small words. *)

Put(f, k, v) == [x \in DOMAIN f \union {k} |-> IF x = k THEN v ELSE f[x]]
Get(f, k, d) == IF k \in DOMAIN f THEN f[k] ELSE d
Without(f, S) == [x \in DOMAIN f \ S |-> f[x]]

RECURSIVE Sum(_, _)
Sum(f, S) == IF S = {} THEN 0 ELSE LET x == CHOOSE x \in S : TRUE IN f[x] + Sum(f, S \ {x})

Accounts(s) == {a \in Account : Home[a] = s}

\* The books at first: what clients have came from outside.
Opening ==
    [a \in Rules!Book |->
        IF a \in Account THEN Initial[a] ELSE IF a = "outside" THEN 0 - Sum(Initial, Account) ELSE 0]

\* What kinds of commands there are: those that take from an account, and those that ask.
Takes(c) == c.do \in {"withdraw", "transfer", "exchange"}
Asks(c) == c.do \in {"balance", "total"}
Source(c) == IF c.do = "withdraw" THEN c.account ELSE c.from

\* Whether operation o is between two shards; and whether it reads all of them.
IsAcross(o) == Command[o].do \in {"transfer", "exchange"} /\ Home[Command[o].from] # Home[Command[o].to]
IsOfAll(o) ==
    LET c == Command[o] IN \/ c.do = "total"
                           \/ c.do = "balance" /\ c.account = "exchange"

\* The shards that are asked for an operation that is not between two of them.
Asked(o) ==
    LET c == Command[o]
    IN IF IsOfAll(o) THEN Shard ELSE {Home[IF c.do \in {"transfer", "exchange"} THEN c.from ELSE c.account]}

Idle == [state |-> "idle", said |-> "nothing", n |-> 0]
Open == [state |-> "open", said |-> "nothing", n |-> 0]
Failed == [state |-> "failed", said |-> "nothing", n |-> 0]
Done(said, n) == [state |-> "done", said |-> said, n |-> n]

-----------------------------------------------------------------------------
(* The law, and the ghosts that it needs. *)

\* What has taken effect, and how it must be answered: transfers that are decided to commit, and what shards have said.
Taken ==
    LET across == {k \in 1 .. Len(transfer) : transfer[k].stage = "committed"}
        here(s) == {o \in Operation : ~ Asks(Command[o]) /\ Get(shard[s].said, <<o, 1>>, Failed).said = "yes"}
    IN [o \in {transfer[k].op : k \in across} \union UNION {here(s) : s \in Shard} |->
           IF IsAcross(o)
           THEN LET k == CHOOSE k \in across : transfer[k].op = o
                IN Done("yes", IF Command[o].do = "exchange" THEN transfer[k].brings ELSE 1)
           ELSE LET s == CHOOSE s \in Shard : o \in here(s) IN Done("yes", shard[s].said[<<o, 1>>].n)]

OneMachine == INSTANCE AtomicBooks WITH taken <- Taken

NoEffect == UNCHANGED <<op, ledger, possible>>

\* The books become l: what would be answered now is remembered.
Effect(l) ==
    /\ ledger' = l
    /\ possible' = IF l = ledger THEN possible
                   ELSE [o \in Operation |->
                            IF op[o] = Open THEN possible[o] \union OneMachine!Truth(o, l) ELSE {}]
    /\ UNCHANGED op

-----------------------------------------------------------------------------
(* What a shard knows of transfers.  The message that asks it to prepare one says everything of it. *)

Numbers == 1 .. Len(transfer)
What(k) == LET c == Command[transfer[k].op]
           IN [from |-> c.from, to |-> c.to, amount |-> c.amount, brings |-> transfer[k].brings]
Between(w) == {Home[w.from], Home[w.to]}
Involved(k) == Between(What(k))

\* In a shard's state st: how far transfer k is; and the amounts in doubt that leave and that reach account a.
StageOf(st, k) == Get(st.stage, k, "none")
InDoubt(st) == DOMAIN st.doubt
Reserved(st, a) == Sum([k \in InDoubt(st) |-> st.doubt[k].amount], {k \in InDoubt(st) : st.doubt[k].from = a})
Coming(st, a) == Sum([k \in InDoubt(st) |-> st.doubt[k].brings], {k \in InDoubt(st) : st.doubt[k].to = a})

\* What is on account a while nothing in doubt is decided; and the most that there may be.
BalanceOf(st, a) == st.free[a] + Reserved(st, a)
Most(st, a) == BalanceOf(st, a) + Coming(st, a)

\* free: what may be spent of each account, with the part of "exchange" that is here, and what has come from outside;
\* version: how often that has changed; stage: how far each transfer is that is not over; doubt: what those are that are
\* in doubt; said: the answers that are kept.
ShardOK(s) ==
    LET st == shard[s]
    IN /\ DOMAIN st = {"free", "version", "stage", "doubt", "over", "said"}
       /\ st.free \in [Accounts(s) \union {"exchange", "outside"} -> Int]
       /\ st.version \in Nat
       /\ DOMAIN st.stage \subseteq (st.over + 1) .. Len(transfer)
       /\ \A k \in DOMAIN st.stage : st.stage[k] \in {"prepared", "refused", "conflicted", "committed", "aborted"}
       /\ DOMAIN st.doubt = {k \in DOMAIN st.stage : st.stage[k] = "prepared"}
       /\ \A k \in DOMAIN st.doubt : st.doubt[k] = What(k)
       /\ st.over \in 0 .. over
       /\ DOMAIN st.said \subseteq Operation \X {1, 2}
       /\ \A k \in DOMAIN st.said : DOMAIN st.said[k] = {"said", "n", "version"}

TypeOK ==
    /\ \A k \in Numbers :
           /\ transfer[k].op \in {o \in Operation : IsAcross(o)}
           /\ transfer[k].brings \in Nat
           /\ transfer[k].stage \in {"open", "committed", "refused", "aborted"}
    /\ DOMAIN decisions = (over + 1) .. Len(transfer)
    /\ \A k \in DOMAIN decisions : decisions[k] = [what |-> What(k), stage |-> transfer[k].stage]
    /\ DOMAIN ending = {k \in Numbers : transfer[k].stage # "open"}
    /\ \A s \in Shard : ShardOK(s)
    /\ again \subseteq {o \in Operation : IsOfAll(o)}
    /\ ledger \in [Rules!Book -> Int]

Init ==
    /\ transfer = <<>>
    /\ decisions = <<>>
    /\ ending = <<>>
    /\ over = 0
    /\ shard = [s \in Shard |-> [free |-> [a \in Accounts(s) \union {"exchange", "outside"} |->
                                              IF a \in Account THEN Initial[a]
                                              ELSE IF a = "outside" THEN 0 - Sum(Initial, Accounts(s)) ELSE 0],
                                 version |-> 0, stage |-> <<>>, doubt |-> <<>>, over |-> 0, said |-> <<>>]]
    /\ suffix = [s \in Shard |-> <<>>]
    /\ op = [o \in Operation |-> Idle]
    /\ again = {}
    /\ ledger = Opening
    /\ possible = [o \in Operation |-> {}]

-----------------------------------------------------------------------------
(* What an entry does to a shard's state.  An entry is one of a transfer, or what a command became: no event, or one. *)

Staged(k, w, stage) == [type |-> "staged", number |-> k, what |-> w, stage |-> stage]
Ended(k, stage) == [type |-> "ended", number |-> k, stage |-> stage]
Closed(k) == [type |-> "closed", number |-> k]
Executed(o, round, events) == [type |-> "executed", op |-> o, round |-> round, events |-> events]

\* The balances with n added to account a, if it lives here.
Add(free, a, n) == IF a \in DOMAIN free THEN [free EXCEPT ![a] = @ + n] ELSE free

\* The balances when a transfer w, which was in doubt, is committed at shard s.
Applied(s, free, w) ==
    IF Home[w.from] = s THEN Add(Add(free, w.to, w.brings), "exchange", w.amount - w.brings)
    ELSE Add(free, w.to, w.brings)

\* What a read finds in a shard: of account a, or of all of them together.
Found(st, c) ==
    CASE c.do = "total" ->
            LET all == DOMAIN st.free \ {"outside"} IN Sum([a \in all |-> BalanceOf(st, a)], all)
      [] OTHER -> BalanceOf(st, c.account)

\* What is kept as the answer to command c, which became these events; st is the state after them.
Told(st, c, events) ==
    IF events = <<>> THEN [said |-> "nothing", n |-> 0, version |-> 0]
    ELSE CASE events[1].was = "declined" -> [said |-> "no", n |-> 0, version |-> 0]
           [] events[1].was = "exchanged" -> [said |-> "yes", n |-> events[1].received, version |-> 0]
           [] Asks(c) -> [said |-> "yes", n |-> Found(st, c), version |-> st.version]
           [] OTHER -> [said |-> "yes", n |-> 1, version |-> 0]

Happens(st, events) ==
    IF events = <<>> \/ ~ OneMachine!Changes(events[1]) THEN st
    ELSE [st EXCEPT !.free = Rules!Booked(@, events[1]), !.version = @ + 1]

Evolve(s, st, e) ==
    CASE e.type = "staged" /\ e.stage = "prepared" ->
            [st EXCEPT !.stage = Put(@, e.number, e.stage),
                       !.doubt = Put(@, e.number, e.what),
                       !.free = Add(@, e.what.from, -e.what.amount)]
      [] e.type = "staged" /\ e.stage # "prepared" ->
            [st EXCEPT !.stage = Put(@, e.number, e.stage)]
      [] e.type = "ended" /\ e.stage = "committed" ->
            [st EXCEPT !.stage = Put(@, e.number, "committed"),
                       !.doubt = Without(@, {e.number}),
                       !.free = Applied(s, @, st.doubt[e.number]),
                       !.version = @ + 1]
      [] e.type = "ended" /\ e.stage = "aborted" ->
            [st EXCEPT !.stage = Put(@, e.number, "aborted"),
                       !.doubt = Without(@, {e.number}),
                       !.free = IF e.number \in InDoubt(st)
                                THEN Add(@, st.doubt[e.number].from, st.doubt[e.number].amount) ELSE @]
      [] e.type = "closed" ->
            [st EXCEPT !.stage = Without(@, 1 .. e.number), !.over = e.number]
      [] e.type = "executed" ->
            LET after == Happens(st, e.events)
            IN [after EXCEPT !.said = Put(@, <<e.op, e.round>>, Told(after, Command[e.op], e.events))]

RECURSIVE EvolveAll(_, _, _)
EvolveAll(s, st, es) == IF es = <<>> THEN st ELSE EvolveAll(s, Evolve(s, st, Head(es)), Tail(es))

\* The state on which the leader of shard s decides.
Speculative(s) == EvolveAll(s, shard[s], suffix[s])

-----------------------------------------------------------------------------
(* What a shard's leader decides in the speculative state st: the entries that follow, at most one. *)

\* A transfer is prepared once, and not if it is over.
DecidePrepare(s, st, k, w) ==
    IF StageOf(st, k) # "none" \/ k <= st.over THEN <<>>
    ELSE IF Home[w.from] # s \/ st.free[w.from] >= w.amount THEN <<Staged(k, w, "prepared")>>
    ELSE IF Most(st, w.from) < w.amount THEN <<Staged(k, w, "refused")>>
    ELSE <<Staged(k, w, "conflicted")>>

\* A decision is applied once.  An abort comes before the request to prepare, too; then it stands in its way.
DecideDecision(st, k, stage) ==
    IF k <= st.over THEN <<>>
    ELSE IF stage = "committed" THEN IF StageOf(st, k) = "prepared" THEN <<Ended(k, "committed")>> ELSE <<>>
    ELSE IF StageOf(st, k) \in {"none", "prepared"} THEN <<Ended(k, "aborted")>> ELSE <<>>

\* Whether something is in doubt that is asked for.
Blocked(st, c) ==
    \E k \in InDoubt(st) :
        c.do = "total" \/ c.account = "exchange" \/ c.account \in {st.doubt[k].from, st.doubt[k].to}

\* What a command becomes, at rate r: one event, or none where it meets what is in doubt.
DecideCommand(st, c, r) ==
    LET e == Rules!Decided(st.free, c, r)[1]
    IN IF Asks(c) THEN IF Blocked(st, c) THEN <<>> ELSE <<e>>
       ELSE IF e.was = "declined" /\ Most(st, Source(c)) >= c.amount THEN <<>>
       ELSE <<e>>

-----------------------------------------------------------------------------
(* The clients. *)

\* Somebody asks for operation o.
Call(o) ==
    /\ op[o] = Idle
    /\ op' = [op EXCEPT ![o] = Open]
    /\ possible' = [possible EXCEPT ![o] = OneMachine!Truth(o, ledger)]
    /\ UNCHANGED ledger /\ UNCHANGED coordinatorVars /\ UNCHANGED shardVars /\ UNCHANGED again

\* What shard s has said to operation o in this round, if anything.
HasSaid(o, s, round) == <<o, round>> \in DOMAIN shard[s].said
Said(o, s, round) == shard[s].said[<<o, round>>]
Collected(o, round) == \A s \in Shard : HasSaid(o, s, round) /\ Said(o, s, round).said = "yes"
Met(o) == \E s \in Asked(o), round \in {1, 2} : HasSaid(o, s, round) /\ Said(o, s, round).said = "nothing"

\* All shards have answered once, and are asked again.
AskAgain(o) ==
    /\ op[o] = Open
    /\ IsOfAll(o)
    /\ o \notin again
    /\ Collected(o, 1)
    /\ again' = again \union {o}
    /\ UNCHANGED coordinatorVars /\ UNCHANGED shardVars /\ NoEffect

\* What the answers of shards make, if they make something: none where none does.
OfShards(o) ==
    IF Met(o) THEN {Failed}
    ELSE IF IsOfAll(o)
    THEN IF ~ Collected(o, 1) \/ ~ Collected(o, 2) THEN {}
         ELSE IF \A s \in Shard : Said(o, s, 1) = Said(o, s, 2)
         THEN {Done("yes", Sum([s \in Shard |-> Said(o, s, 2).n], Shard))}
         ELSE {Failed}
    ELSE {Done(Said(o, s, 1).said, Said(o, s, 1).n) : s \in {r \in Asked(o) : HasSaid(o, r, 1)}}

\* What the coordinator has to say of operation o, if it has ended.
Ending(o) == {ending[k].answer : k \in {l \in DOMAIN ending : transfer[l].op = o}}

\* Operation o is answered.
Answer(o) ==
    /\ op[o] = Open
    /\ \E answer \in (IF IsAcross(o) THEN Ending(o) ELSE OfShards(o)) : op' = [op EXCEPT ![o] = answer]
    /\ possible' = [possible EXCEPT ![o] = {}]
    /\ UNCHANGED ledger /\ UNCHANGED coordinatorVars /\ UNCHANGED shardVars /\ UNCHANGED again

-----------------------------------------------------------------------------
(* The coordinator. *)

\* Operation o begins, with the next number; what it brings is fixed at rate r.
Begin(o, r) ==
    /\ op[o] = Open
    /\ IsAcross(o)
    /\ \A k \in Numbers : transfer[k].op # o
    /\ LET c == Command[o]
           brings == IF c.do = "exchange" THEN Rules!Received(c.amount, r) ELSE c.amount
       IN transfer' = Append(transfer, [op |-> o, brings |-> brings, stage |-> "open"])
    /\ decisions' = Put(decisions, Len(transfer'), [what |-> What(Len(transfer))', stage |-> "open"])
    /\ UNCHANGED <<ending, over>> /\ UNCHANGED shardVars /\ UNCHANGED again /\ NoEffect

\* What is told of transfer k if it ends so.
Tells(k, stage) ==
    CASE stage = "committed" -> Done("yes", IF Command[transfer[k].op].do = "exchange" THEN transfer[k].brings ELSE 1)
      [] stage = "refused"   -> Done("no", 0)
      [] stage = "aborted"   -> Failed

\* Transfer k ends.
Settles(k, stage) ==
    /\ k \in DOMAIN decisions
    /\ decisions[k].stage = "open"
    /\ transfer' = [transfer EXCEPT ![k].stage = stage]
    /\ decisions' = [decisions EXCEPT ![k].stage = stage]
    /\ ending' = Put(ending, k, [answer |-> Tells(k, stage),
                                 exchanged |-> stage = "committed" /\ Command[transfer[k].op].do = "exchange"])
    /\ UNCHANGED over /\ UNCHANGED shardVars /\ UNCHANGED again

\* All shards that take part have promised to commit.
CountVotes(k) ==
    /\ k \in Numbers
    /\ \A s \in Involved(k) : StageOf(shard[s], k) = "prepared"
    /\ Settles(k, "committed")
    /\ LET w == What(k)
       IN Effect(Rules!Booked(ledger, [was |-> "exchanged", from |-> w.from, to |-> w.to, amount |-> w.amount,
                                       received |-> w.brings]))

\* Shard s cannot commit.
Reject(k, s) ==
    /\ k \in Numbers
    /\ s \in Involved(k)
    /\ StageOf(shard[s], k) \in {"refused", "conflicted"}
    /\ Settles(k, IF StageOf(shard[s], k) = "refused" THEN "refused" ELSE "aborted")
    /\ NoEffect

\* Transfer k has taken too long.
TimeOut(k) ==
    /\ k \in Numbers
    /\ transfer[k].op \in Hasty
    /\ Settles(k, "aborted")
    /\ NoEffect

\* Whether transfer k has ended, and no shard has a promise left to keep.
IsOver(k) == decisions[k].stage # "open" /\ \A s \in Involved(k) : StageOf(shard[s], k) \notin {"none", "prepared"}

\* The coordinator has heard so, and forgets all transfers up to k.
Close(k) ==
    /\ k \in DOMAIN decisions
    /\ \A l \in (over + 1) .. k : IsOver(l)
    /\ over' = k
    /\ decisions' = Without(decisions, 1 .. k)
    /\ UNCHANGED <<transfer, ending>> /\ UNCHANGED shardVars /\ UNCHANGED again /\ NoEffect

-----------------------------------------------------------------------------
(* The shards' leaders. *)

AppendAt(s, es) ==
    /\ suffix' = [suffix EXCEPT ![s] = @ \o es]
    /\ UNCHANGED coordinatorVars /\ UNCHANGED shard /\ UNCHANGED again /\ NoEffect

\* A request to prepare transfer k arrives, or a decisions, or the news that all transfers up to k are over.
OnPrepare(s, k) ==
    /\ k \in Numbers /\ s \in Involved(k)
    /\ AppendAt(s, DecidePrepare(s, Speculative(s), k, What(k)))

OnDecision(s, k) ==
    /\ k \in Numbers /\ s \in Involved(k)
    /\ transfer[k].stage # "open"
    /\ AppendAt(s, DecideDecision(Speculative(s), k, transfer[k].stage))

OnOver(s, k) ==
    /\ k \in 1 .. over
    /\ AppendAt(s, IF k > Speculative(s).over THEN <<Closed(k)>> ELSE <<>>)

\* A client asks for operation o, and this is the rate of the moment.  What is written already is not decided again.
OnCommand(s, o, r) ==
    LET round == IF o \in again THEN 2 ELSE 1
    IN /\ op[o] = Open
       /\ ~ IsAcross(o) /\ s \in Asked(o)
       /\ <<o, round>> \notin DOMAIN Speculative(s).said
       /\ AppendAt(s, <<Executed(o, round, DecideCommand(Speculative(s), Command[o], r))>>)

\* The oldest entry of a shard's suffix is committed, and what it says takes effect.
CommitEntry(s) ==
    /\ suffix[s] # <<>>
    /\ LET e == Head(suffix[s])
       IN /\ shard' = [shard EXCEPT ![s] = Evolve(s, @, e)]
          /\ Effect(IF e.type = "executed" /\ e.events # <<>> THEN Rules!Booked(ledger, e.events[1]) ELSE ledger)
    /\ suffix' = [suffix EXCEPT ![s] = Tail(@)]
    /\ UNCHANGED coordinatorVars /\ UNCHANGED again

\* A new leader of shard s has the first n entries of the suffix.
ElectLeader(s, n) ==
    /\ s \in Electing
    /\ n \in 0 .. Len(suffix[s])
    /\ suffix' = [suffix EXCEPT ![s] = SubSeq(@, 1, n)]
    /\ UNCHANGED coordinatorVars /\ UNCHANGED shard /\ UNCHANGED again /\ NoEffect

-----------------------------------------------------------------------------

\* As many transfers may begin as there are operations between shards; and how many entries a new leader may have.
Number == 1 .. Cardinality({o \in Operation : IsAcross(o)})
Length == 0 .. 3

Next ==
    \/ \E o \in Operation : Call(o)
    \/ \E o \in Operation : AskAgain(o)
    \/ \E o \in Operation : Answer(o)
    \/ \E o \in Operation, r \in Rate : Begin(o, r)
    \/ \E k \in Number : CountVotes(k)
    \/ \E k \in Number, s \in Shard : Reject(k, s)
    \/ \E k \in Number : TimeOut(k)
    \/ \E k \in Number : Close(k)
    \/ \E s \in Shard, k \in Number : OnPrepare(s, k)
    \/ \E s \in Shard, k \in Number : OnDecision(s, k)
    \/ \E s \in Shard, k \in Number : OnOver(s, k)
    \/ \E s \in Shard, o \in Operation, r \in Rate : OnCommand(s, o, r)
    \/ \E s \in Shard : CommitEntry(s)
    \/ \E s \in Shard, n \in Length : ElectLeader(s, n)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What must hold in every state. *)

\* What is on account a, taken from the shards and the decisions.
Held(a) ==
    LET Unapplied(s) == {k \in Numbers : /\ transfer[k].stage = "committed"
                                         /\ s \in Involved(k)
                                         /\ k > shard[s].over
                                         /\ StageOf(shard[s], k) # "committed"}
        Due(k) == (IF What(k).to = a THEN What(k).brings ELSE 0) - (IF What(k).from = a THEN What(k).amount ELSE 0)
        Here(s) == BalanceOf(shard[s], a) + Sum([k \in Numbers |-> Due(k)], Unapplied(s))
        Part(s) == BalanceOf(shard[s], a)
                   + Sum([k \in Numbers |-> What(k).amount - What(k).brings],
                         {k \in Unapplied(s) : Home[What(k).from] = s})
    IN IF a \in Account THEN Here(Home[a]) ELSE Sum([s \in Shard |-> Part(s)], Shard)

\* The ghost is no invention: it is what the shards hold.
LedgerIsHeld == \A a \in Account \union {"exchange"} : ledger[a] = Held(a)

\* Whatever was added to one account was taken from another.
IsBalanced == Rules!IsBalanced(ledger)

\* Nobody spends what is not there.
NoDebt == Rules!IsCovered(ledger) /\ \A a \in Account : shard[Home[a]].free[a] >= 0

\* What is over, and forgotten, is the same everywhere: no shard has a promise left to keep.
OverIsOver ==
    \A k \in 1 .. over : /\ transfer[k].stage # "open"
                         /\ \A s \in Involved(k) : k \notin InDoubt(shard[s])

-----------------------------------------------------------------------------
(* What must hold of every step. *)

\* Seen from outside, this is the ledger of one machine.
RefinesAtomicBooks == OneMachine!Spec
StepsOfAtomicBooks == [][OneMachine!Next]_(OneMachine!vars)

\* A rate is drawn once: what an exchange brings does not change.
BringsStands ==
    [][\A k \in DOMAIN transfer : k \in DOMAIN transfer' /\ transfer'[k].brings = transfer[k].brings]_transfer
=============================================================================
