---------------------------- MODULE MCPreVoteLive ----------------------------
(***************************************************************************)
(* Liveness of PreVote: a leader that does not hear its followers resigns, *)
(* and another one is elected; a member in a later term takes part again.  *)
(*                                                                         *)
(* Nothing is cut off here by a constraint.  It is the environment that    *)
(* offers only so much: nobody crashes, nothing is proposed, and one       *)
(* server asks, once, when the others have lost sight of their leader, or  *)
(* when it is in a later term.  What is sent to a deaf server is lost.     *)
(* Clocks are as they should be: heartbeats come in time, so a follower    *)
(* loses sight of a leader only when nobody leads its term, and who makes  *)
(* room stands before that; replies come in time, but not to the deaf.     *)
(* The network carries one request about entries from one server to        *)
(* another at a time, and may lose it; it loses at once what would come    *)
(* too late to change anything.                                            *)
(***************************************************************************)
EXTENDS MCPreVote

CONSTANTS
    Deaf,   \* the servers that send and do not hear
    Served  \* the servers that are sent entries

NobodyLeads(t) == \A i \in Server : role[i] = "leader" => term[i] # t
SomebodyMakesRoom == \E i \in Server : grants[i] = Server

Idle(i, j) == \A m \in network : m.type = "AppendRequest" => m.from # i \/ m.to # j \/ m.term # term[i]

