------------------------- MODULE MCReplicationWide -------------------------
(***************************************************************************)
(* Models of Replication that are too large to be explored: five servers   *)
(* and more, many terms, long logs.  `tlastep machine` walks through them  *)
(* at random, with the code beside the spec.                               *)
(*                                                                         *)
(* The walks begin in the middle of many stories at once (Starts).  The    *)
(* bound says how far they go.                                             *)
(***************************************************************************)
EXTENDS Replication, TLC

CONSTANTS
    a, b, c, d, e,  \* the servers of the stories by name; further ones sleep at first
    MaxTerm,        \* the highest term of any server
    MaxLog,         \* the longest log
    MaxOwed,        \* how many messages may wait for one disk
    MaxNetwork,     \* how many messages may be on their way at once
    Standing        \* the servers that may stand for election, and lead

ASSUME {a, b, c, d, e} \subseteq Server /\ Standing \subseteq Server

Bound ==
    /\ \A i \in Server : term[i] <= MaxTerm
    /\ \A i \in Server : Len(log[i]) <= MaxLog
    /\ \A i \in Server : Cardinality(owed[i]) <= MaxOwed
    /\ \A i \in Server \ Standing : role[i] = "follower"
    /\ Cardinality(network) <= MaxNetwork

\* What the models of three servers explore to the end, as far as numbers say: term, log, owed and network are within
\* the bound of at least one of them.  Walks are to leave this behind.
Explored ==
    \E most \in {<<1, 2, 1, 2>>, <<2, 1, 3, 2>>, <<2, 3, 1, 1>>, <<4, 2, 1, 1>>} :
        /\ \A i \in Server : term[i] <= most[1]
        /\ \A i \in Server : Len(log[i]) <= most[2]
        /\ \A i \in Server : Cardinality(owed[i]) <= most[3]
        /\ Cardinality(network) <= most[4]

-----------------------------------------------------------------------------
(* Starts.  Everything is on disk, nothing is owed, and what is decided is *)
(* on four disks, a majority of up to seven.                               *)

Of(forA, forB, forC, forD, forE, others) ==
    [i \in Server |-> CASE i = a -> forA [] i = b -> forB [] i = c -> forC [] i = d -> forD [] i = e -> forE
                        [] OTHER -> others]

NoOp(t) == [term |-> t, event |-> Nil]
Put(t, x) == [term |-> t, event |-> x]

\* The state with these terms, votes, logs, roles, votes received and commit indexes.
Story(terms, ballots, logs, roles, received, next, match, commits) ==
    /\ term = terms
    /\ votedFor = ballots
    /\ log = logs
    /\ disk = [i \in Server |-> [term |-> terms[i], votedFor |-> ballots[i], log |-> logs[i]]]
    /\ owed = [i \in Server |-> {}]
    /\ role = roles
    /\ votes = received
    /\ nextIndex = next
    /\ matchIndex = match
    /\ commitIndex = commits

Leading(S) == [i \in Server |-> IF i \in S THEN "leader" ELSE "follower"]
NoVotes == [i \in Server |-> {}]
NoNext == [i \in Server |-> FirstOfAll]
NoMatch == [i \in Server |-> NoneOfAny]
Nothing == [i \in Server |-> 0]
All(k) == [i \in Server |-> k]
AnEvent == CHOOSE x \in Event : TRUE

\* a leads term 1, elected by b, c and d, who have its first entry, and a knows that it is decided.
InitLeader ==
    /\ Story(Of(1, 1, 1, 1, 0, 0), Of(a, a, a, a, Nil, Nil),
             Of(<<NoOp(1)>>, <<NoOp(1)>>, <<NoOp(1)>>, <<NoOp(1)>>, <<>>, <<>>),
             Leading({a}), NoVotes, [NoNext EXCEPT ![a] = All(2)], [NoMatch EXCEPT ![a] = Of(0, 1, 1, 1, 0, 0)],
             Of(1, 0, 0, 0, 0, 0))
    /\ network = {}
    /\ decided = <<NoOp(1)>>

\* a leads term 1, and three entries are decided.  e has none of them, and a does not know it.
InitLagging ==
    LET three == <<NoOp(1), Put(1, AnEvent), Put(1, AnEvent)>>
    IN /\ Story(Of(1, 1, 1, 1, 0, 0), Of(a, a, a, a, Nil, Nil), Of(three, three, three, three, <<>>, <<>>),
                Leading({a}), NoVotes, [NoNext EXCEPT ![a] = All(4)], [NoMatch EXCEPT ![a] = Of(0, 3, 3, 3, 0, 0)],
                Of(3, 2, 0, 0, 0, 0))
       /\ network = {}
       /\ decided = three

\* Figure 8 of the Raft paper before its moment (c): an entry of term 2 is on two disks, e wrote another one in term 3,
\* and now a leads term 4, elected by b, c and d, and will send its old entry again.
InitFigure8 ==
    /\ Story(Of(4, 4, 4, 4, 3, 0), Of(a, a, a, a, e, Nil),
             Of(<<NoOp(1), NoOp(2), NoOp(4)>>, <<NoOp(1), NoOp(2)>>, <<NoOp(1)>>, <<NoOp(1)>>, <<NoOp(1), NoOp(3)>>,
                <<>>),
             Leading({a}), NoVotes, [NoNext EXCEPT ![a] = All(2)], NoMatch, Nothing)
    /\ network = {}
    /\ decided = <<NoOp(1)>>

