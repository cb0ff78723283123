------------------------------ MODULE MCPreVote ------------------------------
(***************************************************************************)
(* Models of PreVote: how far TLC looks, where it starts, and what it must *)
(* be able to reach.                                                       *)
(*                                                                         *)
(* A bound is a CONSTRAINT and never a guard: a state outside is found and *)
(* its invariants are judged, but nothing is explored beyond it.           *)
(***************************************************************************)
EXTENDS PreVote, TLC

CONSTANTS
    a, b, c,        \* the servers by name, for the starts below
    MaxTerm,        \* the highest term of any server
    MaxLog,         \* the longest log
    MaxOwed,        \* how many messages may wait for one disk
    MaxNetwork,     \* how many messages may be on their way at once
    MaxAttempt,     \* how often a server may ask
    MaxCanvass,     \* how many pre-votes may be on their way at once
    Standing,       \* the servers that may be anything but followers
    Asking,         \* those of them that may ask
    Steady          \* a leader and the servers that go on hearing it, where this is what is looked at

ASSUME Server = {a, b, c} /\ Standing \subseteq Server /\ Asking \subseteq Standing /\ Steady \subseteq Server

Bound ==
    /\ \A i \in Server : term[i] <= MaxTerm
    /\ \A i \in Server : Len(log[i]) <= MaxLog
    /\ \A i \in Server : Cardinality(owed[i]) <= MaxOwed
    /\ \A i \in Server : attempt[i] <= MaxAttempt
    /\ \A i \in Server \ Standing : role[i] = "follower"
    /\ \A i \in Server \ Asking : attempt[i] = 0
    /\ Cardinality(network) <= MaxNetwork
    /\ Cardinality(canvass) <= MaxCanvass

\* One thing at a time: pre-votes, or messages of consensus.
OneAtATime == network = {} \/ canvass = {}

\* The leader leads, or has just made room, and the others of a quorum hear it.
Healthy == \A i \in Steady : heard[i] \/ role[i] = "leader"

-----------------------------------------------------------------------------
(* Starts in the middle of a story.  Everything is on disk, and nothing is *)
(* owed.                                                                   *)

Of(forA, forB, forC) == (a :> forA) @@ (b :> forB) @@ (c :> forC)

NoOp(t) == [term |-> t, event |-> Nil]

\* a leads term 1, everybody has its first entry, and a knows that it is decided.  c is in this term, and has this vote.
Led(termOfC, voteOfC) ==
    /\ term = Of(1, 1, termOfC)
    /\ votedFor = Of(a, a, voteOfC)
    /\ log = [i \in Server |-> <<NoOp(1)>>]
    /\ disk = [i \in Server |-> [term |-> term[i], votedFor |-> votedFor[i], log |-> log[i]]]
    /\ owed = [i \in Server |-> {}]
    /\ role = Of("leader", "follower", IF termOfC = 1 THEN "follower" ELSE "candidate")
    /\ votes = Of({}, {}, IF termOfC = 1 THEN {} ELSE {c})
    /\ nextIndex = [i \in Server |-> [j \in Server |-> IF i = a THEN 2 ELSE 1]]
    /\ matchIndex = [i \in Server |-> [j \in Server |-> IF i = a /\ j # a THEN 1 ELSE 0]]
    /\ commitIndex = Of(1, 0, 0)
    /\ network = {}
    /\ decided = <<NoOp(1)>>
    /\ grants = [i \in Server |-> {}]
    /\ replied = [i \in Server |-> {}]

\* Everybody hears the leader.
InitLed ==
    /\ Led(1, a)
    /\ heard = Of(FALSE, TRUE, TRUE)
    /\ attempt = Of(0, 0, 0)
    /\ canvass = {}

\* c has been cut off, or paused, and comes back.  Before a was elected it had asked, and what b said is still on its way.
InitReturning ==
    /\ Led(1, a)
    /\ heard = Of(FALSE, TRUE, FALSE)
    /\ attempt = Of(0, 0, 1)
    /\ canvass = {[type |-> "PreVoteReply", from |-> b, to |-> c, attempt |-> 1]}

\* c comes back in a later term: it has stood there with the grant of b, and nobody has heard of it.
InitLater ==
    /\ Led(2, c)
    /\ heard = Of(FALSE, TRUE, FALSE)
    /\ attempt = Of(0, 0, 1)
    /\ canvass = {}

\* a led term 1 and is gone: it has started again.  c lacks the entry that is decided.
\* c is in this term, and has this vote.
Gone(termOfC, voteOfC) ==
    /\ term = Of(1, 1, termOfC)
    /\ votedFor = Of(a, a, voteOfC)
    /\ log = Of(<<NoOp(1)>>, <<NoOp(1)>>, <<>>)
    /\ disk = [i \in Server |-> [term |-> term[i], votedFor |-> votedFor[i], log |-> log[i]]]
    /\ owed = [i \in Server |-> {}]
    /\ role = Of("follower", "follower", IF termOfC = 1 THEN "follower" ELSE "candidate")
    /\ votes = Of({}, {}, IF termOfC = 1 THEN {} ELSE {c})
    /\ nextIndex = [i \in Server |-> R!FirstOfAll]
    /\ matchIndex = [i \in Server |-> R!NoneOfAny]
    /\ commitIndex = Of(0, 0, 0)
    /\ decided = <<NoOp(1)>>
    /\ grants = [i \in Server |-> {}]
    /\ replied = [i \in Server |-> {}]
    /\ heard = Of(TRUE, FALSE, FALSE)
    /\ attempt = Of(0, 0, 0)
    /\ canvass = {}

InitShorter == Gone(1, Nil) /\ network = {}

\* c has stood in the next term already, and its request is on its way.
InitOutvoted ==
    /\ Gone(2, c)
    /\ network = {[type |-> "VoteRequest", from |-> c, term |-> 2, lastIndex |-> 0, lastTerm |-> 0]}

-----------------------------------------------------------------------------
(* The design without pre-votes: whoever has heard nobody stands.          *)

Stand(i) ==
    /\ ~ heard[i]
    /\ R!Timeout(i)
    /\ Follows(i)
    /\ UNCHANGED <<attempt, canvass>>

NextUnasked == Next \/ \E i \in Server : Stand(i)

-----------------------------------------------------------------------------
(* Witnesses: states and steps that must be reachable.  Each is written as *)
(* a property that says "never", and its model must violate it.            *)

\* The leader is gone, and another server is elected.
NeverElected == \A i \in Server : role[i] = "leader" => term[i] = 1

\* A server asks, and nobody is for it, because the others hear the leader.
NeverRefused ==
    ~ \E m \in canvass : m.type = "PreVoteRequest" /\ m.attempt = attempt[m.from] /\ grants[m.from] = {m.from}
                         /\ \A j \in Server \ {m.from} : heard[j] \/ role[j] = "leader"

\* A grant arrives that is one of an earlier attempt.
NeverLate == ~ \E m \in canvass : m.type = "PreVoteReply" /\ grants[m.to] # {} /\ m.attempt < attempt[m.to]

\* A leader has resigned although it is heard by everybody: it has not heard them.
NeverDeaf == ~ (role[a] = "follower" /\ term[a] = 1 /\ grants[a] = {} /\ \A j \in Server \ {a} : heard[j])

\* A leader makes room, and is elected again.
NeverMakesRoom == ~ (role[a] = "leader" /\ term[a] = 2 /\ term[c] = 2)

\* Two servers ask at once.
NeverTwoAsk == ~ \E i, j \in Server : i # j /\ grants[i] # {} /\ grants[j] # {}
=============================================================================
