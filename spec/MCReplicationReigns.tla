------------------------- MODULE MCReplicationReigns -------------------------
(***************************************************************************)
(* Replication refines Reigns.                                             *)
(*                                                                         *)
(* Reigns speaks of what leaders have made of the log, also of those that  *)
(* lead no more.  Here two history variables keep that while Replication   *)
(* takes its steps; they never say what a server may do.  `follows` is the *)
(* term of the leader that a server has last heard of, or was, and after a *)
(* crash what its disk proves of it: the term of its last entry.           *)
(*                                                                         *)
(* Entries without an event, with which a leader decides what came before  *)
(* it, are left out; that is why logs and indexes are translated.          *)
(***************************************************************************)
EXTENDS MCReplication

VARIABLES
    reign,      \* as in Reigns
    follows     \* as in Reigns

\* A log without entries that hold no event, and how many with an event are among its first k.
Real(l) == SelectSeq(l, LAMBDA x : x.event # Nil)
Count(l, k) == Len(Real(Prefix(l, k)))

R == INSTANCE Reigns WITH
        Node    <- Server,
        Term    <- 1 .. MaxTerm + 1,
        leads   <- [i \in Server |-> role[i] = "leader"],
        log     <- [i \in Server |-> Real(log[i])],
        applied <- [i \in Server |-> Count(log[i], commitIndex[i])]

-----------------------------------------------------------------------------
(* The history. *)

\* The servers that lead after a step, one a term.
Leading == {i \in Server : role'[i] = "leader"}

\* A reign begins with what was decided in lower terms, and its leader finds out more.
WithReign ==
    LET ruled == {term'[i] : i \in Leading}
        ruler(t) == CHOOSE i \in Leading : term'[i] = t
        known(t) == Count(log'[ruler(t)], commitIndex'[ruler(t)])
        starts(t) == IF t \in DOMAIN reign THEN reign[t].decided ELSE R!DecidedBelow(t)
        held(t) == Maximum(Minimum(starts(t), Len(Real(log'[ruler(t)]))), known(t))
    IN reign' = [t \in DOMAIN reign \cup ruled |->
                    IF t \in ruled
                    THEN [leader |-> ruler(t), log |-> Real(log'[ruler(t)]), decided |-> held(t)]
                    ELSE reign[t]]

\* Server i hears of a leader's term, or crashes; all others that lead follow themselves.
Following(i, t) == follows' = [follows EXCEPT ![i] = t]
Ruling == follows' = [i \in Server |-> IF role'[i] = "leader" THEN term'[i] ELSE follows[i]]

Crashes(i) == Crash(i) /\ Following(i, LastTerm(disk[i].log))
Hears(i) == \E m \in network : OnAppendRequest(i, m) /\ Following(i, IF m.term < term[i] THEN follows[i] ELSE m.term)

Others ==
    \/ \E i \in Server : Timeout(i)
    \/ \E i \in Server : Sync(i)
    \/ \E i \in Server, e \in Event : Propose(i, e)
    \/ \E i \in Server, j \in Server : Replicate(i, j)
    \/ \E i \in Server : VoteRequestArrives(i)
    \/ \E i \in Server : VoteReplyArrives(i)
    \/ \E i \in Server : AppendReplyArrives(i)
    \/ MessageIsLost

HistoryNext ==
    \/ \E i \in Server : Crashes(i) /\ WithReign
    \/ \E i \in Server : Hears(i) /\ WithReign
    \/ Others /\ Ruling /\ WithReign

\* The same with leaders that may resign.
HistoryResigning == HistoryNext \/ \E i \in Server : Resign(i) /\ Ruling /\ WithReign

\* a led term 1 and does not know that b leads term 2.
HistoryDeposed ==
    /\ InitDeposed
    /\ reign = (1 :> [leader |-> a, log |-> Real(log[a]), decided |-> 0])
               @@ (2 :> [leader |-> b, log |-> Real(log[b]), decided |-> 0])
    /\ follows = Of(1, 2, 1)

\* a leads term 1, and is about to decide its first event, which b has acknowledged but not yet heard to be decided.
HistoryDeciding ==
    LET l == <<NoOp(1), Put(1, AnEvent)>>
    IN /\ Story(Of(1, 1, 1), Of(a, a, a), Of(l, l, <<NoOp(1)>>), Of("leader", "follower", "follower"), NoVotes,
                [NoNext EXCEPT ![a] = Of(3, 3, 3)], [NoMatch EXCEPT ![a] = Of(0, 1, 1)], Of(1, 0, 0))
       /\ network = {[type |-> "AppendReply", from |-> b, to |-> a, term |-> 1, accepted |-> TRUE, index |-> 2]}
       /\ decided = <<NoOp(1)>>
       /\ reign = (1 :> [leader |-> a, log |-> Real(l), decided |-> 0])
       /\ follows = Of(1, 1, 1)

\* a led term 1, its event is decided, on its own disk and on b's, and c has nothing.  Then a crashed.
HistoryDecided ==
    LET l == <<NoOp(1), Put(1, AnEvent)>>
    IN /\ Story(Of(1, 1, 1), Of(a, a, a), Of(l, l, <<>>), Followers, NoVotes, NoNext, NoMatch, Of(0, 0, 0))
       /\ network = {}
       /\ decided = l
       /\ reign = (1 :> [leader |-> a, log |-> Real(l), decided |-> 1])
       /\ follows = Of(1, 1, 0)

\* b stood in term 1, and c's vote is on its way; meanwhile a leads term 2, elected by c, and has written an event.
\* If the vote arrives, b is elected late.
HistoryBornLate ==
    /\ Story(Of(2, 1, 2), Of(a, b, a), Of(<<NoOp(2), Put(2, AnEvent)>>, <<>>, <<>>),
             Of("leader", "candidate", "follower"), Of({}, {b}, {}), NoNext, NoMatch, Of(0, 0, 0))
    /\ network = {[type |-> "VoteReply", from |-> c, to |-> b, term |-> 1]}
    /\ decided = <<>>
    /\ reign = (2 :> [leader |-> a, log |-> <<Put(2, AnEvent)>>, decided |-> 0])
    /\ follows = Of(2, 0, 0)

-----------------------------------------------------------------------------
(* The refinement. *)

\* What consensus tells a server in one step may be two steps of Reigns: it hears of a leader and learns what is
\* decided, or a leader learns what it has just decided.  Each server's part of this is written out, since TLA+ has no
\* composition of actions that TLC knows.
\* Server i hears of the leader of term t, keeps its log or receives the first k entries of that reign, and learns that
\* its first d entries are decided.
HearsAndLearns(i, t, k, d) ==
    LET knows == Count(log[i], commitIndex[i])
        kept == Real(log'[i]) = Real(log[i])
    IN /\ t \in DOMAIN reign /\ t >= follows[i] /\ reign[t].leader # i
       /\ \/ kept
          \/ k \in knows .. Len(reign[t].log) /\ Real(log'[i]) = Prefix(reign[t].log, k)
       /\ d = knows \/ (d > knows /\ R!IsDecided(Real(log'[i]), reign[t], d))
       /\ reign' = reign
       /\ follows' = [follows EXCEPT ![i] = t]
       /\ role'[i] # "leader"
       /\ \A j \in Server \ {i} : (role'[j] = "leader") = (role[j] = "leader") /\ Real(log'[j]) = Real(log[j])
       /\ \A j \in Server :
            Count(log'[j], commitIndex'[j]) = IF j = i THEN d ELSE Count(log[j], commitIndex[j])

\* Leader i decides the first k entries of its reign, and knows it.
DecidesAndLearns(i, k) ==
    /\ role[i] = "leader" /\ role' = role /\ follows' = follows
    /\ LET t == follows[i]
       IN /\ k <= Len(reign[t].log) /\ k > Count(log[i], commitIndex[i])
          /\ \A u \in DOMAIN reign : u > t => IsPrefix(Prefix(reign[t].log, k), reign[u].log)
          /\ reign' = [reign EXCEPT ![t].decided = Maximum(@, k)]
    /\ log' = log
    /\ \A j \in Server :
            Count(log'[j], commitIndex'[j]) = IF j = i THEN k ELSE Count(log[j], commitIndex[j])

Indexes == 0 .. MaxLog + 1
TheTerms == 1 .. MaxTerm + 1

StepOfReigns ==
    \/ R!consensus' = R!consensus
    \/ \E i \in Server :
        \/ \E t \in TheTerms : R!Elect(i, t)
        \/ R!Depose(i)
        \/ \E e \in Event, t \in TheTerms : R!Write(i, [term |-> t, event |-> e])
        \/ \E t \in TheTerms, k \in Indexes, d \in Indexes : HearsAndLearns(i, t, k, d)
        \/ \E k \in Indexes : DecidesAndLearns(i, k)
        \/ \E t \in TheTerms \cup {0}, k \in Indexes : R!Restart(i, t, k)

\* Every step of Replication is a step of Reigns, or two, or none.
RefinesReigns == [][StepOfReigns]_<<vars, reign, follows>>

LeadersReign == R!LeadersReign
ReignsAgree == R!ReignsAgree
AppliedIsDecided == R!AppliedIsDecided

\* What is decided in the reigns is what Replication has decided.
DecidedInReigns == IsPrefix(R!Decided, Real(decided)) /\ IsPrefix(Real(decided), R!Decided)

-----------------------------------------------------------------------------

\* Witness: b is elected late, in term 1, when there has been a leader of term 2.
NeverBornLate == ~ (2 \in DOMAIN reign /\ reign[2].log # <<>> /\ 1 \in DOMAIN reign)
=============================================================================