\* The logs of InitConflict and InitDeposed: a led term 1 and wrote two events that are not decided, e has one of them;
\* now b, which has none, leads term 2, elected by c, d and e.
ConflictingLogs ==
    Of(<<NoOp(1), Put(1, AnEvent), Put(1, AnEvent)>>, <<NoOp(1), NoOp(2)>>, <<NoOp(1)>>, <<NoOp(1)>>,
       <<NoOp(1), Put(1, AnEvent)>>, <<>>)

\* a has crashed.
InitConflict ==
    /\ Story(Of(1, 2, 2, 2, 2, 0), Of(a, b, b, b, b, Nil), ConflictingLogs,
             Leading({b}), NoVotes, [NoNext EXCEPT ![b] = All(2)], NoMatch, Nothing)
    /\ network = {}
    /\ decided = <<NoOp(1)>>

\* a does not know that it is deposed: two servers lead.
InitDeposed ==
    /\ Story(Of(1, 2, 2, 2, 2, 0), Of(a, b, b, b, b, Nil), ConflictingLogs,
             Leading({a, b}), NoVotes, [NoNext EXCEPT ![a] = All(2), ![b] = All(2)],
             [NoMatch EXCEPT ![a] = Of(0, 1, 1, 1, 2, 0)], Of(1, 0, 0, 0, 0, 0))
    /\ network = {}
    /\ decided = <<NoOp(1)>>

\* b leads term 2 and agrees with a on two entries, but each has a third one of its own.  The others have the first.
InitLonger ==
    /\ Story(Of(2, 2, 2, 2, 2, 0), Of(Nil, b, b, b, b, Nil),
             Of(<<NoOp(1), Put(1, AnEvent), Put(1, AnEvent)>>, <<NoOp(1), Put(1, AnEvent), NoOp(2)>>, <<NoOp(1)>>,
                <<NoOp(1)>>, <<NoOp(1)>>, <<>>),
             Leading({b}), NoVotes, [NoNext EXCEPT ![b] = All(2)], NoMatch, Nothing)
    /\ network = {}
    /\ decided = <<NoOp(1)>>

\* a, b and c stand for election in term 1, and their requests are on their way.
InitCandidates ==
    /\ Story(Of(1, 1, 1, 0, 0, 0), Of(a, b, c, Nil, Nil, Nil), [i \in Server |-> <<>>],
             [i \in Server |-> IF i \in {a, b, c} THEN "candidate" ELSE "follower"],
             Of({a}, {b}, {c}, {}, {}, {}), NoNext, NoMatch, Nothing)
    /\ network = {[type |-> "VoteRequest", from |-> i, term |-> 1, lastIndex |-> 0, lastTerm |-> 0] : i \in {a, b, c}}
    /\ decided = <<>>

\* b stood in term 1, and three votes for it are still on their way.  Meanwhile a, elected by c, d and e, leads term 2,
\* and b stands in term 2 too.
InitOldVote ==
    /\ Story(Of(2, 2, 2, 2, 2, 0), Of(a, b, a, a, a, Nil), Of(<<NoOp(2)>>, <<>>, <<>>, <<>>, <<>>, <<>>),
             [i \in Server |-> IF i = a THEN "leader" ELSE IF i = b THEN "candidate" ELSE "follower"],
             Of({}, {b}, {}, {}, {}, {}), NoNext, NoMatch, Nothing)
    /\ network = {[type |-> "VoteReply", from |-> i, to |-> b, term |-> 1] : i \in {c, d, e}}
    /\ decided = <<>>

\* Two entries are decided.  b's first acknowledgement has not arrived, and a request that b has long answered comes again.
InitLate ==
    LET two == <<NoOp(1), Put(1, AnEvent)>>
    IN /\ Story(Of(1, 1, 1, 1, 0, 0), Of(a, a, a, a, Nil, Nil), Of(two, two, two, two, <<>>, <<>>),
                Leading({a}), NoVotes, [NoNext EXCEPT ![a] = All(3)], [NoMatch EXCEPT ![a] = Of(0, 2, 2, 2, 0, 0)],
                Of(2, 2, 0, 0, 0, 0))
       /\ network = {[type |-> "AppendReply", from |-> b, to |-> a, term |-> 1, accepted |-> TRUE, index |-> 1],
                     [type |-> "AppendRequest", from |-> a, to |-> b, term |-> 1, prevIndex |-> 0, prevTerm |-> 0,
                      entries |-> <<NoOp(1)>>, commitIndex |-> 1]}
       /\ decided = two

\* Any of these.
Starts ==
    \/ Init
    \/ InitLeader
    \/ InitLagging
    \/ InitFigure8
    \/ InitConflict
    \/ InitDeposed
    \/ InitLonger
    \/ InitCandidates
    \/ InitOldVote
    \/ InitLate
=============================================================================
