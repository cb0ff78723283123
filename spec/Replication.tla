---------------------------- MODULE Replication ----------------------------
(***************************************************************************)
(* How a group of servers keeps one log of events, although servers crash  *)
(* and the network loses, repeats and reorders messages.                   *)
(*                                                                         *)
(* One server, the leader, turns commands into events.  That step may be   *)
(* random (an exchange rate, a clock, a new identifier), so it is done     *)
(* once, by the leader, and what is copied to the others is the event and  *)
(* never the command: Propose(i, e) may choose any event e, and everybody  *)
(* who holds the entry holds the same e.  An entry is decided, once and    *)
(* for ever, when a majority of the servers have it on disk.               *)
(*                                                                         *)
(* The protocol is Raft's.  Time is cut into terms with at most one leader *)
(* each; a leader is elected by a majority of votes, and a server votes    *)
(* only for a candidate whose log is at least as good as its own, so every *)
(* new leader already holds everything that was decided.                   *)
(*                                                                         *)
(* The disk is not taken for granted.  `term`, `votedFor` and `log` are    *)
(* what a server works with, `disk` is what a crash leaves of them, and    *)
(* Sync, a step of its own, copies the one to the other.  A server goes on *)
(* working while its disk is behind.  Whatever would be a lie after a      *)
(* crash (a vote, an acknowledgement, the request for votes in a new term) *)
(* waits in `owed` until the next Sync and is sent by it, and a leader     *)
(* counts its own copy of an entry only once it is on disk.  One thing may *)
(* leave early: the leader's own entries, since they promise nothing.      *)
(*                                                                         *)
(* Each action is one atomic step of one server, or of the network, and    *)
(* the state that follows is determined by the state before and the        *)
(* action's arguments.                                                     *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Server,     \* the servers; their number never changes
    Event,      \* the events that commands may become
    Nil,        \* no candidate (as a vote), no event (in a new leader's first entry)
    Batch       \* how many entries one AppendRequest may carry

ASSUME Cardinality(Server) > 0 /\ Batch > 0 /\ Nil \notin Server \cup Event

VARIABLES
    (* What must survive a crash, as the server sees it now. *)
    term,           \* the highest term that the server knows of
    votedFor,       \* the candidate that has its vote in that term, or Nil
    log,            \* its copy of the log
    (* Its disk, and what waits for the disk. *)
    disk,           \* term, votedFor and log as they were at the last Sync
    owed,           \* messages that may not leave before the next Sync
    (* What a crash wipes out. *)
    role,           \* "follower", "candidate" or "leader"
    votes,          \* a candidate's votes so far
    nextIndex,      \* for a leader and each server: the entry to send next
    matchIndex,     \* for a leader and each server: how much of the log it has acknowledged
    commitIndex,    \* how much of the log the server knows to be decided
    (* The world outside. *)
    network,        \* the messages that may still arrive
    decided         \* ghost: the entries that anybody has ever known to be decided

vars == <<term, votedFor, log, disk, owed, role, votes, nextIndex, matchIndex, commitIndex, network, decided>>

-----------------------------------------------------------------------------
(* Small words. *)

Minimum(a, b) == IF a < b THEN a ELSE b
Maximum(a, b) == IF a > b THEN a ELSE b
Highest(S) == CHOOSE x \in S : \A y \in S : x >= y

\* More than half of all servers: any two quorums share a server.
IsQuorum(S) == 2 * Cardinality(S) > Cardinality(Server)

Prefix(s, n) == SubSeq(s, 1, n)
IsPrefix(s, t) == Len(s) <= Len(t) /\ Prefix(t, Len(s)) = s

\* The term of entry k; before the first entry there is term 0.
TermAt(l, k) == IF k = 0 THEN 0 ELSE l[k].term
LastTerm(l) == TermAt(l, Len(l))

\* Log with the given last term and length is at least as good as log l.
UpToDate(lastTerm, lastIndex, l) ==
    \/ lastTerm > LastTerm(l)
    \/ lastTerm = LastTerm(l) /\ lastIndex >= Len(l)

FirstOfAll == [j \in Server |-> 1]
NoneOfAny  == [j \in Server |-> 0]

\* What Sync writes: all three in one piece, for a new term with an old vote is a second vote.
Durable(i) == [term |-> term[i], votedFor |-> votedFor[i], log |-> log[i]]

-----------------------------------------------------------------------------
(* What the variables hold. *)

Entry == [term : Nat, event : Event \cup {Nil}]
Role == {"follower", "candidate", "leader"}

\* A request for votes is for everybody and so has no `to`.
VoteRequest ==
    [type : {"VoteRequest"}, from : Server, term : Nat, lastIndex : Nat, lastTerm : Nat]
VoteReply ==
    [type : {"VoteReply"}, from : Server, to : Server, term : Nat]
AppendRequest ==
    [type : {"AppendRequest"}, from : Server, to : Server, term : Nat, prevIndex : Nat, prevTerm : Nat,
     entries : Seq(Entry), commitIndex : Nat]
AppendReply ==
    [type : {"AppendReply"}, from : Server, to : Server, term : Nat, accepted : BOOLEAN, index : Nat]
Message == VoteRequest \cup VoteReply \cup AppendRequest \cup AppendReply

TypeOK ==
    /\ term \in [Server -> Nat]
    /\ votedFor \in [Server -> Server \cup {Nil}]
    /\ log \in [Server -> Seq(Entry)]
    /\ disk \in [Server -> [term : Nat, votedFor : Server \cup {Nil}, log : Seq(Entry)]]
    /\ owed \in [Server -> SUBSET Message]
    /\ role \in [Server -> Role]
    /\ votes \in [Server -> SUBSET Server]
    /\ nextIndex \in [Server -> [Server -> Nat \ {0}]]
    /\ matchIndex \in [Server -> [Server -> Nat]]
    /\ commitIndex \in [Server -> Nat]
    /\ network \subseteq Message
    /\ decided \in Seq(Entry)

\* At first nothing has happened: no term, no vote, no entry.
Init ==
    /\ term = [i \in Server |-> 0]
    /\ votedFor = [i \in Server |-> Nil]
    /\ log = [i \in Server |-> <<>>]
    /\ disk = [i \in Server |-> [term |-> 0, votedFor |-> Nil, log |-> <<>>]]
    /\ owed = [i \in Server |-> {}]
    /\ role = [i \in Server |-> "follower"]
    /\ votes = [i \in Server |-> {}]
    /\ nextIndex = [i \in Server |-> FirstOfAll]
    /\ matchIndex = [i \in Server |-> NoneOfAny]
    /\ commitIndex = [i \in Server |-> 0]
    /\ network = {}
    /\ decided = <<>>

-----------------------------------------------------------------------------
(* Parts that several actions share. *)

\* Server i forgets what only candidates and leaders know.
BecomeFollower(i) ==
    /\ role' = [role EXCEPT ![i] = "follower"]
    /\ votes' = [votes EXCEPT ![i] = {}]
    /\ nextIndex' = [nextIndex EXCEPT ![i] = FirstOfAll]
    /\ matchIndex' = [matchIndex EXCEPT ![i] = NoneOfAny]

KeepRole == UNCHANGED <<role, votes, nextIndex, matchIndex>>

\* Server i owes message m: it leaves with the next Sync.
Owe(i, m) ==
    /\ owed' = [owed EXCEPT ![i] = @ \cup {m}]
    /\ UNCHANGED network

\* Message m leaves at once.
Send(m) ==
    /\ network' = network \cup {m}
    /\ UNCHANGED owed

\* Server i knows that the first c entries of log l are decided, and now the world may know.
Announce(i, l, c) ==
    /\ commitIndex' = [commitIndex EXCEPT ![i] = c]
    /\ decided' = IF c > Len(decided) THEN Prefix(l, c) ELSE decided

\* How much of its log leader i may call decided, when the first `durable` entries are on its own disk and
\* `acknowledged` says what the others have on theirs.  Only an entry of the leader's own term is counted: an
\* older one can be on a majority of disks and still be replaced by a later leader (figure 8 of the Raft paper).
\* Once an entry of its own term is decided, all entries before it are.
Decidable(i, durable, acknowledged) ==
    LET Holders(k) == {j \in Server : (IF j = i THEN durable ELSE acknowledged[j]) >= k}
        Safe == {k \in commitIndex[i] + 1 .. Len(log[i]) : log[i][k].term = term[i] /\ IsQuorum(Holders(k))}
    IN IF Safe = {} THEN commitIndex[i] ELSE Highest(Safe)

\* Log l after the entries es have been received for the places after index prev.  What is already there stays,
\* even beyond the last entry received, unless one of its entries is of another term than the one received: an old
\* message that arrives late must not shorten the log.
Merge(l, prev, es) ==
    LET conflict == \E k \in 1 .. Len(es) : prev + k <= Len(l) /\ l[prev + k].term # es[k].term
        longer == prev + Len(es) > Len(l)
    IN IF conflict \/ longer THEN Prefix(l, prev) \o es ELSE l

-----------------------------------------------------------------------------
(* What a server does of itself. *)

\* Server i has not heard from a leader for too long and stands for election in a new term.  It votes for itself.
\* The request waits for the disk: if a crash could take the new term back, the server might stand in it a second
\* time, with another log, and count votes that were given to the first.  A lone server has nobody to ask; it sends
\* its vote to itself, once that is on the disk.
Timeout(i) ==
    /\ role[i] # "leader"
    /\ term' = [term EXCEPT ![i] = @ + 1]
    /\ votedFor' = [votedFor EXCEPT ![i] = i]
    /\ role' = [role EXCEPT ![i] = "candidate"]
    /\ votes' = [votes EXCEPT ![i] = {i}]
    /\ IF Server # {i}
       THEN Owe(i, [type |-> "VoteRequest", from |-> i, term |-> term[i] + 1,
                    lastIndex |-> Len(log[i]), lastTerm |-> LastTerm(log[i])])
       ELSE Owe(i, [type |-> "VoteReply", from |-> i, to |-> i, term |-> term[i] + 1])
    /\ UNCHANGED <<log, disk, nextIndex, matchIndex, commitIndex, decided>>

\* Server i writes term, vote and log to its disk, all or nothing, and then sends what was waiting for that.
\* A leader now counts itself.
Sync(i) ==
    /\ <<disk[i], owed[i]>> # <<Durable(i), {}>>
    /\ disk' = [disk EXCEPT ![i] = Durable(i)]
    /\ network' = network \cup owed[i]
    /\ owed' = [owed EXCEPT ![i] = {}]
    /\ Announce(i, log[i],
                IF role[i] = "leader" THEN Decidable(i, Len(log[i]), matchIndex[i]) ELSE commitIndex[i])
    /\ UNCHANGED <<term, votedFor, log, role, votes, nextIndex, matchIndex>>

\* Server i stops, and starts again with what its disk holds.
Crash(i) ==
    /\ term' = [term EXCEPT ![i] = disk[i].term]
    /\ votedFor' = [votedFor EXCEPT ![i] = disk[i].votedFor]
    /\ log' = [log EXCEPT ![i] = disk[i].log]
    /\ owed' = [owed EXCEPT ![i] = {}]
    /\ BecomeFollower(i)
    /\ commitIndex' = [commitIndex EXCEPT ![i] = 0]
    /\ UNCHANGED <<disk, network, decided>>

\* Leader i leads no more, of its own accord.  Its term stays what it was, and nobody else can lead that one.  Models
\* whose next-state relation is NextResigning have this; PreVote says when and why.
Resign(i) ==
    /\ role[i] = "leader"
    /\ BecomeFollower(i)
    /\ UNCHANGED <<term, votedFor, log, disk, owed, commitIndex, network, decided>>

\* Leader i turns a command into event e.  Which event is not determined by anything: that is why it is recorded.
Propose(i, e) ==
    /\ role[i] = "leader"
    /\ log' = [log EXCEPT ![i] = Append(@, [term |-> term[i], event |-> e])]
    /\ UNCHANGED <<term, votedFor, disk, owed, role, votes, nextIndex, matchIndex, commitIndex, network, decided>>

\* Leader i sends server j the entries that it should receive next, on disk or not; without any, it is a heartbeat.
\* It does not wait for the answer before it sends the entries after these.
Replicate(i, j) ==
    /\ role[i] = "leader"
    /\ i # j
    /\ LET prev == nextIndex[i][j] - 1
           last == Minimum(prev + Batch, Len(log[i]))
       IN /\ Send([type |-> "AppendRequest", from |-> i, to |-> j, term |-> term[i],
                   prevIndex |-> prev, prevTerm |-> TermAt(log[i], prev),
                   entries |-> SubSeq(log[i], prev + 1, last), commitIndex |-> commitIndex[i]])
          /\ nextIndex' = [nextIndex EXCEPT ![i][j] = last + 1]
    /\ UNCHANGED <<term, votedFor, log, disk, role, votes, matchIndex, commitIndex, decided>>

-----------------------------------------------------------------------------
(* What a server does when message m arrives.  The message stays in the    *)
(* network and may arrive again.  A request of a higher term than one's    *)
(* own makes one a follower in that term first, whatever one was before.   *)
(* A request of a lower term is late and changes nothing.  A reply bears   *)
(* the term of its request, so it is never ahead of its addressee.         *)

\* Somebody else asks for votes.  One vote a term, and only for a log that is at least as good as one's own.
\* A request that comes again is answered again, for the first answer may be lost.
OnVoteRequest(i, m) ==
    /\ m.type = "VoteRequest"
    /\ m.from # i
    /\ LET newer == m.term > term[i]
           vote == IF newer THEN Nil ELSE votedFor[i]
           grant == /\ m.term >= term[i]
                    /\ vote \in {Nil, m.from}
                    /\ UpToDate(m.lastTerm, m.lastIndex, log[i])
       IN /\ term' = [term EXCEPT ![i] = Maximum(@, m.term)]
          /\ votedFor' = [votedFor EXCEPT ![i] = IF grant THEN m.from ELSE vote]
          /\ IF newer THEN BecomeFollower(i) ELSE KeepRole
          /\ IF grant
             THEN Owe(i, [type |-> "VoteReply", from |-> i, to |-> m.from, term |-> m.term])
             ELSE UNCHANGED <<owed, network>>
    /\ UNCHANGED <<log, disk, commitIndex, decided>>

\* A vote for server i.  With a majority it becomes leader, and its first entry, which holds no event, lets it
\* decide what earlier leaders have left undecided.  Its own vote is on disk by now, or nobody would have been asked.
OnVoteReply(i, m) ==
    /\ m.type = "VoteReply"
    /\ m.to = i
    /\ LET supporters == votes[i] \cup {m.from}
       IN IF role[i] # "candidate" \/ m.term # term[i]
          THEN UNCHANGED <<log, role, votes, nextIndex, matchIndex>>
          ELSE IF IsQuorum(supporters)
          THEN /\ role' = [role EXCEPT ![i] = "leader"]
               /\ votes' = [votes EXCEPT ![i] = {}]
               /\ nextIndex' = [nextIndex EXCEPT ![i] = [j \in Server |-> Len(log[i]) + 1]]
               /\ matchIndex' = [matchIndex EXCEPT ![i] = NoneOfAny]
               /\ log' = [log EXCEPT ![i] = Append(@, [term |-> term[i], event |-> Nil])]
          ELSE /\ votes' = [votes EXCEPT ![i] = supporters]
               /\ UNCHANGED <<log, role, nextIndex, matchIndex>>
    /\ UNCHANGED <<term, votedFor, disk, owed, commitIndex, network, decided>>

\* The leader sends entries.  They are accepted if the log agrees with the leader's up to the place where they
\* belong; if it does not, the answer says where to try next.  What the leader calls decided is believed only as far
\* as this message shows that the two logs agree.
OnAppendRequest(i, m) ==
    /\ m.type = "AppendRequest"
    /\ m.to = i
    /\ IF m.term < term[i] THEN UNCHANGED vars
       ELSE LET accepted == m.prevIndex <= Len(log[i]) /\ TermAt(log[i], m.prevIndex) = m.prevTerm
                last == m.prevIndex + Len(m.entries)
                merged == IF accepted THEN Merge(log[i], m.prevIndex, m.entries) ELSE log[i]
                known == IF accepted THEN Minimum(m.commitIndex, last) ELSE 0
            IN /\ term' = [term EXCEPT ![i] = m.term]
               /\ votedFor' = [votedFor EXCEPT ![i] = IF m.term > term[i] THEN Nil ELSE @]
               /\ log' = [log EXCEPT ![i] = merged]
               /\ BecomeFollower(i)
               /\ Announce(i, merged, Maximum(commitIndex[i], known))
               /\ Owe(i, [type |-> "AppendReply", from |-> i, to |-> m.from, term |-> m.term,
                          accepted |-> accepted,
                          index |-> IF accepted THEN last ELSE Minimum(Len(log[i]), m.prevIndex - 1)])
               /\ UNCHANGED disk

\* A follower answers.  Answers may overtake each other, so an acceptance never lowers what the leader believes,
\* and a refusal only moves back the place to send from, never behind what is acknowledged.
OnAppendReply(i, m) ==
    /\ m.type = "AppendReply"
    /\ m.to = i
    /\ IF role[i] # "leader" \/ m.term # term[i]
       THEN UNCHANGED <<nextIndex, matchIndex, commitIndex, decided>>
       ELSE IF m.accepted
       THEN LET acknowledged == [matchIndex[i] EXCEPT ![m.from] = Maximum(@, m.index)]
            IN /\ matchIndex' = [matchIndex EXCEPT ![i] = acknowledged]
               /\ nextIndex' = [nextIndex EXCEPT ![i][m.from] = Maximum(@, m.index + 1)]
               /\ Announce(i, log[i], Decidable(i, Len(disk[i].log), acknowledged))
       ELSE /\ nextIndex' = [nextIndex EXCEPT ![i][m.from] =
                                Maximum(matchIndex[i][m.from], Minimum(@ - 1, m.index)) + 1]
            /\ UNCHANGED <<matchIndex, commitIndex, decided>>
    /\ UNCHANGED <<term, votedFor, log, disk, owed, role, votes, network>>

-----------------------------------------------------------------------------
(* What the network does. *)

\* Message m is lost: it will not arrive (again).
Lose(m) ==
    /\ network' = network \ {m}
    /\ UNCHANGED <<term, votedFor, log, disk, owed, role, votes, nextIndex, matchIndex, commitIndex, decided>>

\* TLC names a step after the operator that holds its choice of a message, hence these names.
VoteRequestArrives(i)   == \E m \in network : OnVoteRequest(i, m)
VoteReplyArrives(i)     == \E m \in network : OnVoteReply(i, m)
AppendRequestArrives(i) == \E m \in network : OnAppendRequest(i, m)
AppendReplyArrives(i)   == \E m \in network : OnAppendReply(i, m)
MessageIsLost           == \E m \in network : Lose(m)

Next ==
    \/ \E i \in Server : Timeout(i)
    \/ \E i \in Server : Sync(i)
    \/ \E i \in Server : Crash(i)
    \/ \E i \in Server, e \in Event : Propose(i, e)
    \/ \E i \in Server, j \in Server : Replicate(i, j)
    \/ \E i \in Server : VoteRequestArrives(i)
    \/ \E i \in Server : VoteReplyArrives(i)
    \/ \E i \in Server : AppendRequestArrives(i)
    \/ \E i \in Server : AppendReplyArrives(i)
    \/ MessageIsLost

NextResigning == Next \/ \E i \in Server : Resign(i)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What must hold in every state. *)

\* No term has two leaders.
ElectionSafety ==
    \A i, j \in Server : role[i] = "leader" /\ role[j] = "leader" /\ term[i] = term[j] => i = j

\* Where two logs hold an entry of one term at one place, they agree up to there.
LogMatching ==
    \A i, j \in Server : \A k \in 1 .. Minimum(Len(log[i]), Len(log[j])) :
        log[i][k].term = log[j][k].term => Prefix(log[i], k) = Prefix(log[j], k)

\* The leader of the highest term holds everything that was ever decided.  (A deposed leader may not: it decides
\* nothing more.)
LeaderCompleteness ==
    \A i \in Server :
        role[i] = "leader" /\ (\A j \in Server : term[j] <= term[i]) => IsPrefix(decided, log[i])

\* What a server believes to be decided is in its log, and is what was decided.
StateMachineSafety ==
    \A i \in Server : commitIndex[i] <= Len(log[i]) /\ IsPrefix(Prefix(log[i], commitIndex[i]), decided)

\* What is decided is on the disks of a majority.
DecidedIsDurable == IsQuorum({i \in Server : IsPrefix(decided, disk[i].log)})

\* A leader has put an entry of its own term at the end of its log.
LeaderHasOwnEntry == \A i \in Server : role[i] = "leader" => LastTerm(log[i]) = term[i]

\* What a leader believes of a disk, its own included, is true as long as the disk knows of no later term.
MatchIsDurable ==
    \A i, j \in Server :
        role[i] = "leader" /\ disk[j].term <= term[i] =>
            LET matched == IF j = i THEN Len(disk[i].log) ELSE matchIndex[i][j]
            IN matched <= Len(log[i]) /\ IsPrefix(Prefix(log[i], matched), disk[j].log)

\* Server i's disk knows that term t has come, and if it has not gone, that i's vote in it is v.
HasVoted(i, t, v) == disk[i].term > t \/ (disk[i].term = t /\ disk[i].votedFor = v)

\* Whatever is on its way would still be true if its sender crashed, and the sender of a request knows its term.
SentIsDurable ==
    \A m \in network :
        CASE m.type = "VoteRequest"   -> HasVoted(m.from, m.term, m.from)
          [] m.type = "VoteReply"     -> HasVoted(m.from, m.term, m.to) /\ disk[m.to].term >= m.term
          [] m.type = "AppendRequest" -> HasVoted(m.from, m.term, m.from)
          [] m.type = "AppendReply"   -> /\ disk[m.from].term >= m.term
                                         /\ disk[m.from].term = m.term /\ m.accepted => Len(disk[m.from].log) >= m.index
                                         /\ disk[m.to].term >= m.term

-----------------------------------------------------------------------------
(* What must hold of every step. *)

Log == INSTANCE EventLog WITH events <- decided

\* All of this together is one log that only grows: with `decided` for `events`, every step is one that EventLog's
\* Law allows.  Init begins where the Law does, with nothing; a model that starts in the middle of a story begins in
\* the middle of the Law's.
Refines == [][Log!Extends]_decided

\* A server never goes back on what it knows to be decided, unless it crashes, which makes it forget all of it.
CommitOnlyGrows ==
    [][\A i \in Server : commitIndex'[i] >= commitIndex[i] \/ commitIndex'[i] = 0]_commitIndex

\* While a server leads, what it believes to be acknowledged only grows.
MatchOnlyGrows ==
    [][\A i, j \in Server :
        role[i] = "leader" /\ role'[i] = "leader" => matchIndex'[i][j] >= matchIndex[i][j]]_<<role, matchIndex>>

\* No disk ever goes back to an earlier term, or changes its vote within one.
DiskOnlyGrows ==
    [][\A i \in Server :
        \/ disk'[i].term > disk[i].term
        \/ disk'[i].term = disk[i].term /\ disk[i].votedFor \in {Nil, disk'[i].votedFor}]_disk
=============================================================================
