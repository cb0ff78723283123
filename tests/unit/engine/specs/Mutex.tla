---- MODULE Mutex ----
\* Lamport's algorithm of mutual exclusion by clocks, over queues.
EXTENDS Naturals, Sequences
CONSTANTS N, MaxClock
ASSUME NIsPositive == N \in Nat \ {0}
Proc == 1..N
VARIABLES clock, req, ack, network, crit
Kinds == {"req", "ack", "rel"}
Msg(kind, c) == [type |-> kind, clock |-> c]
TypeOK ==
    /\ clock \in [Proc -> Nat \ {0}]
    /\ req \in [Proc -> [Proc -> Nat]]
    /\ ack \in [Proc -> SUBSET Proc]
    /\ network \in [Proc -> [Proc -> Seq([type : Kinds, clock : Nat])]]
    /\ crit \subseteq Proc
Init ==
    /\ clock = [p \in Proc |-> 1]
    /\ req = [p \in Proc |-> [q \in Proc |-> 0]]
    /\ ack = [p \in Proc |-> {}]
    /\ network = [p \in Proc |-> [q \in Proc |-> <<>>]]
    /\ crit = {}
Before(p, q) == \/ req[p][q] = 0
                \/ req[p][p] < req[p][q]
                \/ req[p][p] = req[p][q] /\ p < q
Broadcast(p, m) == [r \in Proc |-> IF p = r THEN network[p][r] ELSE Append(network[p][r], m)]
Ask(p) ==
    /\ req[p][p] = 0
    /\ req' = [req EXCEPT ![p][p] = clock[p]]
    /\ network' = [network EXCEPT ![p] = Broadcast(p, Msg("req", clock[p]))]
    /\ ack' = [ack EXCEPT ![p] = {p}]
    /\ UNCHANGED <<clock, crit>>
OnRequest(p, q) ==
    /\ network[q][p] # <<>>
    /\ LET m == Head(network[q][p])
           c == m.clock
       IN  /\ m.type = "req"
           /\ req' = [req EXCEPT ![p][q] = c]
           /\ clock' = [clock EXCEPT ![p] = IF c > clock[p] THEN c + 1 ELSE @ + 1]
           /\ network' = [network EXCEPT ![q][p] = Tail(@), ![p][q] = Append(@, Msg("ack", 0))]
           /\ UNCHANGED <<ack, crit>>
OnAck(p, q) ==
    /\ network[q][p] # <<>>
    /\ Head(network[q][p]).type = "ack"
    /\ ack' = [ack EXCEPT ![p] = @ \union {q}]
    /\ network' = [network EXCEPT ![q][p] = Tail(@)]
    /\ UNCHANGED <<clock, req, crit>>
Enter(p) ==
    /\ ack[p] = Proc
    /\ \A q \in Proc \ {p} : Before(p, q)
    /\ crit' = crit \union {p}
    /\ UNCHANGED <<clock, req, ack, network>>
Leave(p) ==
    /\ p \in crit
    /\ crit' = crit \ {p}
    /\ network' = [network EXCEPT ![p] = Broadcast(p, Msg("rel", 0))]
    /\ req' = [req EXCEPT ![p][p] = 0]
    /\ ack' = [ack EXCEPT ![p] = {}]
    /\ UNCHANGED clock
OnRelease(p, q) ==
    /\ network[q][p] # <<>>
    /\ Head(network[q][p]).type = "rel"
    /\ req' = [req EXCEPT ![p][q] = 0]
    /\ network' = [network EXCEPT ![q][p] = Tail(@)]
    /\ UNCHANGED <<clock, ack, crit>>
Next == \/ \E p \in Proc : Ask(p) \/ Enter(p) \/ Leave(p)
        \/ \E p \in Proc : \E q \in Proc \ {p} : OnRequest(p, q) \/ OnAck(p, q) \/ OnRelease(p, q)
ClockBound == \A p \in Proc : clock[p] <= MaxClock
Alone == \A p, q \in crit : p = q
vars == <<req, network, clock, ack, crit>>
Spec == Init /\ [][Next]_vars
====
