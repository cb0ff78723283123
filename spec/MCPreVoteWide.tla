---------------------------- MODULE MCPreVoteWide ----------------------------
(***************************************************************************)
(* A model of PreVote that is too large to be explored: five servers, all  *)
(* of which may ask, stand and lead.  `tlastep machine` walks through it   *)
(* at random, with the code beside the spec.                               *)
(*                                                                         *)
(* The walks begin where those of Replication do, with what servers may    *)
(* know of each other there.  Nobody is held to hear a leader, so that     *)
(* terms do begin: NobodyBeginsATerm is for the models that are explored.  *)
(***************************************************************************)
EXTENDS PreVote, TLC

CONSTANTS
    a, b, c, d, e,  \* the servers of the stories by name
    MaxTerm,        \* the highest term of any server
    MaxLog,         \* the longest log
    MaxOwed,        \* how many messages may wait for one disk
    MaxNetwork,     \* how many messages may be on their way at once
    MaxAttempt,     \* how often a server may ask
    MaxCanvass,     \* how many pre-votes may be on their way at once
    Standing,       \* the servers that may be anything but followers
    Asking          \* those of them that may ask

W == INSTANCE MCReplicationWide

Bound ==
    /\ W!Bound
    /\ \A i \in Server : attempt[i] <= MaxAttempt
    /\ \A i \in Server \ Asking : attempt[i] = 0
    /\ Cardinality(canvass) <= MaxCanvass

\* What the models of three servers explore to the end, as far as numbers say.  Walks are to leave this behind.
Explored ==
    /\ \A i \in Server : term[i] <= 3
    /\ \A i \in Server : Len(log[i]) <= 2
    /\ \A i \in Server : Cardinality(owed[i]) <= 1
    /\ Cardinality(network) <= 1
    /\ \A i \in Server : attempt[i] <= 2
    /\ Cardinality(canvass) <= 2

-----------------------------------------------------------------------------
(* Starts: what servers know of each other in the middle of a story.       *)

\* Nobody has been counted; these have heard a leader, or voted; those are for whoever asks; each has asked so often.
Know(ears, for, asked) ==
    /\ heard = [i \in Server |-> i \in ears]
    /\ grants = for
    /\ replied = [i \in Server |-> {}]
    /\ attempt = [i \in Server |-> asked]

Nobody == [i \in Server |-> {}]

\* All who do not lead wait for a leader.
AllWait == Know({i \in Server : role[i] # "leader"}, Nobody, 0) /\ canvass = {}

\* Nobody has heard anybody for long.
NobodyHears == Know({}, Nobody, 0) /\ canvass = {}

\* The same, and two grants of an attempt before the last one of b, and two of one of e, are still on their way.
LateGrants ==
    /\ Know({}, Nobody, 2)
    /\ canvass = {[type |-> "PreVoteReply", from |-> i, to |-> j, attempt |-> 1] : i \in {c, d}, j \in {b, e}}

\* The same, but nothing is on its way, and all who do not lead may stand.
MayStand ==
    /\ Know({}, [i \in Server |-> IF role[i] = "leader" THEN {} ELSE {b, c, d, i}], 1)
    /\ canvass = {}

Starts == W!Starts /\ (AllWait \/ NobodyHears \/ LateGrants \/ MayStand)
=============================================================================
