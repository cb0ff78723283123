--------------------------- MODULE MCReplication ---------------------------
(***************************************************************************)
(* Models of Replication: how far TLC looks, where it starts, and what it  *)
(* must be able to reach.                                                  *)
(*                                                                         *)
(* A bound is a CONSTRAINT and never a guard: a state outside is found and *)
(* its invariants are judged, but nothing is explored beyond it.           *)
(***************************************************************************)
EXTENDS Replication, TLC

CONSTANTS
    a, b, c,        \* the servers by name, for the starts below
    MaxTerm,        \* the highest term of any server
    MaxLog,         \* the longest log
    MaxOwed,        \* how many messages may wait for one disk
    MaxNetwork,     \* how many messages may be on their way at once
    Standing        \* the servers that may stand for election, and lead

ASSUME Server = {a, b, c} /\ Standing \subseteq Server

Bound ==
    /\ \A i \in Server : term[i] <= MaxTerm
    /\ \A i \in Server : Len(log[i]) <= MaxLog
    /\ \A i \in Server : Cardinality(owed[i]) <= MaxOwed
    /\ \A i \in Server \ Standing : role[i] = "follower"
    /\ Cardinality(network) <= MaxNetwork

-----------------------------------------------------------------------------
(* Starts in the middle of a story.  Everything is on disk, nothing is     *)
(* owed, and what is decided is on the disks of a majority.                *)

Of(forA, forB, forC) == (a :> forA) @@ (b :> forB) @@ (c :> forC)

NoOp(t) == [term |-> t, event |-> Nil]
Put(t, e) == [term |-> t, event |-> e]

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

Followers == [i \in Server |-> "follower"]
NoVotes == [i \in Server |-> {}]
NoNext == [i \in Server |-> FirstOfAll]
NoMatch == [i \in Server |-> NoneOfAny]
AnEvent == CHOOSE e \in Event : TRUE

\* Figure 8 of the Raft paper, between its moments (b) and (c): a led term 1 and b term 2, and each wrote an entry that
\* nobody else has.  Now a, elected by c, leads term 3, and will send both its entries, the old one first.
InitFigure8 ==
    /\ Story(Of(3, 2, 3), Of(a, b, a), Of(<<NoOp(1), NoOp(3)>>, <<NoOp(2)>>, <<>>),
             Of("leader", "follower", "follower"), NoVotes,
             NoNext, NoMatch, Of(0, 0, 0))
    /\ network = {}
    /\ decided = <<>>

\* a leads term 1, everybody has its first entry, and a knows that it is decided.
InitLeader ==
    /\ Story(Of(1, 1, 1), Of(a, a, a), Of(<<NoOp(1)>>, <<NoOp(1)>>, <<NoOp(1)>>),
             Of("leader", "follower", "follower"), NoVotes,
             [NoNext EXCEPT ![a] = Of(2, 2, 2)], [NoMatch EXCEPT ![a] = Of(0, 1, 1)], Of(1, 0, 0))
    /\ network = {}
    /\ decided = <<NoOp(1)>>

\* a and b stand for election in term 1 at the same time, and both requests are on their way.
InitCandidates ==
    /\ Story(Of(1, 1, 0), Of(a, b, Nil), Of(<<>>, <<>>, <<>>),
             Of("candidate", "candidate", "follower"), Of({a}, {b}, {}), NoNext, NoMatch, Of(0, 0, 0))
    /\ network = {[type |-> "VoteRequest", from |-> i, term |-> 1, lastIndex |-> 0, lastTerm |-> 0] : i \in {a, b}}
    /\ decided = <<>>

\* b stood in term 1, and c's vote for it is still on its way.  Meanwhile a, elected by c, leads term 2, and b stands
\* in term 2 too.
InitOldVote ==
    /\ Story(Of(2, 2, 2), Of(a, b, a), Of(<<NoOp(2)>>, <<>>, <<>>),
             Of("leader", "candidate", "follower"), Of({}, {b}, {}), NoNext, NoMatch, Of(0, 0, 0))
    /\ network = {[type |-> "VoteReply", from |-> c, to |-> b, term |-> 1]}
    /\ decided = <<>>

\* a led term 1: its first entry is decided, and a client's event is on its own disk alone.  Then it crashed, and b,
\* which does not have that event, leads term 2, elected by c.
InitConflict ==
    /\ Story(Of(1, 2, 2), Of(a, b, b),
             Of(<<NoOp(1), Put(1, AnEvent)>>, <<NoOp(1), NoOp(2)>>, <<NoOp(1)>>),
             Of("follower", "leader", "follower"), NoVotes,
             [NoNext EXCEPT ![b] = Of(2, 2, 2)], NoMatch, Of(0, 0, 0))
    /\ network = {}
    /\ decided = <<NoOp(1)>>

