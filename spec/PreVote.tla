------------------------------- MODULE PreVote -------------------------------
(***************************************************************************)
(* Who stands for election, and when a leader resigns, so that a server    *)
(* which comes back does not depose a leader that does its work.           *)
(*                                                                         *)
(* In Replication any server may stand at any time, and a request for      *)
(* votes in a later term deposes whoever leads.  So a server that was cut  *)
(* off for a while, and has stood in vain meanwhile, comes back with a     *)
(* later term and interrupts everybody.  Here it asks first (a pre-vote):  *)
(* the others grant it if its log is at least as good as theirs, and if    *)
(* they have not heard a leader for the least election time-out.  Only     *)
(* with the grants of a quorum does it stand.  A pre-vote promises         *)
(* nothing: no term changes, no vote is used up, nothing goes to the disk. *)
(*                                                                         *)
(* That makes followers faithful, and so a leader has to know when it is   *)
(* none any more.  One that can send and does not hear would keep          *)
(* everybody from an election for ever.  So it counts who has replied      *)
(* (check-quorum), and if no quorum has for an election time-out, it       *)
(* resigns.                                                                *)
(*                                                                         *)
(* A member that is in a later term than its leader cannot follow it any   *)
(* more.  It has stood with the grants of a quorum once, and what came of  *)
(* it was lost.  It is not let in by deposing the leader: the leader is    *)
(* told by the term in its request, and makes room, that is, resigns and   *)
(* stands itself, in a term that has begun already.                        *)
(*                                                                         *)
(* Time is not in here but as Tick: an election time-out has passed.  That *)
(* is for the world to say.  All the rest is Replication, step by step.    *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS Server, Event, Nil, Batch     \* as in Replication

VARIABLES
    (* As in Replication. *)
    term, votedFor, log, disk, owed, role, votes, nextIndex, matchIndex, commitIndex, network, decided,
    (* What a server knows of the others being there; a crash wipes it out. *)
    heard,          \* whether it has heard a leader of its term, or voted in it, within the least election time-out
    grants,         \* who is for its standing, itself included; nobody, if it does not ask
    replied,        \* for a leader: who has answered it since its clock has last ticked
    (* The world outside. *)
    attempt,        \* how often a server has asked, in all its lives; whoever draws a number need not count
    canvass         \* the pre-votes that may still arrive

R == INSTANCE Replication

replication == <<term, votedFor, log, disk, owed, role, votes, nextIndex, matchIndex, commitIndex, network, decided>>
contact == <<heard, grants, replied>>
vars == <<replication, contact, attempt, canvass>>

-----------------------------------------------------------------------------
(* What the variables hold. *)

\* A request for pre-votes is for everybody.  Its term is the one in which the sender would stand.
PreVoteRequest ==
    [type : {"PreVoteRequest"}, from : Server, term : Nat, attempt : Nat, lastIndex : Nat, lastTerm : Nat]

\* The sender is for it.  Whoever is against it says nothing.
PreVoteReply ==
    [type : {"PreVoteReply"}, from : Server, to : Server, attempt : Nat]

TypeOK ==
    /\ R!TypeOK
    /\ heard \in [Server -> BOOLEAN]
    /\ grants \in [Server -> SUBSET Server]
    /\ replied \in [Server -> SUBSET Server]
    /\ attempt \in [Server -> Nat]
    /\ canvass \subseteq PreVoteRequest \cup PreVoteReply

\* A server that starts waits for a leader as if it had just heard one, for there may be one.
Init ==
    /\ R!Init
    /\ heard = [i \in Server |-> TRUE]
    /\ grants = [i \in Server |-> {}]
    /\ replied = [i \in Server |-> {}]
    /\ attempt = [i \in Server |-> 0]
    /\ canvass = {}

-----------------------------------------------------------------------------
(* Parts that several actions share. *)

\* From now on this is what server i knows: whether it has heard a leader, and who is for it.
Knows(i, leader, for) ==
    /\ heard' = [heard EXCEPT ![i] = leader]
    /\ grants' = [grants EXCEPT ![i] = for]
    /\ replied' = [replied EXCEPT ![i] = {}]

\* A new vote: there will be a leader soon, and whoever else asks now is to wait for it.  A new term without a vote, or a
\* new role: what server i knew is of the past.
Follows(i) ==
    IF votedFor'[i] # Nil /\ <<term'[i], votedFor'[i]>> # <<term[i], votedFor[i]>> THEN Knows(i, TRUE, {})
    ELSE IF <<term'[i], role'[i]>> # <<term[i], role[i]>> THEN Knows(i, FALSE, {})
    ELSE UNCHANGED contact

\* Message m leaves at once.
Send(m) == canvass' = canvass \cup {m}

-----------------------------------------------------------------------------
(* Pre-votes. *)

\* Server i has not heard a leader for too long, and asks whether it may stand in the next term.
Ask(i) ==
    /\ role[i] # "leader"
    /\ ~ heard[i]
    /\ attempt' = [attempt EXCEPT ![i] = @ + 1]
    /\ grants' = [grants EXCEPT ![i] = {i}]
    /\ Send([type |-> "PreVoteRequest", from |-> i, term |-> term[i] + 1, attempt |-> attempt[i] + 1,
             lastIndex |-> Len(log[i]), lastTerm |-> R!LastTerm(log[i])])
    /\ UNCHANGED <<replication, heard, replied>>

\* Somebody else asks.  The term is not compared: it is no vote, and who is behind may win all the same, a term or two
\* later.  A leader is against it.  If it is told of a later term than its own it makes room: it resigns, and since
\* nobody else leads it needs no grants.  Nor does it give any: until now it has heard a leader, itself.
OnPreVoteRequest(i, m) ==
    /\ m.type = "PreVoteRequest"
    /\ m.from # i
    /\ IF role[i] = "leader" /\ m.term > term[i] + 1
       THEN R!Resign(i) /\ Knows(i, TRUE, Server) /\ UNCHANGED canvass
       ELSE /\ IF role[i] # "leader" /\ ~ heard[i] /\ R!UpToDate(m.lastTerm, m.lastIndex, log[i])
               THEN Send([type |-> "PreVoteReply", from |-> i, to |-> m.from, attempt |-> m.attempt])
               ELSE UNCHANGED canvass
            /\ UNCHANGED <<replication, contact>>
    /\ UNCHANGED attempt

\* Somebody is for it.  A grant of an earlier attempt is of the past: there may be a leader since.
OnPreVoteReply(i, m) ==
    /\ m.type = "PreVoteReply"
    /\ m.to = i
    /\ grants' = [grants EXCEPT ![i] = IF @ # {} /\ m.attempt = attempt[i] THEN @ \cup {m.from} ELSE @]
    /\ UNCHANGED <<replication, heard, replied, attempt, canvass>>

\* With a quorum of grants server i stands, and votes for itself.
Timeout(i) ==
    /\ R!IsQuorum(grants[i])
    /\ R!Timeout(i)
    /\ Follows(i)
    /\ UNCHANGED <<attempt, canvass>>

-----------------------------------------------------------------------------
(* The clock. *)

\* On server i's clock an election time-out has passed: the least one since it has heard a leader, or one since it was
\* looked last who has replied.  A leader without a quorum resigns.
Tick(i) ==
    /\ IF role[i] # "leader"
       THEN /\ heard' = [heard EXCEPT ![i] = FALSE]
            /\ UNCHANGED <<replication, grants, replied>>
       ELSE IF R!IsQuorum(replied[i] \cup {i})
       THEN /\ replied' = [replied EXCEPT ![i] = {}]
            /\ UNCHANGED <<replication, heard, grants>>
       ELSE R!Resign(i) /\ Knows(i, FALSE, {})
    /\ UNCHANGED <<attempt, canvass>>

-----------------------------------------------------------------------------
(* What else servers do is as in Replication, and they hear of each other. *)

Sync(i)         == R!Sync(i) /\ UNCHANGED <<contact, attempt, canvass>>
Crash(i)        == R!Crash(i) /\ Knows(i, TRUE, {}) /\ UNCHANGED <<attempt, canvass>>
Propose(i, e)   == R!Propose(i, e) /\ UNCHANGED <<contact, attempt, canvass>>
Replicate(i, j) == R!Replicate(i, j) /\ UNCHANGED <<contact, attempt, canvass>>

OnVoteRequest(i, m) == R!OnVoteRequest(i, m) /\ Follows(i) /\ UNCHANGED <<attempt, canvass>>
OnVoteReply(i, m)   == R!OnVoteReply(i, m) /\ Follows(i) /\ UNCHANGED <<attempt, canvass>>

\* The word of a leader, unless it is of the past.
OnAppendRequest(i, m) ==
    /\ R!OnAppendRequest(i, m)
    /\ IF m.term < term[i] THEN UNCHANGED contact ELSE Knows(i, TRUE, {})
    /\ UNCHANGED <<attempt, canvass>>

\* A follower is there.
OnAppendReply(i, m) ==
    /\ R!OnAppendReply(i, m)
    /\ replied' = [replied EXCEPT ![i] = IF role[i] = "leader" /\ m.term = term[i] THEN @ \cup {m.from} ELSE @]
    /\ UNCHANGED <<heard, grants, attempt, canvass>>

Lose(m) == R!Lose(m) /\ UNCHANGED <<contact, attempt, canvass>>

\* Pre-vote m is lost: it will not arrive (again).
LosePreVote(m) ==
    /\ canvass' = canvass \ {m}
    /\ UNCHANGED <<replication, contact, attempt>>

\* TLC names a step after the operator that holds its choice of a message, hence these names.
VoteRequestArrives(i)    == \E m \in network : OnVoteRequest(i, m)
VoteReplyArrives(i)      == \E m \in network : OnVoteReply(i, m)
AppendRequestArrives(i)  == \E m \in network : OnAppendRequest(i, m)
AppendReplyArrives(i)    == \E m \in network : OnAppendReply(i, m)
MessageIsLost            == \E m \in network : Lose(m)
PreVoteRequestArrives(i) == \E m \in canvass : OnPreVoteRequest(i, m)
PreVoteReplyArrives(i)   == \E m \in canvass : OnPreVoteReply(i, m)
PreVoteIsLost            == \E m \in canvass : LosePreVote(m)

Next ==
    \/ \E i \in Server : Ask(i)
    \/ \E i \in Server : PreVoteRequestArrives(i)
    \/ \E i \in Server : PreVoteReplyArrives(i)
    \/ \E i \in Server : Timeout(i)
    \/ \E i \in Server : Tick(i)
    \/ \E i \in Server : Sync(i)
    \/ \E i \in Server : Crash(i)
    \/ \E i \in Server, e \in Event : Propose(i, e)
    \/ \E i \in Server, j \in Server : Replicate(i, j)
    \/ \E i \in Server : VoteRequestArrives(i)
    \/ \E i \in Server : VoteReplyArrives(i)
    \/ \E i \in Server : AppendRequestArrives(i)
    \/ \E i \in Server : AppendReplyArrives(i)
    \/ MessageIsLost
    \/ PreVoteIsLost

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What must hold. *)

\* Whoever asks does not lead, and has heard no leader, unless it was the leader and has just made room.
AskersHearNobody == \A i \in Server : grants[i] # {} => role[i] # "leader" /\ (heard[i] => grants[i] = Server)

\* Leaders alone count replies, and nobody counts its own.
OnlyLeadersCount == \A i \in Server : i \notin replied[i] /\ (role[i] # "leader" => replied[i] = {})

\* A number on its way was drawn, so that none is taken for one of an attempt to come.
NumbersWereDrawn ==
    \A m \in canvass : m.attempt <= attempt[IF m.type = "PreVoteRequest" THEN m.from ELSE m.to]

\* Without what is new here, every step is one of Replication, with leaders that may resign, or none.
RefinesReplication == [][R!NextResigning]_replication

\* Nobody begins a term: whoever enters one finds somebody who is in it, or beyond it.  This holds as long as one and the
\* same quorum hears its leader, and is what pre-votes are for: nobody can depose that leader.
NobodyBeginsATerm == [][\A i \in Server : \E j \in Server : term'[i] <= term[j]]_term
=============================================================================
