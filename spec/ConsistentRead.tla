--------------------------- MODULE ConsistentRead ---------------------------
(***************************************************************************)
(* How to read what is true now from a group of servers that keep one log, *)
(* although a leader may have been deposed without knowing it.             *)
(*                                                                         *)
(* A read model lags behind, and so may the state of a leader: another     *)
(* leader may have decided something else by now.  There are two ways to   *)
(* be sure.                                                                *)
(*                                                                         *)
(* Through the log: the read becomes an event that changes nothing, the    *)
(* leader appends it, and when it is decided, the answer is what the       *)
(* events before it have made.  A leader that was deposed gets nothing     *)
(* decided.  That is the way of the source, and it costs what a write      *)
(* costs.                                                                  *)
(*                                                                         *)
(* By asking: nothing is appended.  The leader asks the others whether     *)
(* they have heard of a later leader.  When a majority say that they have  *)
(* not, there was none when the question was put, so what the leader knew  *)
(* then to be decided was all that was decided, and it may answer.  Two    *)
(* things are easy to get wrong.  A new leader does not know yet how much  *)
(* of its log is decided, so it must not ask before an entry of its own    *)
(* term is.  And a read that is called while a question is on its way must *)
(* wait for the next one: the replies may be older than the read.          *)
(*                                                                         *)
(* Each server has a *gate*, in which reads wait until they may be         *)
(* answered.  It knows of consensus only what it is told: that its server  *)
(* leads a term, that it leads no more, what is decided.  When it leads no *)
(* more, the reads in its gate are lost, and whoever called them will have *)
(* to ask elsewhere.                                                       *)
(*                                                                         *)
(* Consensus itself is what Replication says of it, in fewer steps: an     *)
(* election is one step, and so is copying the leader's log to a follower, *)
(* acknowledgement included.  Everything is durable at once but the commit *)
(* index, what a leader knows of others, and the gate.                     *)
(*                                                                         *)
(* What clients see is an atomic register: ConsistentRead refines          *)
(* VersionedRegister.                                                      *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Server,     \* the servers
    Write,      \* the writes: each is the event that it becomes, and the value that it writes
    LogRead,    \* the reads that go through the log: each is the event that it becomes, which changes nothing
    IndexRead,  \* the reads that are answered after asking
    NoOp,       \* the event of a new leader's first entry
    Nothing     \* what is read before the first write

Read == LogRead \cup IndexRead
Operation == Write \cup Read

ASSUME /\ Cardinality(Server) > 1
       /\ Write \cap Read = {} /\ LogRead \cap IndexRead = {}
       /\ {NoOp, Nothing} \cap Operation = {}

VARIABLES
    (* Consensus. *)
    term,           \* the highest term that a server has voted in or heard of
    log,            \* its copy of the log
    commitIndex,    \* how much of it the server knows to be decided
    matchIndex,     \* for a leader and each other server: how much of its log that one has acknowledged
    (* The gate of each server. *)
    leads,          \* the term in which it leads, as far as it knows, or 0
    logged,         \* reads that wait for their own entry to be decided
    waiting,        \* reads that wait for the next question
    asking,         \* reads that wait for replies to the question on its way
    round,          \* the number of that question, or of the last one
    confirmed,      \* who has confirmed it
    (* The world outside. *)
    network,        \* the replies that may still arrive
    phase,          \* how far each operation is: "idle", "open", "done" or "lost"
    answer,         \* what each read was answered
    decided,        \* ghost: the entries that anybody has ever known to be decided
    decidedAtCall   \* ghost: how many writes were decided when an open read was called

consensus == <<term, log, commitIndex, matchIndex>>
gate == <<leads, logged, waiting, asking, round, confirmed>>
clients == <<phase, answer, decidedAtCall>>
vars == <<consensus, gate, network, clients, decided>>

-----------------------------------------------------------------------------
(* Small words. *)

Maximum(a, b) == IF a < b THEN b ELSE a
Highest(S) == CHOOSE x \in S : \A y \in S : x >= y

\* More than half of all servers: any two quorums share a server.
IsQuorum(S) == 2 * Cardinality(S) > Cardinality(Server)

\* The quorums from which nobody can be missed: enough to elect a leader.
Electors == {Q \in SUBSET Server : IsQuorum(Q) /\ 2 * (Cardinality(Q) - 1) <= Cardinality(Server)}

Prefix(s, n) == SubSeq(s, 1, n)
IsPrefix(s, t) == Len(s) <= Len(t) /\ Prefix(t, Len(s)) = s

LastTerm(l) == IF l = <<>> THEN 0 ELSE l[Len(l)].term

\* Log l is at least as good as log k: it may win the vote of whoever holds k.
UpToDate(l, k) ==
    \/ LastTerm(l) > LastTerm(k)
    \/ LastTerm(l) = LastTerm(k) /\ Len(l) >= Len(k)

\* The writes among these entries, in their order, and the state that they make: what was written last.
WritesOf(entries) ==
    LET IsWrite(e) == e.event \in Write
        ws == SelectSeq(entries, IsWrite)
    IN [k \in 1 .. Len(ws) |-> ws[k].event]
State(entries) == LET ws == WritesOf(entries) IN IF ws = <<>> THEN Nothing ELSE ws[Len(ws)]

NoneOfAny == [j \in Server |-> 0]

\* The state of server i: what it knows to be decided.
StateOf(i) == State(Prefix(log[i], commitIndex[i]))

\* The reads in the gate of server i.
InGate(i) == logged[i] \cup waiting[i] \cup asking[i]

-----------------------------------------------------------------------------
(* What the variables hold. *)

Entry == [term : Nat, event : Operation \cup {NoOp}]

\* Server `from` knows of no term later than `term`, and says so to the question with this number.
Reply == [from : Server, to : Server, term : Nat, round : Nat]

TypeOK ==
    /\ term \in [Server -> Nat]
    /\ log \in [Server -> Seq(Entry)]
    /\ commitIndex \in [Server -> Nat]
    /\ matchIndex \in [Server -> [Server -> Nat]]
    /\ leads \in [Server -> Nat]
    /\ logged \in [Server -> SUBSET LogRead]
    /\ waiting \in [Server -> SUBSET IndexRead]
    /\ asking \in [Server -> SUBSET IndexRead]
    /\ round \in [Server -> Nat]
    /\ confirmed \in [Server -> SUBSET Server]
    /\ network \subseteq Reply
    /\ phase \in [Operation -> {"idle", "open", "done", "lost"}]
    /\ answer \in [Read -> Write \cup {Nothing}]
    /\ decided \in Seq(Entry)
    /\ decidedAtCall \in [Read -> Nat]

\* At first nothing has happened: no term, no entry, no read.
Init ==
    /\ term = NoneOfAny
    /\ log = [i \in Server |-> <<>>]
    /\ commitIndex = NoneOfAny
    /\ matchIndex = [i \in Server |-> NoneOfAny]
    /\ leads = NoneOfAny
    /\ logged = [i \in Server |-> {}]
    /\ waiting = [i \in Server |-> {}]
    /\ asking = [i \in Server |-> {}]
    /\ round = NoneOfAny
    /\ confirmed = [i \in Server |-> {}]
    /\ network = {}
    /\ phase = [o \in Operation |-> "idle"]
    /\ answer = [r \in Read |-> Nothing]
    /\ decided = <<>>
    /\ decidedAtCall = [r \in Read |-> 0]

-----------------------------------------------------------------------------
(* Parts that several actions share. *)

\* The servers in S do not lead (any more): their gates are emptied, and the reads in them are lost.
GatesEmptied(S) ==
    LET lost == UNION {InGate(j) : j \in S}
        Emptied(reads) == [j \in Server |-> IF j \in S THEN {} ELSE reads[j]]
    IN /\ logged' = Emptied(logged)
       /\ waiting' = Emptied(waiting)
       /\ asking' = Emptied(asking)
       /\ round' = [j \in Server |-> IF j \in S THEN 0 ELSE round[j]]
       /\ confirmed' = Emptied(confirmed)
       /\ phase' = [o \in Operation |-> IF o \in lost THEN "lost" ELSE phase[o]]
       /\ decidedAtCall' = [r \in Read |-> IF r \in lost THEN 0 ELSE decidedAtCall[r]]
       /\ UNCHANGED answer

\* A client has called read r.
Called(r) ==
    /\ phase[r] = "idle"
    /\ phase' = [phase EXCEPT ![r] = "open"]
    /\ decidedAtCall' = [decidedAtCall EXCEPT ![r] = Len(WritesOf(decided))]

\* These operations return, and for each read among them `state` says what it is answered.
Returned(operations, state) ==
    /\ phase' = [o \in Operation |-> IF o \in operations THEN "done" ELSE phase[o]]
    /\ answer' = [r \in Read |-> IF r \in operations THEN state[r] ELSE answer[r]]
    /\ decidedAtCall' = [r \in Read |-> IF r \in operations THEN 0 ELSE decidedAtCall[r]]

\* Leader i asks on behalf of these reads, and these servers have confirmed.  A quorum of them is enough: then the
\* reads are answered from what the leader knows to be decided.
Counted(i, reads, servers) ==
    IF IsQuorum(servers)
    THEN /\ asking' = [asking EXCEPT ![i] = {}]
         /\ confirmed' = [confirmed EXCEPT ![i] = {}]
         /\ Returned(reads, [r \in reads |-> StateOf(i)])
    ELSE /\ asking' = [asking EXCEPT ![i] = reads]
         /\ confirmed' = [confirmed EXCEPT ![i] = servers]
         /\ UNCHANGED clients

-----------------------------------------------------------------------------
(* What consensus does. *)

\* Server i is elected by these servers, itself among them, and appends the first entry of its term.  Whoever of them
\* led an earlier term leads no more.
Elect(i, electors) ==
    /\ leads[i] = 0
    /\ i \in electors
    /\ \A j \in electors : UpToDate(log[i], log[j])
    /\ LET t == 1 + Highest({term[j] : j \in electors})
       IN /\ term' = [j \in Server |-> IF j \in electors THEN t ELSE term[j]]
          /\ leads' = [j \in Server |-> IF j = i THEN t ELSE IF j \in electors THEN 0 ELSE leads[j]]
          /\ log' = [log EXCEPT ![i] = Append(@, [term |-> t, event |-> NoOp])]
    /\ matchIndex' = [j \in Server |-> IF j \in electors THEN NoneOfAny ELSE matchIndex[j]]
    /\ GatesEmptied(electors)
    /\ UNCHANGED <<commitIndex, network, decided>>

\* Server j takes over the log of leader i, and its commit index, and acknowledges.
Copy(i, j) ==
    /\ i # j
    /\ leads[i] > 0
    /\ term[j] <= leads[i]
    /\ matchIndex[i][j] # Len(log[i]) \/ commitIndex[j] < commitIndex[i]
    /\ term' = [term EXCEPT ![j] = leads[i]]
    /\ log' = [log EXCEPT ![j] = log[i]]
    /\ commitIndex' = [commitIndex EXCEPT ![j] = Maximum(@, commitIndex[i])]
    /\ matchIndex' = [matchIndex EXCEPT ![i][j] = Len(log[i]), ![j] = NoneOfAny]
    /\ leads' = [leads EXCEPT ![j] = 0]
    /\ GatesEmptied({j})
    /\ UNCHANGED <<network, decided>>

\* Leader i hears of the later term of server j.
StepDown(i, j) ==
    /\ leads[i] > 0
    /\ term[j] > leads[i]
    /\ term' = [term EXCEPT ![i] = term[j]]
    /\ matchIndex' = [matchIndex EXCEPT ![i] = NoneOfAny]
    /\ leads' = [leads EXCEPT ![i] = 0]
    /\ GatesEmptied({i})
    /\ UNCHANGED <<log, commitIndex, network, decided>>

\* Server i stops, and starts again with its term and its log.
Crash(i) ==
    /\ commitIndex' = [commitIndex EXCEPT ![i] = 0]
    /\ matchIndex' = [matchIndex EXCEPT ![i] = NoneOfAny]
    /\ leads' = [leads EXCEPT ![i] = 0]
    /\ GatesEmptied({i})
    /\ UNCHANGED <<term, log, network, decided>>

\* A client calls write w, and leader i appends it.
CallWrite(i, w) ==
    /\ leads[i] > 0
    /\ phase[w] = "idle"
    /\ phase' = [phase EXCEPT ![w] = "open"]
    /\ log' = [log EXCEPT ![i] = Append(@, [term |-> leads[i], event |-> w])]
    /\ UNCHANGED <<term, commitIndex, matchIndex, gate, network, answer, decidedAtCall, decided>>

-----------------------------------------------------------------------------
(* What the gate does. *)

\* A client calls read r at leader i, which appends it.
ReadByLog(i, r) ==
    /\ leads[i] > 0
    /\ Called(r)
    /\ log' = [log EXCEPT ![i] = Append(@, [term |-> leads[i], event |-> r])]
    /\ logged' = [logged EXCEPT ![i] = @ \cup {r}]
    /\ UNCHANGED <<term, commitIndex, matchIndex, leads, waiting, asking, round, confirmed, network, answer, decided>>

\* A client calls read r at leader i.  It waits for the next question, even if one is on its way.
ReadByIndex(i, r) ==
    /\ leads[i] > 0
    /\ Called(r)
    /\ waiting' = [waiting EXCEPT ![i] = @ \cup {r}]
    /\ UNCHANGED <<consensus, leads, logged, asking, round, confirmed, network, answer, decided>>

\* What leader i knows to be decided ends with an entry of its own term, and so is all that was decided before it.
KnowsWhatIsDecided(i) == commitIndex[i] > 0 /\ log[i][commitIndex[i]].term = leads[i]

\* Leader i asks the others, for all reads that wait.  It confirms itself.
Ask(i) ==
    /\ leads[i] > 0
    /\ KnowsWhatIsDecided(i)
    /\ waiting[i] # {} /\ asking[i] = {}
    /\ round' = [round EXCEPT ![i] = @ + 1]
    /\ waiting' = [waiting EXCEPT ![i] = {}]
    /\ Counted(i, waiting[i], {i})
    /\ UNCHANGED <<consensus, leads, logged, network, decided>>

\* The question of leader i reaches server j, which replies.  The question is put again and again while it is open, so
\* this may happen at any time, and more than once.  Neither of the two learns anything: a server of an earlier term
\* need not remember, for what it says is true when it says it.
Confirm(i, j) ==
    /\ i # j
    /\ asking[i] # {}
    /\ network' = network \cup {[from |-> j, to |-> i, term |-> Maximum(term[j], leads[i]), round |-> round[i]]}
    /\ UNCHANGED <<consensus, gate, clients, decided>>

\* A reply arrives.  It counts if it is one to the present question and knows of no later term.
OnReply(i, m) ==
    /\ m.to = i
    /\ IF asking[i] # {} /\ m.term = leads[i] /\ m.round = round[i]
       THEN Counted(i, asking[i], confirmed[i] \cup {m.from})
       ELSE UNCHANGED <<asking, confirmed, clients>>
    /\ UNCHANGED <<consensus, leads, logged, waiting, round, network, decided>>

\* Leader i learns that a quorum has acknowledged an entry of its term, and that it is decided, with all before it.
\* The writes of that term return.  So do the reads that wait for their entry: each with the state that the entries
\* before its own have made.
Commit(i) ==
    /\ leads[i] > 0
    /\ LET Holders(k) == {j \in Server : j = i \/ matchIndex[i][j] >= k}
           own == {k \in commitIndex[i] + 1 .. Len(log[i]) : log[i][k].term = leads[i]}
           safe == {k \in own : IsQuorum(Holders(k))}
           now == {k \in own : k <= Highest(safe)}
           events == {log[i][k].event : k \in now}
           answered == logged[i] \cap events
           Place(r) == CHOOSE k \in now : log[i][k].event = r
       IN /\ safe # {}
          /\ commitIndex' = [commitIndex EXCEPT ![i] = Highest(safe)]
          /\ decided' = IF Highest(safe) > Len(decided) THEN Prefix(log[i], Highest(safe)) ELSE decided
          /\ logged' = [logged EXCEPT ![i] = @ \ answered]
          /\ Returned((Write \cap events) \cup answered, [r \in answered |-> State(Prefix(log[i], Place(r)))])
    /\ UNCHANGED <<term, log, matchIndex, leads, waiting, asking, round, confirmed, network>>

-----------------------------------------------------------------------------
(* What the network does. *)

\* Reply m is lost: it will not arrive (again).
Lose(m) ==
    /\ network' = network \ {m}
    /\ UNCHANGED <<consensus, gate, clients, decided>>

\* TLC names a step after the operator that holds its choice of a message, hence these names.
ReplyArrives(i) == \E m \in network : OnReply(i, m)
ReplyIsLost     == \E m \in network : Lose(m)

Next ==
    \/ \E i \in Server, electors \in Electors : Elect(i, electors)
    \/ \E i \in Server, j \in Server : Copy(i, j)
    \/ \E i \in Server, j \in Server : StepDown(i, j)
    \/ \E i \in Server : Crash(i)
    \/ \E i \in Server, w \in Write : CallWrite(i, w)
    \/ \E i \in Server, r \in LogRead : ReadByLog(i, r)
    \/ \E i \in Server, r \in IndexRead : ReadByIndex(i, r)
    \/ \E i \in Server : Ask(i)
    \/ \E i \in Server, j \in Server : Confirm(i, j)
    \/ \E i \in Server : ReplyArrives(i)
    \/ \E i \in Server : Commit(i)
    \/ ReplyIsLost

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What must hold in every state. *)

\* No term has two leaders.
ElectionSafety ==
    \A i, j \in Server : leads[i] > 0 /\ leads[i] = leads[j] => i = j

\* What a server believes to be decided is in its log, and is what was decided.
StateMachineSafety ==
    \A i \in Server : commitIndex[i] <= Len(log[i]) /\ IsPrefix(Prefix(log[i], commitIndex[i]), decided)

\* A leader that may ask does know what is decided, unless somebody has heard of a later term.
KnowledgeIsComplete ==
    \A i \in Server :
        leads[i] > 0 /\ KnowsWhatIsDecided(i) /\ (\A j \in Server : term[j] <= leads[i]) => commitIndex[i] = Len(decided)

\* An open read waits in one gate, and no gate holds a read that is not open: none is forgotten.
NoReadIsForgotten ==
    \A r \in Read : Cardinality({i \in Server : r \in InGate(i)}) = IF phase[r] = "open" THEN 1 ELSE 0

\* Who does not lead has an empty gate.
OnlyLeadersAnswer ==
    \A i \in Server : leads[i] = 0 => InGate(i) = {} /\ round[i] = 0 /\ confirmed[i] = {}

\* Whoever asks knows what is decided, and has not been confirmed by a quorum yet.
QuestionsAreFounded ==
    \A i \in Server : asking[i] # {} => KnowsWhatIsDecided(i) /\ ~ IsQuorum(confirmed[i])

\* A write that has returned is decided.
ReturnedIsDecided ==
    \A w \in Write : phase[w] = "done" => \E k \in 1 .. Len(decided) : decided[k].event = w

-----------------------------------------------------------------------------
(* What must hold of every step. *)

Log == INSTANCE EventLog WITH Event <- Operation \cup {NoOp}, events <- decided

\* What is decided is one log that only grows, as EventLog's Law says.
LogRefines == [][Log!Extends]_decided

Register == INSTANCE VersionedRegister WITH writes <- WritesOf(decided)

\* Reads and writes together are an atomic register: every step is one that VersionedRegister allows.
Refines == [][Register!Allowed]_<<decided, clients>>
=============================================================================