\* The same, but a has not crashed and does not know that it is deposed: two servers lead.
InitDeposed ==
    /\ Story(Of(1, 2, 2), Of(a, b, b),
             Of(<<NoOp(1), Put(1, AnEvent)>>, <<NoOp(1), NoOp(2)>>, <<NoOp(1)>>),
             Of("leader", "leader", "follower"), NoVotes,
             [NoNext EXCEPT ![a] = Of(2, 2, 2), ![b] = Of(2, 2, 2)], [NoMatch EXCEPT ![a] = Of(0, 1, 1)],
             Of(1, 0, 0))
    /\ network = {}
    /\ decided = <<NoOp(1)>>

\* b leads term 2 and agrees with a on two entries, but each has a third one of its own: a's is of term 1 and on its
\* disk alone.  Both others have refused b's first request, so b tries from the second entry.
InitLonger ==
    /\ Story(Of(2, 2, 2), Of(Nil, b, b),
             Of(<<NoOp(1), Put(1, AnEvent), Put(1, AnEvent)>>, <<NoOp(1), Put(1, AnEvent), NoOp(2)>>, <<NoOp(1)>>),
             Of("follower", "leader", "follower"), NoVotes,
             [NoNext EXCEPT ![b] = Of(2, 2, 2)], NoMatch, Of(0, 0, 0))
    /\ network = {}
    /\ decided = <<NoOp(1)>>

\* a leads term 1 and two entries are decided, as a and b know.  b's first acknowledgement has not arrived yet, and a
\* request that b has long answered is about to come again.
InitLate ==
    /\ Story(Of(1, 1, 1), Of(a, a, a),
             Of(<<NoOp(1), Put(1, AnEvent)>>, <<NoOp(1), Put(1, AnEvent)>>, <<>>),
             Of("leader", "follower", "follower"), NoVotes,
             [NoNext EXCEPT ![a] = Of(3, 3, 3)], [NoMatch EXCEPT ![a] = Of(0, 2, 0)], Of(2, 2, 0))
    /\ network = {[type |-> "AppendReply", from |-> b, to |-> a, term |-> 1, accepted |-> TRUE, index |-> 1],
                  [type |-> "AppendRequest", from |-> a, to |-> b, term |-> 1, prevIndex |-> 0, prevTerm |-> 0,
                   entries |-> <<NoOp(1)>>, commitIndex |-> 1]}
    /\ decided = <<NoOp(1), Put(1, AnEvent)>>

-----------------------------------------------------------------------------
(* Witnesses: states that must be reachable.  Each is written as an        *)
(* invariant that says "never", and its model must violate it.             *)

\* Figure 8, moment (c): an entry of an older term is on a majority of disks, the highest leader knows nothing of it
\* to be decided, and a server whose last entry is newer, and which may therefore still win, does not have it.
NeverFigure8 ==
    ~ \E i, j \in Server :
        /\ role[i] = "leader" /\ \A s \in Server : term[s] <= term[i]
        /\ \E k \in Len(decided) + 1 .. Len(log[i]) :
            /\ log[i][k].term < term[i]
            /\ IsQuorum({s \in Server : IsPrefix(Prefix(log[i], k), disk[s].log)})
            /\ LastTerm(disk[j].log) > log[i][k].term
            /\ ~ IsPrefix(Prefix(log[i], k), disk[j].log)

\* A deposed leader does not know it yet, so two servers lead.
NeverTwoLeaders ==
    \A i, j \in Server : role[i] = "leader" /\ role[j] = "leader" => i = j

\* The old and the new leader hold different events at one place: each turned a command into an event of its own.
NeverTwoEvents ==
    \A i, j \in Server : role[i] = "leader" /\ role[j] = "leader" =>
        \A k \in 1 .. Minimum(Len(log[i]), Len(log[j])) :
            log[i][k].event = log[j][k].event \/ Nil \in {log[i][k].event, log[j][k].event}

\* A follower has the leader's entries on its disk and has been told nothing else since, but nobody will ever hear of
\* it: it crashed after the sync and before its acknowledgement had left (which is as good as lost on the way).
NeverSyncedUnheard ==
    \A i, j \in Server :
        ~ /\ role[i] = "leader" /\ i # j
          /\ Len(disk[j].log) > Len(decided) /\ IsPrefix(disk[j].log, log[i])
          /\ matchIndex[i][j] < Len(disk[j].log)
          /\ owed[j] = {} /\ network = {}
          /\ disk[j] = Durable(j)

\* A vote was given and is not on disk: a crash now would take it back, and may, since nobody has heard of it.
NeverVoteInMemory ==
    \A i, j \in Server : i # j => ~ (role[j] = "candidate" /\ term[i] = term[j] /\ votedFor[i] = j /\ disk[i].term < term[i])

\* An entry that was on disk has been replaced in the log.
NeverTruncated ==
    \A i \in Server : \A k \in 1 .. Len(disk[i].log) : k <= Len(log[i]) => log[i][k] = disk[i].log[k]

\* An entry of an earlier term is decided, because one of the present term after it is.
NeverDecidedLater ==
    \A i \in Server : role[i] = "leader" /\ term[i] > 1 /\ commitIndex[i] > 1 => decided[1].term = term[i]
=============================================================================
