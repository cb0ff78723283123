------------------------------- MODULE MCReigns -------------------------------
(***************************************************************************)
(* A small model of Reigns by itself: whoever leads writes any events.     *)
(***************************************************************************)
EXTENDS Reigns

CONSTANTS
    Event,      \* what may be written
    MaxLog      \* the longest log

Indexes == 0 .. MaxLog

Next ==
    \/ \E n \in Node, t \in Term : Elect(n, t)
    \/ \E n \in Node : Depose(n)
    \/ \E n \in Node, x \in Event : Write(n, x)
    \/ \E n \in Node, t \in Term : Hear(n, t)
    \/ \E n \in Node, t \in Term, k \in Indexes : Receive(n, t, k)
    \/ \E t \in Term, k \in Indexes : Settle(t, k)
    \/ \E n \in Node, k \in Indexes : Learn(n, k)
    \/ \E n \in Node, t \in Term \cup {0}, k \in Indexes : Restart(n, t, k)

Bound == \A t \in Terms : Len(reign[t].log) <= MaxLog

\* Witness: a leader is elected after one of a higher term, and writes.
NeverBornLate ==
    ~ \E t, u \in Terms : t < u /\ reign[u].decided > 0 /\ ~ IsPrefix(DecidedIn(u), reign[t].log)

\* Witness: an entry is decided in an old reign, after a later leader has been elected with it.
NeverDecidedLate == ~ \E t, u \in Terms : t < u /\ reign[t].decided > reign[u].decided
=============================================================================
