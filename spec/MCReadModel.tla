---------------------------- MODULE MCReadModel ----------------------------
(***************************************************************************)
(* Small models of ReadModel.  A projection is a number that depends on    *)
(* the order of the events.  Bounds are constraints; what a model is not   *)
(* about (time, rebuilding) it leaves out by one.                          *)
(***************************************************************************)
EXTENDS ReadModel

CONSTANTS
    MaxEvents,      \* the length of each log
    MaxNetwork,     \* the messages in the network at once
    MaxTime,        \* the last tick
    Rebuilding      \* the read models whose projection may be behind their copy

\* The one node that a prepared start is about.
First == CHOOSE n \in Node : TRUE
AnEvent == CHOOSE e \in Event : TRUE

Numbers == 0 .. 12
Number(s, e) == (2 * s + (IF e = AnEvent THEN 1 ELSE 2)) % 13
EvolveNumber == [p \in Numbers \X Event |-> Number(p[1], p[2])]

-----------------------------------------------------------------------------
(* Prepared starts. *)

\* Every read model has asked one and the same node, and was told that there is nothing yet.  Those that are pushed to
\* are its subscribers.
InitSubscribed ==
    /\ decided = [h \in Shard |-> <<>>]
    /\ log = [n \in Node |-> [h \in Shard |-> <<>>]]
    /\ commitIndex = [n \in Node |-> NoneOfAny]
    /\ sent = [n \in Node |-> [r \in Model |-> [h \in Shard |-> IF n = First /\ r \in Pushed THEN 0 ELSE Nobody]]]
    /\ source = [r \in Model |-> First]
    /\ copy = [r \in Model |-> [h \in Shard |-> <<>>]]
    /\ since = [r \in Model |-> [h \in Shard |-> 1]]
    /\ folded = [r \in Model |-> NoneOfAny]
    /\ state = [r \in Model |-> [h \in Shard |-> Start]]
    /\ token = [s \in Session |-> NoneOfAny]
    /\ now = 1
    /\ network = {}
    /\ seen = [s \in Session |-> NoneOfAny]
    /\ written = [s \in Session |-> NoneOfAny]
    /\ knew = [n \in Node |-> <<NoneOfAny>>]
    /\ answer = [unknown |-> FALSE, lacks |-> {}]

\* Node b knows an event that read model r's source a does not know.  r has asked a, and the reply is on its way.
InitBehind(a, b, r) ==
    /\ decided = [h \in Shard |-> <<AnEvent>>]
    /\ log = [n \in Node |-> [h \in Shard |-> IF n = b THEN <<AnEvent>> ELSE <<>>]]
    /\ commitIndex = [n \in Node |-> [h \in Shard |-> IF n = b THEN 1 ELSE 0]]
    /\ sent = [n \in Node |-> [m \in Model |-> [h \in Shard |-> Nobody]]]
    /\ source = [m \in Model |-> a]
    /\ copy = [m \in Model |-> [h \in Shard |-> <<>>]]
    /\ since = [m \in Model |-> NoneOfAny]
    /\ folded = [m \in Model |-> NoneOfAny]
    /\ state = [m \in Model |-> [h \in Shard |-> Start]]
    /\ token = [s \in Session |-> NoneOfAny]
    /\ now = 2
    /\ network = {[type |-> "News", from |-> a, to |-> r, shard |-> h, after |-> 0, events |-> <<>>,
                   end |-> 0, time |-> 2] : h \in Shard}
    /\ seen = [s \in Session |-> NoneOfAny]
    /\ written = [s \in Session |-> NoneOfAny]
    /\ knew = [n \in Node |-> <<NoneOfAny, [h \in Shard |-> IF n = b THEN 1 ELSE 0]>>]
    /\ answer = [unknown |-> FALSE, lacks |-> {}]

InitNewSource == \E b \in Node \ {First}, r \in Model : InitBehind(First, b, r)

-----------------------------------------------------------------------------
(* Bounds. *)

SmallLog(n) == \A h \in Shard : Len(log[n][h]) <= MaxEvents /\ Len(log[n][h]) <= Len(decided[h]) + 1

SmallModel(r) == r \in Rebuilding \/ \A h \in Shard : folded[r][h] = Len(copy[r][h])

Bound ==
    /\ \A n \in Node : SmallLog(n)
    /\ \A r \in Model : SmallModel(r)
    /\ now <= MaxTime
    /\ Cardinality(network) <= MaxNetwork

\* True of all that other models explore to the end: random walks are to get beyond it.
Explored ==
    /\ Cardinality(network) <= 2
    /\ now <= 4
    /\ \A h \in Shard : Len(decided[h]) <= 2

-----------------------------------------------------------------------------
(* Witnesses: what must be reachable, lest a property hold for want of anything to judge. *)

\* A session's token is ahead of a read model, which must not answer it.
NeverBehind == ~ \E s \in Careful, r \in Model, h \in Shard : Len(copy[r][h]) < token[s][h]

\* News arrives before what belongs in front of it.
NeverGap == ~ \E m \in network : m.type = "News" /\ m.after > Len(copy[m.to][m.shard])

\* A node holds an event that is not committed, in a place where another one is.
NeverReplaced ==
    ~ \E n \in Node, h \in Shard : \E k \in 1 .. Minimum(Len(log[n][h]), Len(decided[h])) : log[n][h][k] # decided[h][k]

\* A source knows less to be committed than its read model holds.
NeverForgetful == ~ \E r \in Model, h \in Shard : commitIndex[source[r]][h] < Len(copy[r][h])

\* A read model was told something, but too long ago.
NeverCutOff == ~ \E r \in Model, h \in Shard : since[r][h] > 0 /\ Unknown(r, h)

\* News arrives while a projection is being rebuilt.
NeverDuringRebuild ==
    ~ \E m \in network : m.type = "News" /\ folded[m.to][m.shard] < Len(copy[m.to][m.shard])
                         /\ Len(copy[m.to][m.shard]) < m.end

\* A former source brings something new.
NeverFormerSource ==
    ~ \E m \in network : m.type = "News" /\ m.from # source[m.to] /\ Extended(copy[m.to][m.shard], m) # copy[m.to][m.shard]
=============================================================================
