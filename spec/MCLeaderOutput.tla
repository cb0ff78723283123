--------------------------- MODULE MCLeaderOutput ---------------------------
(***************************************************************************)
(* Models of LeaderOutput: how far TLC looks, where it starts, and what it *)
(* must be able to reach.                                                  *)
(*                                                                         *)
(* A bound is a CONSTRAINT and never a guard: a state outside is found and *)
(* its invariants are judged, but nothing is explored beyond it.           *)
(***************************************************************************)
EXTENDS LeaderOutput, TLC

CONSTANTS
    a, b,       \* two nodes by name, and a session, for the starts below
    s,
    MaxLog,     \* the longest log
    MaxAsked,   \* how many commands a session asks
    MaxProxy    \* how many proxies there are, one after another

ASSUME a \in Node /\ s \in Session

\* One more than any bound, so that steps beyond it are offered.
Indexes == 0 .. (IF MaxLog > MaxAsked THEN MaxLog ELSE MaxAsked) + 1

Bound ==
    /\ \A t \in Terms : Len(reign[t].log) <= MaxLog
    /\ \A p \in Session : Len(got[p]) <= MaxAsked
    /\ proxy <= MaxProxy

-----------------------------------------------------------------------------
(* Starts in the middle of a story.  a and b have led terms 1 and 2, or    *)
(* only a has; all others have slept.  Nothing is on its way but requests, *)
(* and the clients have lost their connections.                            *)

\* These reigns, nodes in these terms, with these logs, of which so much is applied; answers received; connections that
\* are open; and what is on its way.
Scene(reigns, terms, leaders, logs, known, received, held, asked, said, told) ==
    /\ reign = reigns
    /\ follows = terms
    /\ leads = [n \in Node |-> n \in leaders]
    /\ log = logs
    /\ applied = known
    /\ table = [n \in Node |-> Fold(EmptyTable, Prefix(logs[n], known[n]))]
    /\ draft = [n \in Node |-> IF n \in leaders THEN Fold(EmptyTable, logs[n]) ELSE Nil]
    /\ waiting = [n \in Node |-> {}]
    /\ got = received
    /\ proxy = 1
    /\ open = held
    /\ requests = asked
    /\ answers = said
    /\ sent = told
    /\ outside = <<>>

Story(reigns, terms, leaders, logs, known, received, asked) ==
    Scene(reigns, terms, leaders, logs, known, received, {}, asked, {}, {})

Of(forA, forB, others) == [n \in Node |-> IF n = a THEN forA ELSE IF n = b THEN forB ELSE others]
For(forS, others) == [p \in Session |-> IF p = s THEN forS ELSE others]

AnEvent == CHOOSE e \in Event : Event \cap Outgoing # {} => e \in Outgoing
OtherEvent == CHOOSE e \in Event : e # AnEvent \/ Event = {AnEvent}

Ruled(n, l, k) == [leader |-> n, log |-> l, decided |-> k]
Did(p, k, r, e) == [type |-> "command", session |-> p, number |-> k, received |-> r, event |-> e]
Ask(p, k, r, x) == [by |-> 1, session |-> p, number |-> k, received |-> r, expected |-> x]

\* A command was executed by a, which b does not know yet, and its client has heard nothing.
InitExecuted ==
    LET l == <<Did(s, 1, 0, AnEvent)>>
    IN Story(1 :> Ruled(a, l, 1), Of(1, 1, 0), {a}, Of(l, l, <<>>), Of(1, 0, 0), For(<<Nil>>, <<>>), {})

\* Two commands were executed by a, which b does not know yet, and their client has the answers.  The outside is to be
\* told of both.
InitToTell ==
    LET l == <<Did(s, 1, 0, AnEvent), Did(s, 2, 0, AnEvent)>>
    IN Story(1 :> Ruled(a, l, 2), Of(1, 1, 0), {a}, Of(l, l, <<>>), Of(2, 0, 0),
             For(<<[at |-> 1, event |-> AnEvent], [at |-> 2, event |-> AnEvent]>>, <<>>), {})

\* Two commands were executed by a, and the second said that the answer to the first had been received; a's state has
\* forgotten it.  Both requests may still come again.
InitForgotten ==
    LET l == <<Did(s, 1, 0, AnEvent), Did(s, 2, 1, AnEvent)>>
    IN Story(1 :> Ruled(a, l, 2), Of(1, 0, 0), {a}, Of(l, <<>>, <<>>), Of(2, 0, 0),
             For(<<[at |-> 1, event |-> AnEvent], Nil>>, <<>>), {Ask(s, 1, 0, Nil), Ask(s, 2, 1, Nil)})

