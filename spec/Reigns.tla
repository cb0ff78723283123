------------------------------- MODULE Reigns -------------------------------
(***************************************************************************)
(* Consensus, as whoever builds on it sees it.                             *)
(*                                                                         *)
(* Who builds on a replicated log need not know of votes, requests and     *)
(* disks.  What he must know is how leaders follow each other.  A *reign*  *)
(* is what the leader of one term makes of the log: it begins with the log *)
(* that the leader has when it is elected, it only grows, and at any time  *)
(* the beginning of it is decided.  Three rules hold all of this together. *)
(*                                                                         *)
(*   - Who is elected holds everything that was decided in the reigns of   *)
(*     lower terms.                                                        *)
(*   - What is decided in a reign is in all reigns of higher terms.        *)
(*   - A node copies from the reign that it follows, or from a later one,  *)
(*     and it learns that entries are decided from that reign only.        *)
(*                                                                         *)
(* The leader of a term may be elected when there is one of a higher term  *)
(* already: the votes were late.  A leader that is deposed need not know.  *)
(* A crash takes back what was not on disk yet, so a node may find itself  *)
(* in an earlier reign, with less of its log.                              *)
(*                                                                         *)
(* Replication refines this module, and this module refines EventLog.  An  *)
(* entry that a new leader writes only in order to decide what came before *)
(* it (a no-op) is not told to anybody, and does not count here.           *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Node,       \* the nodes that keep the log
    Term        \* the terms in which there may be a leader

ASSUME Term \subseteq Nat \ {0}

VARIABLES
    reign,      \* for each term that has had a leader: who it was, its log, and how much of that is decided
    follows,    \* the term in whose reign a node is, as its leader or as a follower; at first 0
    leads,      \* whether a node is a leader, as far as it knows
    log,        \* a node's copy of the log
    applied     \* how many entries of it the node knows to be decided, and has applied

consensus == <<reign, follows, leads, log, applied>>

-----------------------------------------------------------------------------
(* Small words. *)

Prefix(s, n) == SubSeq(s, 1, n)
IsPrefix(s, t) == Len(s) <= Len(t) /\ Prefix(t, Len(s)) = s

\* The terms that have had a leader.
Terms == DOMAIN reign

\* What is decided in the reign of term t.
DecidedIn(t) == Prefix(reign[t].log, reign[t].decided)

\* How much was decided in the reigns below term t.
DecidedBelow(t) ==
    LET below == {u \in Terms : u < t}
    IN IF below = {} THEN 0
       ELSE reign[CHOOSE u \in below : \A v \in below : reign[v].decided <= reign[u].decided].decided

\* All that is decided.
Decided ==
    IF Terms = {} THEN <<>>
    ELSE DecidedIn(CHOOSE t \in Terms : \A u \in Terms :
            reign[u].decided < reign[t].decided \/ (reign[u].decided = reign[t].decided /\ t <= u))

\* A node with log l, in reign r, may learn that the first k entries are decided.
IsDecided(l, r, k) == k <= r.decided /\ k <= Len(l) /\ Prefix(l, k) = Prefix(r.log, k)

\* At first nobody has led.
ConsensusInit ==
    /\ reign = <<>>
    /\ follows = [n \in Node |-> 0]
    /\ leads = [n \in Node |-> FALSE]
    /\ log = [n \in Node |-> <<>>]
    /\ applied = [n \in Node |-> 0]

-----------------------------------------------------------------------------

\* Node n is elected in term t.  It holds all that was decided in lower terms, and perhaps more.
Elect(n, t) ==
    /\ t \notin Terms
    /\ t > follows[n]
    /\ ~ leads[n]
    /\ \A u \in Terms : u < t => IsPrefix(DecidedIn(u), log[n])
    /\ reign' = [u \in Terms \cup {t} |->
                    IF u = t THEN [leader |-> n, log |-> log[n], decided |-> DecidedBelow(t)] ELSE reign[u]]
    /\ follows' = [follows EXCEPT ![n] = t]
    /\ leads' = [leads EXCEPT ![n] = TRUE]
    /\ UNCHANGED <<log, applied>>

