------------------------- MODULE MCReplicationLive -------------------------
(***************************************************************************)
(* Liveness of Replication: as long as a majority is up, events are        *)
(* decided.                                                                *)
(*                                                                         *)
(* Nothing is cut off here by a constraint.  It is the environment that    *)
(* offers only so much: the servers in Up run and the others are down; a   *)
(* server stands for election only when nobody else does or leads and when *)
(* its term and log let it win; a leader crashes, at any moment, but the   *)
(* leader of the last term does not; one event is proposed.                *)
(* The network carries one request about entries from one server to        *)
(* another at a time, and may lose it; it loses at once what would come    *)
(* too late to change anything.                                            *)
(***************************************************************************)
EXTENDS Replication

CONSTANTS
    a, b, c,    \* the servers by name
    Up,         \* the servers that run
    MaxTerm     \* the last term

ASSUME Server = {a, b, c} /\ Up \subseteq Server /\ IsQuorum(Up)

\* Election timers are such that the one who stands can win.
MayStand(i) ==
    /\ term[i] < MaxTerm
    /\ \A j \in Up \ {i} :
        /\ role[j] = "follower"
        /\ term[j] <= term[i]
        /\ UpToDate(LastTerm(log[i]), Len(log[i]), log[j])

NoEventYet == \A i \in Up : \A k \in 1 .. Len(log[i]) : log[i][k].event = Nil

Idle(i, j) == \A m \in network : m.type = "AppendRequest" => m.from # i \/ m.to # j \/ m.term # term[i]