\* a led term 1 and made an event of a command that nobody else heard of; now b leads term 2 and has made another
\* event of it.  Nothing is decided, and a does not know that it is deposed.
InitDeposed ==
    LET mine == <<Did(s, 1, 0, AnEvent)>>
        other == <<Did(s, 1, 0, OtherEvent)>>
    IN Story((1 :> Ruled(a, mine, 0)) @@ (2 :> Ruled(b, other, 0)), Of(1, 2, 0), {a, b}, Of(mine, other, <<>>),
             Of(0, 0, 0), For(<<Nil>>, <<>>), {Ask(s, 1, 0, Nil)})

\* The client of s expected one event when there was none, so nothing happened, and it has not heard of it.  Another
\* client is about to ask for something that will happen: then there is one.
InitConflict ==
    LET l == <<Did(s, 1, 0, Conflict)>>
    IN Story(1 :> Ruled(a, l, 1), Of(1, 0, 0), {a}, Of(l, <<>>, <<>>), Of(1, 0, 0), For(<<Nil>>, <<>>), {Ask(s, 1, 0, 1)})

\* a has executed a command and said so, to the client and to the outside; both messages are on their way.
InitSaid ==
    LET l == <<Did(s, 1, 0, AnEvent)>>
    IN Scene(1 :> Ruled(a, l, 1), Of(1, 1, 0), {a}, Of(l, l, <<>>), Of(1, 0, 0), For(<<Nil>>, <<>>),
             {[session |-> s, number |-> 1]}, {},
             {[to |-> 1, session |-> s, number |-> 1, answer |-> [at |-> 1, event |-> AnEvent], from |-> a, term |-> 1]},
             {[number |-> 1, event |-> AnEvent, from |-> a, term |-> 1]})

\* Where walks begin.
Starts == InitSaid

-----------------------------------------------------------------------------
(* Witnesses: states that must be reachable.  Each is written as an        *)
(* invariant that says "never", and its model must violate it.             *)

\* The old and the new leader hold different events for one command, and the old one does not know that it is deposed.
NeverTwoEvents ==
    ~ \E t, u \in Terms : \E j \in DOMAIN reign[t].log, k \in DOMAIN reign[u].log :
        LET x == reign[t].log[j]
            y == reign[u].log[k]
        IN /\ t < u
           /\ x.type = "command" /\ IsOf(y, x.session, x.number) /\ x.event # y.event
           /\ leads[reign[t].leader] /\ follows[reign[t].leader] = t
           /\ leads[reign[u].leader] /\ follows[reign[u].leader] = u

\* A deposed leader does not know it while the new one has already spoken.
NeverUnaware ==
    ~ \E n \in Node : leads[n] /\ \E r \in answers : r.from # n /\ r.term > follows[n]

\* A deposed leader that does not know it answers what it knows to be decided, after the new one has spoken.
NeverDeposedSpeaks ==
    [][~ \E q \in answers' \ answers : \E r \in answers : q.term < r.term /\ q.from # r.from]_answers

\* Two leaders have given the answer to one command, to two proxies.
NeverAnsweredTwice ==
    ~ \E q, r \in answers : q.session = r.session /\ q.number = r.number /\ q.from # r.from /\ q.to # r.to

\* A command whose answer is forgotten is asked once more.
NeverForgotten ==
    ~ \E n \in Node, m \in requests : leads[n] /\ m.number <= Forgotten(table[n], m.session)

\* A message that the outside has received is about to be sent again by another leader.
NeverToldAgain ==
    ~ \E n \in Node, o \in sent :
        /\ leads[n] /\ n # o.from /\ table[n].pending # <<>> /\ Head(table[n].pending).number = o.number
        /\ \E k \in DOMAIN outside : outside[k].number = o.number

\* A leader that was elected late, after one of a higher term, has spoken.
NeverLateLeaderSpeaks ==
    ~ \E r \in answers : \E t \in Terms :
        r.term < t /\ ~ IsPrefix(DecidedIn(t), reign[r.term].log) /\ reign[r.term].leader = r.from
=============================================================================
