------------------------ MODULE MCConsistentReadLive ------------------------
(***************************************************************************)
(* Liveness of ConsistentRead: reads are answered, if leaders stay.        *)
(*                                                                         *)
(* Nothing is cut off here by a constraint.  It is the environment that    *)
(* offers only so much: the servers in Up run and the others are down; a   *)
(* server of Standing stands for election until the last term has come,    *)
(* whether there is a leader or not; a leader crashes, at any moment, but  *)
(* the leader of the last term does not; nothing is written.  The second   *)
(* read is a client's second attempt, called when the first was lost.      *)
(* The network may lose every reply, and loses at once what would come too *)
(* late to change anything, or is of a later term.                         *)
(***************************************************************************)
EXTENDS ConsistentRead

CONSTANTS
    a,          \* the server that leads at first
    Up,         \* the servers that run
    Standing,   \* the servers that may be elected
    MaxTerm,    \* the last term
    First,      \* the first read that is called
    Second      \* the read that is called if the first is lost

ASSUME /\ Standing \subseteq Up /\ IsQuorum(Up)
       /\ Read = {First, Second} /\ Write = {}

LastTermHasCome == \E i \in Server : term[i] = MaxTerm

\* Nobody would do anything about reply m any more.
Late(m) == asking[m.to] = {} \/ m.term # leads[m.to] \/ m.round # round[m.to]
NothingIsLate == \A m \in network : ~ Late(m)

-----------------------------------------------------------------------------

Stands(i) == ~ LastTermHasCome /\ \E electors \in Electors \cap SUBSET Up : Elect(i, electors)
StandsAlone(i) == (\A j \in Up : leads[j] = 0) /\ Stands(i)
LeaderCrashes(i) == leads[i] > 0 /\ leads[i] < MaxTerm /\ Crash(i)
Copies(i, j) == Copy(i, j)
Hears(i, j) == StepDown(i, j)
Commits(i) == Commit(i)
Asked(r) ==
    \E i \in Up : \/ r \in LogRead /\ ReadByLog(i, r)
                  \/ r \in IndexRead /\ ReadByIndex(i, r)
CallsFirst == Asked(First)
CallsSecond == phase[First] = "lost" /\ Asked(Second)
Asks(i) == Ask(i)
Confirms(i, j) == term[j] <= leads[i] /\ Confirm(i, j)
Replied(i, j) == \E m \in network : m.from = j /\ OnReply(i, m)
Loses == \E m \in network : Lose(m)
Forgets == \E m \in network : Late(m) /\ Lose(m)

LiveNext ==
    \/ \E i \in Standing : NothingIsLate /\ Stands(i)
    \/ \E i \in Up : NothingIsLate /\ LeaderCrashes(i)
    \/ \E i \in Up, j \in Up : NothingIsLate /\ Copies(i, j)
    \/ \E i \in Up, j \in Up : NothingIsLate /\ Hears(i, j)
    \/ \E i \in Up : NothingIsLate /\ Commits(i)
    \/ NothingIsLate /\ CallsFirst
    \/ NothingIsLate /\ CallsSecond
    \/ \E i \in Up : NothingIsLate /\ Asks(i)
    \/ \E i \in Up, j \in Up : NothingIsLate /\ Confirms(i, j)
    \/ \E i \in Up, j \in Up : NothingIsLate /\ Replied(i, j)
    \/ NothingIsLate /\ Loses
    \/ Forgets

\* Servers and clients do what they can do, and somebody stands while nobody leads.  Of the replies that are sent again
\* and again some arrive.
Fairness ==
    /\ WF_vars(Forgets)
    /\ WF_vars(NothingIsLate /\ \E i \in Standing : StandsAlone(i))
    /\ WF_vars(NothingIsLate /\ CallsFirst)
    /\ WF_vars(NothingIsLate /\ CallsSecond)
    /\ \A i \in Up :
        /\ WF_vars(NothingIsLate /\ Commits(i))
        /\ WF_vars(NothingIsLate /\ Asks(i))
    /\ \A i \in Up : \A j \in Up \ {i} :
        /\ WF_vars(NothingIsLate /\ Copies(i, j))
        /\ WF_vars(NothingIsLate /\ Hears(i, j))
        /\ WF_vars(NothingIsLate /\ Confirms(i, j))
        /\ SF_vars(NothingIsLate /\ Replied(i, j))

\* a leads term 1, everybody has its first entry, and a alone knows that it is decided.
InitLeader ==
    /\ term = [i \in Server |-> 1]
    /\ log = [i \in Server |-> <<[term |-> 1, event |-> NoOp]>>]
    /\ commitIndex = [i \in Server |-> IF i = a THEN 1 ELSE 0]
    /\ matchIndex = [i \in Server |-> [j \in Server |-> IF i = a /\ j # a THEN 1 ELSE 0]]
    /\ leads = [i \in Server |-> IF i = a THEN 1 ELSE 0]
    /\ logged = [i \in Server |-> {}]
    /\ waiting = [i \in Server |-> {}]
    /\ asking = [i \in Server |-> {}]
    /\ round = NoneOfAny
    /\ confirmed = [i \in Server |-> {}]
    /\ network = {}
    /\ phase = [o \in Operation |-> "idle"]
    /\ answer = [r \in Read |-> Nothing]
    /\ decided = <<[term |-> 1, event |-> NoOp]>>
    /\ decidedAtCall = [r \in Read |-> 0]

LiveSpec == InitLeader /\ [][LiveNext]_vars /\ Fairness

-----------------------------------------------------------------------------

\* No read is open for ever: it is answered, or lost, so that its caller may try again.
ReadsEnd == \A r \in Read : (phase[r] = "open") ~> (phase[r] # "open")

\* A client that tries again is answered at last.
ReadIsAnswered == <>(\E r \in Read : phase[r] = "done")

\* Witness: the leader has crashed while a read was open, and the client tries again with the next leader.
NeverSecondAttempt == ~ (phase[First] = "lost" /\ phase[Second] = "open")

\* Witness: a leader that does not know that it is deposed has a read in its gate.
NeverWaitsInVain == ~ \E i \in Up : InGate(i) # {} /\ \E j \in Up : leads[j] > leads[i]
=============================================================================