\* Nobody would do anything about message m any more.
Late(m) ==
    CASE m.type = "VoteRequest" ->
           \A j \in Up \ {m.from} : m.term < term[j] \/ (m.term = term[j] /\ votedFor[j] # Nil)
      [] m.type = "VoteReply" -> role[m.to] # "candidate" \/ m.term # term[m.to]
      [] m.type = "AppendRequest" -> m.term < term[m.to]
      [] m.type = "AppendReply" ->
           \/ role[m.to] # "leader"
           \/ m.term # term[m.to]
           \/ IF m.accepted THEN m.index <= matchIndex[m.to][m.from]
              ELSE nextIndex[m.to][m.from] - 1 <= Maximum(matchIndex[m.to][m.from], m.index)

NothingIsLate == \A m \in network : ~ Late(m)

-----------------------------------------------------------------------------

Stands(i) == MayStand(i) /\ Timeout(i)
Syncs(i) == Sync(i)
LeaderCrashes(i) == role[i] = "leader" /\ term[i] < MaxTerm /\ Crash(i)
Decides(i) == NoEventYet /\ \E e \in Event : Propose(i, e)
Sends(i, j) == Idle(i, j) /\ Replicate(i, j)

\* What arrives at i from j.
Asked(i, j)   == \E m \in network : m.from = j /\ OnVoteRequest(i, m)
Elected(i, j) == \E m \in network : m.from = j /\ OnVoteReply(i, m)
Told(i, j)    == \E m \in network : m.from = j /\ OnAppendRequest(i, m)
Replied(i, j) == \E m \in network : m.from = j /\ OnAppendReply(i, m)

\* What arrives brings an entry, or the news that one is decided.
Learns(i, j) == Told(i, j) /\ <<log'[i], commitIndex'[i]>> # <<log[i], commitIndex[i]>>

\* A request about entries does not stay in the network for ever.
Expires(i, j) == \E m \in network : m.type = "AppendRequest" /\ m.from = i /\ m.to = j /\ Lose(m)

Forgotten == \E m \in network : Late(m) /\ Lose(m)

LiveNext ==
    \/ \E i \in Up : NothingIsLate /\ Stands(i)
    \/ \E i \in Up : NothingIsLate /\ Syncs(i)
    \/ \E i \in Up : NothingIsLate /\ LeaderCrashes(i)
    \/ \E i \in Up : NothingIsLate /\ Decides(i)
    \/ \E i \in Up, j \in Up : NothingIsLate /\ Sends(i, j)
    \/ \E i \in Up, j \in Up : NothingIsLate /\ Asked(i, j)
    \/ \E i \in Up, j \in Up : NothingIsLate /\ Elected(i, j)
    \/ \E i \in Up, j \in Up : NothingIsLate /\ Told(i, j)
    \/ \E i \in Up, j \in Up : NothingIsLate /\ Replied(i, j)
    \/ \E i \in Up, j \in Up : NothingIsLate /\ Expires(i, j)
    \/ Forgotten

\* Timers, disks and servers do what they can do.  Of the requests about entries that are sent again and again
\* some arrive, and not only those that bring nothing: a leader that sends ahead alternates between the two.
Fairness ==
    /\ WF_vars(Forgotten)
    /\ WF_vars(\E i \in Up : Stands(i))
    /\ \A i \in Up : WF_vars(Syncs(i))
    /\ \A i \in Up : WF_vars(Decides(i))
    /\ \A i \in Up : \A j \in Up \ {i} :
        /\ WF_vars(Sends(i, j))
        /\ WF_vars(Expires(i, j))
        /\ WF_vars(Asked(i, j))
        /\ WF_vars(Elected(i, j))
        /\ SF_vars(Told(i, j))
        /\ SF_vars(Learns(i, j))
        /\ WF_vars(Replied(i, j))

LiveSteps == [][LiveNext]_vars /\ Fairness

LiveSpec == Init /\ LiveSteps

\* a has just been elected to lead term 1, and log l is not on its disk.
Elected1(l) ==
    /\ term = [i \in Server |-> 1]
    /\ votedFor = [i \in Server |-> a]
    /\ log = [i \in Server |-> IF i = a THEN l ELSE <<>>]
    /\ disk = [i \in Server |-> [term |-> 1, votedFor |-> a, log |-> <<>>]]
    /\ owed = [i \in Server |-> {}]
    /\ role = [i \in Server |-> IF i = a THEN "leader" ELSE "follower"]
    /\ votes = [i \in Server |-> {}]
    /\ nextIndex = [i \in Server |-> FirstOfAll]
    /\ matchIndex = [i \in Server |-> NoneOfAny]
    /\ commitIndex = [i \in Server |-> 0]
    /\ network = {}
    /\ decided = <<>>

NoOp == [term |-> 1, event |-> Nil]
AnEvent == [term |-> 1, event |-> CHOOSE e \in Event \cup {Nil} : e # Nil \/ Event = {}]

ElectedSpec == Elected1(<<NoOp>>) /\ LiveSteps
ProposedSpec == Elected1(<<NoOp, AnEvent>>) /\ LiveSteps

-----------------------------------------------------------------------------

\* Some command's event is decided.
EventIsDecided == <>(\E k \in 1 .. Len(decided) : decided[k].event # Nil)

\* All that the leader of the last term holds is decided, and everybody who is up gets to know it.
LogIsDecided ==
    \A n \in 1 .. 3 :
        (\E i \in Up : role[i] = "leader" /\ term[i] = MaxTerm /\ Len(log[i]) >= n)
            ~> (Len(decided) >= n /\ \A i \in Up : commitIndex[i] >= n)

\* An event that is never lost from the logs of those who are up is decided.
SurvivorIsDecided ==
    [](\E i \in Up : \E k \in 1 .. Len(log[i]) : log[i][k].event # Nil) => EventIsDecided

\* Witness: the leader of term 1 has crashed with nothing decided, and a later leader holds its event.
NeverSecondReign ==
    ~ \E i \in Up : role[i] = "leader" /\ term[i] = MaxTerm /\ MaxTerm > 1 /\ decided = <<>> /\ ~ NoEventYet

\* Witness: there is a leader in the last term, with something to decide.
NeverToDecide == ~ \E i \in Up : role[i] = "leader" /\ term[i] = MaxTerm /\ Len(log[i]) > Len(decided)
=============================================================================