\* Nobody would do anything about message m any more.
Late(m) ==
    CASE m.type = "VoteRequest" ->
           \A j \in Server \ (Deaf \cup {m.from}) : m.term < term[j] \/ (m.term = term[j] /\ votedFor[j] # Nil)
      [] m.type = "VoteReply" -> m.to \in Deaf \/ role[m.to] # "candidate" \/ m.term # term[m.to]
      [] m.type = "AppendRequest" -> m.to \in Deaf \/ m.term < term[m.to]
      [] m.type = "AppendReply" ->
           \/ m.to \in Deaf \/ role[m.to] # "leader" \/ m.term # term[m.to]
           \/ /\ m.from \in replied[m.to]
              /\ IF m.accepted THEN m.index <= matchIndex[m.to][m.from]
                 ELSE nextIndex[m.to][m.from] - 1 <= R!Maximum(matchIndex[m.to][m.from], m.index)

LatePreVote(m) ==
    IF m.type = "PreVoteRequest"
    THEN \E j \in Server \ {m.from} : role[j] # "follower" /\ term[j] + 1 >= m.term
    ELSE m.to \in Deaf \/ grants[m.to] = {} \/ m.from \in grants[m.to]

NothingIsLate == (\A m \in network : ~ Late(m)) /\ (\A m \in canvass : ~ LatePreVote(m))

-----------------------------------------------------------------------------

\* A leader's last words arrive, or are lost, before anybody loses sight of it.
LosesSight(i) ==
    /\ role[i] # "leader" /\ heard[i]
    /\ NobodyLeads(term[i]) /\ ~ SomebodyMakesRoom
    /\ \A m \in network : m.type # "AppendRequest"
    /\ Tick(i)
Checks(i) == role[i] = "leader" /\ (i \in Deaf \/ R!IsQuorum(replied[i] \cup {i})) /\ Tick(i)
Asks(i) ==
    /\ attempt[i] < MaxAttempt
    /\ \A j \in Server \ (Deaf \cup {i}) :
        term[j] < term[i] \/ (~ heard[j] /\ role[j] = "follower" /\ NobodyLeads(term[i]))
    /\ Ask(i)
Stands(i) == Timeout(i)
Syncs(i) == Sync(i)
Sends(i, j) == j \in Served /\ Idle(i, j) /\ Replicate(i, j)

\* What arrives at i from j.
Consulted(i, j) == i \notin Deaf /\ \E m \in canvass : m.from = j /\ OnPreVoteRequest(i, m)
Granted(i, j)   == i \notin Deaf /\ \E m \in canvass : m.from = j /\ OnPreVoteReply(i, m)
Asked(i, j)     == i \notin Deaf /\ \E m \in network : m.from = j /\ OnVoteRequest(i, m)
Elected(i, j)   == i \notin Deaf /\ \E m \in network : m.from = j /\ OnVoteReply(i, m)
Told(i, j)      == i \notin Deaf /\ \E m \in network : m.from = j /\ OnAppendRequest(i, m)
Replied(i, j)   == i \notin Deaf /\ \E m \in network : m.from = j /\ OnAppendReply(i, m)

\* What arrives brings an entry.
Learns(i, j) == Told(i, j) /\ log'[i] # log[i]

\* A request about entries does not stay in the network for ever.
Expires(i, j) == \E m \in network : m.type = "AppendRequest" /\ m.from = i /\ m.to = j /\ Lose(m)

Forgotten == \/ \E m \in network : Late(m) /\ Lose(m)
             \/ \E m \in canvass : LatePreVote(m) /\ LosePreVote(m)

Others ==
    \/ \E i \in Server : NothingIsLate /\ LosesSight(i)
    \/ \E i \in Asking : NothingIsLate /\ Asks(i)
    \/ \E i \in Server : NothingIsLate /\ Stands(i)
    \/ \E i \in Server : NothingIsLate /\ Syncs(i)
    \/ \E i \in Server, j \in Server : NothingIsLate /\ Sends(i, j)
    \/ \E i \in Server, j \in Server : NothingIsLate /\ Consulted(i, j)
    \/ \E i \in Server, j \in Server : NothingIsLate /\ Granted(i, j)
    \/ \E i \in Server, j \in Server : NothingIsLate /\ Asked(i, j)
    \/ \E i \in Server, j \in Server : NothingIsLate /\ Elected(i, j)
    \/ \E i \in Server, j \in Server : NothingIsLate /\ Told(i, j)
    \/ \E i \in Server, j \in Server : NothingIsLate /\ Replied(i, j)
    \/ \E i \in Server, j \in Server : NothingIsLate /\ Expires(i, j)
    \/ Forgotten

LiveNext == Others \/ \E i \in Server : NothingIsLate /\ Checks(i)

\* Clocks, disks and servers do what they can do.  Of the requests about entries that are sent again and again some
\* arrive, and not only those that bring nothing.
OthersFairness ==
    /\ WF_vars(Forgotten)
    /\ \A i \in Server :
        /\ WF_vars(LosesSight(i))
        /\ WF_vars(Stands(i))
        /\ WF_vars(Syncs(i))
    /\ \A i \in Asking : WF_vars(Asks(i))
    /\ \A i \in Server, j \in Served : i # j => WF_vars(Expires(i, j))
    /\ \A i \in Server \ Deaf : \A j \in Server \ (Deaf \cup {i}) :
        /\ WF_vars(Consulted(i, j))
        /\ WF_vars(Granted(i, j))
        /\ WF_vars(Asked(i, j))
        /\ WF_vars(Elected(i, j))
        /\ WF_vars(Replied(i, j))
    /\ \A i \in Served : \A j \in Server \ (Deaf \cup {i}) :
        /\ WF_vars(Sends(j, i))
        /\ SF_vars(Told(i, j))
        /\ SF_vars(Learns(i, j))
ChecksFairness == \A i \in Server : WF_vars(Checks(i))

DeafSpec == InitLed /\ [][LiveNext]_vars /\ OthersFairness /\ ChecksFairness
LaterSpec == InitLater /\ [][LiveNext]_vars /\ OthersFairness /\ ChecksFairness

\* The design without check-quorum.
UncheckedSpec == InitLed /\ [][Others]_vars /\ OthersFairness

-----------------------------------------------------------------------------

\* A leader that hears nobody leads no more at last, and another one leads and decides.
AnotherLeads ==
    <>(/\ \A i \in Deaf : role[i] # "leader"
       /\ \E i \in Server \ Deaf : role[i] = "leader" /\ commitIndex[i] = Len(log[i]))

\* Whoever is in a later term than its leader hears a leader again.
LaterFollows == <>(heard[c] /\ role[c] = "follower")

\* Witness: a leader made room for it, and leads again.
NeverLedAgain == ~ (role[a] = "leader" /\ term[a] > 1)
=============================================================================
