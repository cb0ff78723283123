---------------------------- MODULE LeaderOutput ----------------------------
(***************************************************************************)
(* Who may speak, and what, when leaders change.                           *)
(*                                                                         *)
(* Clients ask a group of nodes to execute commands.  The leader turns a   *)
(* command into an event, a step that may be random, and writes the event  *)
(* to the log.  Only once the event is decided does the command have an    *)
(* answer, and only a leader may give it: all others copy events, and say  *)
(* nothing to the world.                                                   *)
(*                                                                         *)
(* Anything may go wrong in between.  The leader is deposed in mid-command *)
(* and its event is lost, or survives in the next leader's log.  The proxy *)
(* that holds the client's connection crashes.  Requests and answers are   *)
(* lost, repeated and overtake each other.  So clients ask again, and yet  *)
(* a command takes effect at most once, and whoever answers it, however    *)
(* often, gives the one answer.                                            *)
(*                                                                         *)
(* What makes it so:                                                       *)
(*   - A command has an identity, its number within the client's session.  *)
(*     It is accepted only if it is the next one in the leader's *draft*,  *)
(*     the state that the whole log makes, decided or not.                 *)
(*   - Which commands have been executed, and their answers, belong to the *)
(*     state that the log makes (`table`), so each new leader knows them.  *)
(*   - Requests say how many answers have been received.  This becomes a   *)
(*     part of the event, which makes all nodes forget the same answers.   *)
(*     A command whose answer is forgotten is met with silence.            *)
(*   - Some events send a message to the world outside.  It is sent again  *)
(*     until it is acknowledged, and the next is not sent before: the      *)
(*     acknowledgement is an entry of the log, too, and counts when it is  *)
(*     decided.                                                            *)
(*                                                                         *)
(* Consensus is the module Reigns, which says what each node may be told:  *)
(* that it leads, that it leads no more, that entries are decided.  The    *)
(* part of a node that this module is about, its *gate*, knows nothing     *)
(* else.  A deposed leader that has not been told may still answer what it *)
(* knows to be decided.  The application's own state is reduced to the     *)
(* number of events that there have been: any state would do that depends  *)
(* on what came before.                                                    *)
(*                                                                         *)
(* What is received stays in the network and may be received again, until  *)
(* it is lost.                                                             *)
(***************************************************************************)
EXTENDS Reigns, FiniteSets

CONSTANTS
    Session,    \* the clients' sessions
    Index,      \* the numbers that commands, entries and messages to the outside may have
    Event,      \* the events that a command may become
    Outgoing,   \* those of them that send a message to the world outside
    Expected,   \* what clients may expect: the number of events before theirs, or Nil if they do not care
    Conflict,   \* in the place of an event: the client expected something else, and nothing happens
    Nil         \* no answer, no draft, no expectation

ASSUME /\ Index \subseteq Nat
       /\ Outgoing \subseteq Event
       /\ Expected \subseteq Nat \cup {Nil}
       /\ Conflict \notin Event

\* Consensus has the variables of Reigns: reign, follows, leads, log, applied.
VARIABLES
    (* The gate of each node.  A crash wipes it out. *)
    table,      \* what the applied entries make
    draft,      \* a leader's: what its whole log makes; Nil if the node does not lead
    waiting,    \* a leader's: who is to be answered once the command's event is decided
    (* Clients and their proxy. *)
    got,        \* for each session the answers to the commands asked so far, Nil where there is none yet
    proxy,      \* the number of the proxy that there is now; one that crashes is replaced by the next
    open,       \* the commands for which it holds a client's connection
    (* What is on its way. *)
    requests,   \* the requests that proxies have sent
    answers,    \* the answers that nodes have sent
    sent,       \* the messages that nodes have sent to the world outside
    outside     \* the messages that the world outside has received, in this order, repeats left out

gate == <<table, draft, waiting>>
clients == <<got, proxy, open>>
networks == <<requests, answers, sent, outside>>
vars == <<consensus, gate, clients, networks>>

-----------------------------------------------------------------------------
(* What the variables hold. *)

Answer == [at : Nat, event : Event \cup {Conflict}]
Request ==
    [by : Nat, session : Session, number : Nat \ {0}, received : Nat, expected : Expected]

\* An entry of the log: a command's event, with what its request said to have been received, or an acknowledgement.
CommandEntry ==
    [type : {"command"}, session : Session, number : Nat \ {0}, received : Nat, event : Event \cup {Conflict}]
AcknowledgementEntry == [type : {"acknowledgement"}, message : Nat \ {0}]
Entry == CommandEntry \cup AcknowledgementEntry

\* A message to the outside: the events that send one are numbered, over all sessions.
Message == [number : Nat \ {0}, event : Event]

\* What the log makes: how many events there have been; for each session the number of its last command, and the
\* answers that are not forgotten, which are those to its last commands; how many messages to the outside there have
\* been, and those of them that are not acknowledged.
Table ==
    [events : Nat, last : [Session -> Nat], kept : [Session -> Seq(Answer)], made : Nat, pending : Seq(Message)]

Waiting == [by : Nat, session : Session, number : Nat]

TypeOK ==
    /\ \A n \in Node : \A k \in DOMAIN log[n] : log[n][k] \in Entry
    /\ table \in [Node -> Table]
    /\ draft \in [Node -> Table \cup {Nil}]
    /\ waiting \in [Node -> SUBSET Waiting]
    /\ got \in [Session -> Seq(Answer \cup {Nil})]
    /\ proxy \in Nat
    /\ open \subseteq [session : Session, number : Nat \ {0}]
    /\ requests \subseteq Request
    /\ answers \subseteq
         [to : Nat, session : Session, number : Nat \ {0}, answer : Answer, from : Node, term : Term]
    /\ sent \subseteq [number : Nat \ {0}, event : Event, from : Node, term : Term]
    /\ outside \in Seq(Message)

\* Before the first entry.
EmptyTable ==
    [events |-> 0, last |-> [s \in Session |-> 0], kept |-> [s \in Session |-> <<>>], made |-> 0, pending |-> <<>>]

-----------------------------------------------------------------------------
(* What the log makes. *)

Minimum(a, b) == IF a < b THEN a ELSE b

\* How many of its first answers table t has forgotten of session s.
Forgotten(t, s) == t.last[s] - Len(t.kept[s])

\* Whether table t has the answer to command k of session s; the answer.
Remembers(t, s, k) == Forgotten(t, s) < k /\ k <= t.last[s]
Remembered(t, s, k) == t.kept[s][k - Forgotten(t, s)]

\* The answers to be kept when r answers are known to have been received.
Without(t, s, r) ==
    IF r <= Forgotten(t, s) THEN t.kept[s]
    ELSE SubSeq(t.kept[s], r - Forgotten(t, s) + 1, Len(t.kept[s]))

\* A command's event takes effect.
Executed(t, x) ==
    LET events == IF x.event = Conflict THEN t.events ELSE t.events + 1
        s == x.session
    IN [t EXCEPT !.events = events,
                 !.last[s] = x.number,
                 !.kept[s] = Append(Without(t, s, x.received), [at |-> events, event |-> x.event]),
                 !.made = IF x.event \in Outgoing THEN @ + 1 ELSE @,
                 !.pending = IF x.event \in Outgoing
                             THEN Append(@, [number |-> t.made + 1, event |-> x.event]) ELSE @]

\* The oldest message is acknowledged.
Acknowledged(t) == [t EXCEPT !.pending = Tail(@)]

\* The table after one more entry, and after several.
Apply(t, x) == IF x.type = "command" THEN Executed(t, x) ELSE Acknowledged(t)
Fold(t, entries) ==
    LET after[k \in 0 .. Len(entries)] == IF k = 0 THEN t ELSE Apply(after[k - 1], entries[k])
    IN after[Len(entries)]

\* The entries after the first k.
After(entries, k) == SubSeq(entries, k + 1, Len(entries))

-----------------------------------------------------------------------------

Init ==
    /\ ConsensusInit
    /\ table = [n \in Node |-> EmptyTable]
    /\ draft = [n \in Node |-> Nil]
    /\ waiting = [n \in Node |-> {}]
    /\ got = [s \in Session |-> <<>>]
    /\ proxy = 1
    /\ open = {}
    /\ requests = {}
    /\ answers = {}
    /\ sent = {}
    /\ outside = <<>>

-----------------------------------------------------------------------------
(* Clients and proxies. *)

\* How many of its first answers the client of session s has.
Received(s) ==
    LET have == {k \in 0 .. Len(got[s]) : \A j \in 1 .. k : got[s][j] # Nil}
    IN CHOOSE k \in have : \A j \in have : j <= k

\* The client of session s asks for its command k, through the proxy that there is now: for the first time, or again
\* because it has waited for too long or has lost its connection.  It need not wait for the answers to earlier ones.
\* If it has looked at the state in the meantime, it may now expect something else.
Send(s, k, x) ==
    /\ k \in 1 .. Len(got[s]) + 1
    /\ IF k <= Len(got[s]) THEN got[s][k] = Nil /\ UNCHANGED got
       ELSE got' = [got EXCEPT ![s] = Append(@, Nil)]
    /\ open' = open \cup {[session |-> s, number |-> k]}
    /\ requests' = requests \cup {[by |-> proxy, session |-> s, number |-> k,
                                   received |-> Minimum(Received(s), k - 1), expected |-> x]}
    /\ UNCHANGED <<consensus, gate, proxy, answers, sent, outside>>

\* Answer r reaches the proxy that asked for it, and the proxy has the client's connection: it hands it on.
Return(r) ==
    /\ r.to = proxy
    /\ [session |-> r.session, number |-> r.number] \in open
    /\ got' = [got EXCEPT ![r.session][r.number] = r.answer]
    /\ open' = open \ {[session |-> r.session, number |-> r.number]}
    /\ UNCHANGED <<consensus, gate, proxy, networks>>

\* The proxy crashes, and all connections with it.  Another one takes its place.
ReplaceProxy ==
    /\ proxy' = proxy + 1
    /\ open' = {}
    /\ UNCHANGED <<consensus, gate, got, networks>>

-----------------------------------------------------------------------------
(* The gate. *)

\* What node n says to proxy p about command k of session s.
Say(n, p, s, k, a) == [to |-> p, session |-> s, number |-> k, answer |-> a, from |-> n, term |-> follows[n]]

\* Leader n writes entry x, and thinks on as if it were decided.
Draft(n, x) ==
    /\ Write(n, x)
    /\ draft' = [draft EXCEPT ![n] = Apply(@, x)]

WaitFor(n, m) ==
    waiting' = [waiting EXCEPT ![n] = @ \cup {[by |-> m.by, session |-> m.session, number |-> m.number]}]

\* Request m arrives at node n; if it is a new command, it becomes event e, unless it expects another state.
\*   - A node that does not lead is silent.
\*   - A command that is executed is answered with the answer that it has.
\*   - If that is forgotten, the client has said that it has it, and needs no other.
\*   - A command that is in the log has to wait until it is decided.
\*   - The next command of its session is accepted.
\*   - One that has overtaken an earlier command is not; the client will ask again.
OnRequest(n, m, e) ==
    LET s == m.session
        k == m.number
    IN IF ~ leads[n] THEN UNCHANGED vars
       ELSE IF Remembers(table[n], s, k)
       THEN /\ answers' = answers \cup {Say(n, m.by, s, k, Remembered(table[n], s, k))}
            /\ UNCHANGED <<consensus, gate, clients, requests, sent, outside>>
       ELSE IF k <= table[n].last[s] THEN UNCHANGED vars
       ELSE IF k <= draft[n].last[s]
       THEN /\ WaitFor(n, m)
            /\ UNCHANGED <<consensus, table, draft, clients, networks>>
       ELSE IF k = draft[n].last[s] + 1
       THEN /\ Draft(n, [type |-> "command", session |-> s, number |-> k, received |-> m.received,
                         event |-> IF m.expected \in {Nil, draft[n].events} THEN e ELSE Conflict])
            /\ WaitFor(n, m)
            /\ UNCHANGED <<table, clients, networks>>
       ELSE UNCHANGED vars

\* Node n is told that its first k entries are decided.  It applies them, and if it leads, it answers those who have
\* waited for that.
Commit(n, k) ==
    /\ Learn(n, k)
    /\ LET after == Fold(table[n], SubSeq(log[n], applied[n] + 1, k))
           ready == {w \in waiting[n] : w.number <= after.last[w.session]}
       IN /\ table' = [table EXCEPT ![n] = after]
          /\ waiting' = [waiting EXCEPT ![n] = @ \ ready]
          /\ answers' = answers \cup {Say(n, w.by, w.session, w.number, Remembered(after, w.session, w.number)) :
                                      w \in {v \in ready : Remembers(after, v.session, v.number)}}
    /\ UNCHANGED <<draft, clients, requests, sent, outside>>

\* Node n is told that it leads, in term t.  What its log makes is what it decides on from now on.
Lead(n, t) ==
    /\ Elect(n, t)
    /\ draft' = [draft EXCEPT ![n] = Fold(table[n], After(log[n], applied[n]))]
    /\ UNCHANGED <<table, waiting, clients, networks>>

\* Node n leads no more: it discards its draft, and whoever waits has to ask somebody else.
Silence(n) ==
    /\ draft' = [draft EXCEPT ![n] = Nil]
    /\ waiting' = [waiting EXCEPT ![n] = {}]

\* Node n is told that it leads no more.
StepDown(n) ==
    /\ Depose(n)
    /\ Silence(n)
    /\ UNCHANGED <<table, clients, networks>>

\* Node n hears from the leader of term t, or gets entries of its reign.  A gate that leads is told that it leads no
\* more; another one is told nothing.
Follow(n, t) ==
    /\ Hear(n, t)
    /\ Silence(n)
    /\ UNCHANGED <<table, clients, networks>>

Copy(n, t, k) ==
    /\ Receive(n, t, k)
    /\ Silence(n)
    /\ UNCHANGED <<table, clients, networks>>

\* Node n crashes and starts again.  Its gate has to be told everything anew.
Crash(n, u, k) ==
    /\ Restart(n, u, k)
    /\ table' = [table EXCEPT ![n] = EmptyTable]
    /\ Silence(n)
    /\ UNCHANGED <<clients, networks>>

\* Consensus decides the first k entries of the reign of term t.  No gate knows it yet.
Decide(t, k) ==
    /\ Settle(t, k)
    /\ UNCHANGED <<gate, clients, networks>>

-----------------------------------------------------------------------------
(* Messages to the outside. *)

\* Leader n sends the oldest message that is not acknowledged, for the first time or again.
Emit(n) ==
    /\ leads[n]
    /\ table[n].pending # <<>>
    /\ LET m == Head(table[n].pending)
       IN sent' = sent \cup {[number |-> m.number, event |-> m.event, from |-> n, term |-> follows[n]]}
    /\ UNCHANGED <<consensus, gate, clients, requests, answers, outside>>

\* The world outside receives message o for the first time.
Take(o) ==
    /\ \A k \in DOMAIN outside : outside[k].number # o.number
    /\ outside' = Append(outside, [number |-> o.number, event |-> o.event])
    /\ UNCHANGED <<consensus, gate, clients, requests, answers, sent>>

\* The world outside acknowledges message k to node n, perhaps late, or again.  A leader writes it down, if it is the
\* oldest message that its draft has not acknowledged.
OnAcknowledgement(n, k) ==
    /\ \E j \in DOMAIN outside : outside[j].number = k
    /\ IF leads[n] /\ draft[n].pending # <<>> /\ Head(draft[n].pending).number = k
       THEN /\ Draft(n, [type |-> "acknowledgement", message |-> k])
            /\ UNCHANGED <<table, waiting, clients, networks>>
       ELSE UNCHANGED vars

-----------------------------------------------------------------------------

(* What networks do. *)

\* Request m, answer r, or message o to the outside is lost: it will not arrive (again).
LoseRequest(m) ==
    /\ requests' = requests \ {m}
    /\ UNCHANGED <<consensus, gate, clients, answers, sent, outside>>

LoseAnswer(r) ==
    /\ answers' = answers \ {r}
    /\ UNCHANGED <<consensus, gate, clients, requests, sent, outside>>

LoseMessage(o) ==
    /\ sent' = sent \ {o}
    /\ UNCHANGED <<consensus, gate, clients, requests, answers, outside>>

\* TLC names a step after the operator that holds its choice of a message, hence these names.
RequestArrives(n, e) == \E m \in requests : OnRequest(n, m, e)
AnswerArrives        == \E r \in answers : Return(r)
MessageArrives       == \E o \in sent : Take(o)
RequestIsLost        == \E m \in requests : LoseRequest(m)
AnswerIsLost         == \E r \in answers : LoseAnswer(r)
MessageIsLost        == \E o \in sent : LoseMessage(o)

Next ==
    \/ \E s \in Session, k \in Index, x \in Expected : Send(s, k, x)
    \/ AnswerArrives
    \/ ReplaceProxy
    \/ \E n \in Node, e \in Event : RequestArrives(n, e)
    \/ \E n \in Node, k \in Index : Commit(n, k)
    \/ \E n \in Node, t \in Term : Lead(n, t)
    \/ \E n \in Node : StepDown(n)
    \/ \E n \in Node, t \in Term : Follow(n, t)
    \/ \E n \in Node, t \in Term, k \in Index : Copy(n, t, k)
    \/ \E n \in Node, u \in Term \cup {0}, k \in Index : Crash(n, u, k)
    \/ \E t \in Term, k \in Index : Decide(t, k)
    \/ \E n \in Node : Emit(n)
    \/ MessageArrives
    \/ RequestIsLost
    \/ AnswerIsLost
    \/ MessageIsLost
    \/ \E n \in Node, k \in Index : OnAcknowledgement(n, k)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What must hold in every state: answers. *)

IsOf(x, s, k) == x.type = "command" /\ x.session = s /\ x.number = k

\* How many events there are among the first i decided entries.
EventsUpTo(i) == Cardinality({j \in 1 .. i : Decided[j].type = "command" /\ Decided[j].event # Conflict})

\* Whatever is answered is the event that was decided for the command, at its place.
AnswersAreDecided ==
    \A m \in answers : \E i \in DOMAIN Decided :
        IsOf(Decided[i], m.session, m.number) /\ m.answer = [at |-> EventsUpTo(i), event |-> Decided[i].event]

\* No two answers to one command differ.
OneAnswer ==
    \A m, o \in answers : m.session = o.session /\ m.number = o.number => m.answer = o.answer

\* No command takes effect twice.
AtMostOnce ==
    \A i, j \in DOMAIN Decided :
        i < j /\ Decided[i].type = "command" => ~ IsOf(Decided[j], Decided[i].session, Decided[i].number)

\* The commands of one session take effect in the order in which they were asked, and none is left out.
SessionOrder ==
    \A j \in DOMAIN Decided : Decided[j].type = "command" /\ Decided[j].number > 1 =>
        \E i \in 1 .. j - 1 : IsOf(Decided[i], Decided[j].session, Decided[j].number - 1)

\* What was said, to proxies or to the world outside, was said by the leader of that term.
LeadersSpeak == \A m \in answers \cup sent : m.term \in Terms /\ reign[m.term].leader = m.from

\* Only who leads thinks ahead, and only he has somebody waiting.
OthersAreSilent == \A n \in Node : (leads[n] <=> draft[n] # Nil) /\ (~ leads[n] => waiting[n] = {})

\* An answer is forgotten only if the client has it.
ForgottenIsReceived ==
    \A n \in Node, s \in Session : \A k \in 1 .. Forgotten(table[n], s) : k \in DOMAIN got[s] /\ got[s][k] # Nil

\* What a gate holds is what the log makes, and nothing else.
TableIsFold ==
    \A n \in Node :
        /\ table[n] = Fold(EmptyTable, Prefix(log[n], applied[n]))
        /\ leads[n] => draft[n] = Fold(EmptyTable, log[n])

-----------------------------------------------------------------------------
(* What must hold in every state: messages to the outside. *)

\* The events that were to be told to the outside, in order.
ToBeTold == SelectSeq(Decided, LAMBDA x : x.type = "command" /\ x.event \in Outgoing)

IsAcknowledged(k) == \E i \in DOMAIN Decided : Decided[i].type = "acknowledgement" /\ Decided[i].message = k

\* Whatever is sent is decided, and bears its number.
SentIsDecided == \A m \in sent : m.number <= Len(ToBeTold) /\ ToBeTold[m.number].event = m.event

\* The next message is not sent before the acknowledgement of the last is decided.
NextWaits == \A m \in sent : \A k \in 1 .. m.number - 1 : IsAcknowledged(k)

\* The outside receives the messages in order and without a gap, repeats left out.
OutsideInOrder == \A k \in DOMAIN outside : outside[k].number = k

\* No message is taken for acknowledged that the outside has not received.
AcknowledgedIsReceived == \A k \in Index \ {0} : IsAcknowledged(k) => k <= Len(outside)

-----------------------------------------------------------------------------
(* What must hold of every step. *)

\* Only who leads, and has not been told otherwise, says anything.
OnlyLeadersSpeak ==
    [][\A m \in (answers' \cup sent') \ (answers \cup sent) : leads[m.from]]_<<answers, sent>>

\* An answer, once received, is not taken back.
AnswersStand ==
    [][\A s \in Session : \A k \in DOMAIN got[s] : got[s][k] # Nil => got'[s][k] = got[s][k]]_got
=============================================================================
