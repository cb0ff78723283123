-------------------------- MODULE MCConsistentRead --------------------------
(***************************************************************************)
(* Models of ConsistentRead: how far TLC looks, where it starts, what it   *)
(* must be able to reach, and ways to read that are wrong.                 *)
(*                                                                         *)
(* A bound is a CONSTRAINT and never a guard: a state outside is found and *)
(* its invariants are judged, but nothing is explored beyond it.           *)
(***************************************************************************)
EXTENDS ConsistentRead, TLC

CONSTANTS
    a, b, c,        \* three of the servers by name, for the starts below
    MaxTerm,        \* the highest term of any server
    MaxLog,         \* the longest log
    MaxRound,       \* how many questions a leader may ask
    MaxNetwork,     \* how many replies may be on their way at once
    Standing        \* the servers that may lead

ASSUME {a, b, c} \subseteq Server /\ Standing \subseteq Server

Bound ==
    /\ \A i \in Server : term[i] <= MaxTerm
    /\ \A i \in Server : Len(log[i]) <= MaxLog
    /\ \A i \in Server : round[i] <= MaxRound
    /\ \A i \in Server \ Standing : leads[i] = 0
    /\ Cardinality(network) <= MaxNetwork

-----------------------------------------------------------------------------
(* Starts in the middle of a story: nobody has called anything yet, but    *)
(* for the writes that the logs hold.                                      *)

NoOpOf(t) == [term |-> t, event |-> NoOp]

\* Everybody is in this state, but for a; or but for a and b.
OnlyA(ofA, others) == [i \in Server |-> IF i = a THEN ofA ELSE others]
OnlyAB(ofA, ofB, others) == [i \in Server |-> IF i = a THEN ofA ELSE IF i = b THEN ofB ELSE others]

NoMatch == [i \in Server |-> NoneOfAny]

\* Nobody waits in a gate but the reads in `open`, on whose behalf a asks its n-th question; these writes are open, too.
Gates(n, open, writes) ==
    /\ logged = [i \in Server |-> {}]
    /\ waiting = [i \in Server |-> {}]
    /\ asking = OnlyA(open, {})
    /\ round = OnlyA(n, 0)
    /\ confirmed = OnlyA(IF open = {} THEN {} ELSE {a}, {})
    /\ phase = [o \in Operation |-> IF o \in open \cup writes THEN "open" ELSE "idle"]
    /\ answer = [r \in Read |-> Nothing]
    /\ decidedAtCall = [r \in Read |-> 0]

\* a leads term 1, everybody has its first entry, and a alone knows that it is decided.
InitLeader ==
    /\ term = [i \in Server |-> 1]
    /\ log = [i \in Server |-> <<NoOpOf(1)>>]
    /\ commitIndex = OnlyA(1, 0)
    /\ matchIndex = [NoMatch EXCEPT ![a] = OnlyA(0, 1)]
    /\ leads = OnlyA(1, 0)
    /\ decided = <<NoOpOf(1)>>
    /\ network = {}
    /\ Gates(0, {}, {})

\* a leads term t, and does not know that b leads the next one, elected by all the others.  A write is in b's log.
Deposed(t, w) ==
    /\ term = OnlyA(t, t + 1)
    /\ log = [i \in Server |-> IF i = b THEN <<NoOpOf(t), NoOpOf(t + 1), [term |-> t + 1, event |-> w]>>
                              ELSE <<NoOpOf(t)>>]
    /\ commitIndex = OnlyA(1, 0)
    /\ matchIndex = [NoMatch EXCEPT ![a] = OnlyA(0, 1)]
    /\ leads = OnlyAB(t, t + 1, 0)
    /\ decided = <<NoOpOf(t)>>

\* So it is, and a reply of c, from before the election of b, is still on its way.  The question of a is open; or it has
\* been answered; or the reply is one to a question that a asked in an earlier term.
InitReply ==
    \E w \in Write :
        /\ Deposed(3, w)
        /\ \/ /\ \E r \in IndexRead : Gates(1, {r}, {w})
              /\ network = {[from |-> c, to |-> a, term |-> 3, round |-> 1]}
           \/ /\ Gates(1, {}, {w})
              /\ network = {[from |-> c, to |-> a, term |-> 3, round |-> 1]}
           \/ /\ Gates(1, {}, {w})
              /\ network = {[from |-> c, to |-> a, term |-> 1, round |-> 2]}

\* Of five servers a leads term 1, and does not know that b leads term 2 and has decided a write with d and e.  c does
\* not know of it either.
InitMinority ==
    /\ term = [i \in Server |-> IF i \in {a, c} THEN 1 ELSE 2]
    /\ \E w \in Write :
        LET old == <<NoOpOf(1)>>
            new == <<NoOpOf(1), NoOpOf(2), [term |-> 2, event |-> w]>>
        IN /\ log = [i \in Server |-> IF i \in {a, c} THEN old ELSE new]
           /\ decided = new
           /\ Gates(0, {}, {w})
    /\ commitIndex = [i \in Server |-> IF i = a THEN 1 ELSE IF i = c THEN 0 ELSE 3]
    /\ matchIndex = [NoMatch EXCEPT ![a] = OnlyA(0, 1), ![b] = [i \in Server |-> IF i \in {a, b, c} THEN 0 ELSE 3]]
    /\ leads = OnlyAB(1, 2, 0)
    /\ network = {}