\* Node n hears that a later term has begun, and leads no more.  It need not know who leads then, or whether anybody.
Depose(n) ==
    /\ leads[n]
    /\ leads' = [leads EXCEPT ![n] = FALSE]
    /\ UNCHANGED <<reign, follows, log, applied>>

\* Leader n writes entry x.
Write(n, x) ==
    /\ leads[n]
    /\ log' = [log EXCEPT ![n] = Append(@, x)]
    /\ reign' = [reign EXCEPT ![follows[n]].log = Append(@, x)]
    /\ UNCHANGED <<follows, leads, applied>>

\* Node n hears from the leader of term t, and leads no more if it did.
Hear(n, t) ==
    /\ t \in Terms
    /\ t > follows[n]
    /\ follows' = [follows EXCEPT ![n] = t]
    /\ leads' = [leads EXCEPT ![n] = FALSE]
    /\ UNCHANGED <<reign, log, applied>>

\* Node n has received entries from the leader of term t, and now its log is as long as the first k entries of that
\* reign.  What it had beyond them is gone: it may have been in conflict with something that does not count here.
\* Nothing goes that it knows to be decided.
Receive(n, t, k) ==
    /\ t \in Terms
    /\ t >= follows[n]
    /\ reign[t].leader # n
    /\ k \in applied[n] .. Len(reign[t].log)
    /\ log[n] # Prefix(reign[t].log, k)
    /\ log' = [log EXCEPT ![n] = Prefix(reign[t].log, k)]
    /\ follows' = [follows EXCEPT ![n] = t]
    /\ leads' = [leads EXCEPT ![n] = FALSE]
    /\ UNCHANGED <<reign, applied>>

\* The first k entries of the reign of term t are decided: a majority had them when none of it knew of a later term.
Settle(t, k) ==
    /\ t \in Terms
    /\ reign[t].decided < k
    /\ k <= Len(reign[t].log)
    /\ \A u \in Terms : u > t => IsPrefix(Prefix(reign[t].log, k), reign[u].log)
    /\ reign' = [reign EXCEPT ![t].decided = k]
    /\ UNCHANGED <<follows, leads, log, applied>>

\* Node n learns that its first k entries are decided.
Learn(n, k) ==
    /\ applied[n] < k
    /\ follows[n] \in Terms
    /\ IsDecided(log[n], reign[follows[n]], k)
    /\ applied' = [applied EXCEPT ![n] = k]
    /\ UNCHANGED <<reign, follows, leads, log>>

\* Node n crashes and starts again with what its disk holds: the first k entries of the reign of term t, or nothing.
Restart(n, t, k) ==
    /\ IF t = 0 THEN k = 0 ELSE t \in Terms /\ t <= follows[n] /\ k <= Len(reign[t].log)
    /\ log' = [log EXCEPT ![n] = IF t = 0 THEN <<>> ELSE Prefix(reign[t].log, k)]
    /\ follows' = [follows EXCEPT ![n] = t]
    /\ leads' = [leads EXCEPT ![n] = FALSE]
    /\ applied' = [applied EXCEPT ![n] = 0]
    /\ UNCHANGED reign

-----------------------------------------------------------------------------
(* What must hold. *)

\* Who believes to lead was elected in the term in which he is, and has that reign's log.
LeadersReign ==
    \A n \in Node : leads[n] =>
        /\ follows[n] \in Terms
        /\ reign[follows[n]].leader = n
        /\ log[n] = reign[follows[n]].log

\* No two reigns have decided different things.
ReignsAgree == \A t \in Terms : IsPrefix(DecidedIn(t), Decided)

\* What a node knows to be decided is in its log, and is.
AppliedIsDecided == \A n \in Node : applied[n] <= Len(log[n]) /\ IsPrefix(Prefix(log[n], applied[n]), Decided)

Log == INSTANCE EventLog WITH events <- Decided, Event <- {}

\* Every step is one that EventLog's Law allows: what is decided stays.
RefinesLog == [][Log!Extends]_reign
=============================================================================