\* a leads term 1 and has decided a write with b, who knows only of the first entry.  c has not got the write.
InitSuccessor ==
    \E w \in Write :
        LET entries == <<NoOpOf(1), [term |-> 1, event |-> w]>>
        IN /\ term = [i \in Server |-> 1]
           /\ log = OnlyAB(entries, entries, <<NoOpOf(1)>>)
           /\ commitIndex = OnlyAB(2, 1, 1)
           /\ matchIndex = [NoMatch EXCEPT ![a] = OnlyAB(0, 2, 1)]
           /\ leads = OnlyA(1, 0)
           /\ decided = entries
           /\ network = {}
           /\ Gates(0, {}, {w})

\* a leads term 1, and one of the reads is in its log.  b and c have acknowledged that, and a does not know yet that it is
\* decided.  b leads term 2, elected by c, and a write is in its log.
InitLogged ==
    \E w \in Write, q \in LogRead :
        LET old == <<NoOpOf(1), [term |-> 1, event |-> q]>>
        IN /\ term = OnlyA(1, 2)
           /\ log = [i \in Server |-> IF i = b THEN old \o <<NoOpOf(2), [term |-> 2, event |-> w]>> ELSE old]
           /\ commitIndex = OnlyA(1, 0)
           /\ matchIndex = [NoMatch EXCEPT ![a] = OnlyA(0, 2)]
           /\ leads = OnlyAB(1, 2, 0)
           /\ logged = OnlyA({q}, {})
           /\ waiting = [i \in Server |-> {}]
           /\ asking = [i \in Server |-> {}]
           /\ round = NoneOfAny
           /\ confirmed = [i \in Server |-> {}]
           /\ phase = [o \in Operation |-> IF o \in {w, q} THEN "open" ELSE "idle"]
           /\ answer = [r \in Read |-> Nothing]
           /\ decided = <<NoOpOf(1)>>
           /\ decidedAtCall = [r \in Read |-> 0]
           /\ network = {}

\* Where random walks begin.
InitAny == Init \/ InitLeader \/ InitReply

\* What the models of three servers explore to the end, as far as numbers say.  Walks are to leave this behind.
Explored ==
    /\ \A i \in Server : term[i] <= 2
    /\ \A i \in Server : Len(log[i]) <= 4
    /\ \A i \in Server : round[i] <= 1
    /\ Cardinality(network) <= 1

-----------------------------------------------------------------------------
(* Three ways to read that are wrong. *)

\* Read r is called at server i and answered at once, from the state that it knows.
AnsweredAtOnce(i, r) ==
    /\ Returned({r}, [x \in {r} |-> StateOf(i)])
    /\ UNCHANGED <<consensus, gate, network, decided>>

\* A leader does not make sure that it still leads.
ReadFromLeader(i, r) == leads[i] > 0 /\ phase[r] = "idle" /\ AnsweredAtOnce(i, r)

\* Any server has a read model of what it knows to be decided.
ReadFromModel(i, r) == phase[r] = "idle" /\ AnsweredAtOnce(i, r)

\* A new leader asks before an entry of its own term is decided.
AskEarly(i) ==
    /\ leads[i] > 0
    /\ waiting[i] # {} /\ asking[i] = {}
    /\ round' = [round EXCEPT ![i] = @ + 1]
    /\ waiting' = [waiting EXCEPT ![i] = {}]
    /\ Counted(i, waiting[i], {i})
    /\ UNCHANGED <<consensus, leads, logged, network, decided>>

NextFromLeader == Next \/ \E i \in Server, r \in Read : ReadFromLeader(i, r)
NextFromModel  == Next \/ \E i \in Server, r \in Read : ReadFromModel(i, r)
NextEarly      == Next \/ \E i \in Server : AskEarly(i)

-----------------------------------------------------------------------------
(* Witnesses: states and steps that must be reachable.  Each is written as *)
(* a property that says "never", and its model must violate it.            *)

\* A deposed leader asks, while the new one has decided a write.
NeverDeposedAsks ==
    ~ \E i, j \in Server : asking[i] # {} /\ leads[j] > leads[i] /\ WritesOf(Prefix(log[j], commitIndex[j])) # <<>>

\* A deposed leader is told so by a reply.
NeverRefuted ==
    ~ \E m \in network : asking[m.to] # {} /\ m.round = round[m.to] /\ m.term > leads[m.to]

\* A read waits for the next question, while one is open.
NeverWaitsForNext == ~ \E i \in Server : waiting[i] # {} /\ asking[i] # {}

\* A read that is lost is decided nevertheless.
NeverLostAndDecided ==
    ~ \E r \in LogRead : phase[r] = "lost" /\ \E k \in 1 .. Len(decided) : decided[k].event = r

\* The answer was right when the read was called, and something else is true when it returns.
NeverInThePast ==
    [][~ \E r \in Read : phase[r] = "open" /\ phase'[r] = "done" /\ answer'[r] # State(decided)]_vars

\* A deposed leader answers a read, since its entry has been decided before.
NeverDeposedAnswers ==
    [][~ \E i, j \in Server : leads[i] > 0 /\ leads[j] > leads[i] /\ logged'[i] # logged[i] /\ leads'[i] > 0
                              /\ \E r \in logged[i] : phase'[r] = "done"]_vars
=============================================================================
