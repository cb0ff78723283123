----------------------------- MODULE MCRouting -----------------------------
(***************************************************************************)
(* Small models of Routing.  Bounds are constraints.                       *)
(***************************************************************************)
EXTENDS Routing

CONSTANTS
    MaxVersion,     \* the last version of the table
    MaxDraft,       \* the events that are not committed, of one shard
    MaxNetwork      \* the messages in the network at once

FirstKey == CHOOSE k \in Key : TRUE
FirstShard == CHOOSE h \in Shard : TRUE
FirstCommand == CHOOSE c \in Command : TRUE

\* All commands are about one key.
OneKey == [c \in Command |-> FirstKey]

\* The first command is about one key, the others about another.
TwoKeys == [c \in Command |-> IF c = FirstCommand THEN FirstKey ELSE CHOOSE k \in Key : k # FirstKey]

-----------------------------------------------------------------------------
(* Prepared starts. *)

Held(v) == [Fresh EXCEPT !.version = v, !.holds = TRUE]

\* The first shard holds the first key, and everybody has read the table.
InitHeld ==
    /\ table = <<[key |-> FirstKey, shard |-> FirstShard]>>
    /\ keys = [h \in Shard |-> [k \in Key |-> IF h = FirstShard /\ k = FirstKey THEN Held(1) ELSE Fresh]]
    /\ draft = [h \in Shard |-> <<>>]
    /\ heard = [h \in Shard |-> table]
    /\ copy = [r \in Router |-> table]
    /\ least = [r \in Router |-> 0]
    /\ network = {}
    /\ answered = [c \in Command |-> "no"]
    /\ history = [k \in Key |-> <<>>]

\* The key has gone to another shard g.  The first one has a new leader, which has read how the key came and not how it
\* went; the routers know no better.  The message by which the key was handed over is still on its way.
Moved(g) ==
    /\ table = <<[key |-> FirstKey, shard |-> FirstShard], [key |-> FirstKey, shard |-> g]>>
    /\ keys = [h \in Shard |-> [k \in Key |->
                  IF k # FirstKey THEN Fresh
                  ELSE IF h = FirstShard THEN [Held(1) EXCEPT !.holds = FALSE, !.next = 2, !.to = g]
                  ELSE IF h = g THEN Held(2) ELSE Fresh]]
    /\ draft = [h \in Shard |-> <<>>]
    /\ heard = [h \in Shard |-> IF h = FirstShard THEN Prefix(table, 1) ELSE table]
    /\ copy = [r \in Router |-> Prefix(table, 1)]
    /\ least = [r \in Router |-> 0]
    /\ network = {[type |-> "Handover", key |-> FirstKey, version |-> 2, to |-> g, decided |-> <<>>]}
    /\ answered = [c \in Command |-> "no"]
    /\ history = [k \in Key |-> <<>>]

InitMoved == \E g \in Shard \ {FirstShard} : Moved(g)

-----------------------------------------------------------------------------

Bound ==
    /\ Len(table) <= MaxVersion
    /\ \A h \in Shard : Len(draft[h]) <= MaxDraft
    /\ Cardinality(network) <= MaxNetwork

\* True of all that other models explore to the end: random walks are to get beyond it.
Explored == Len(table) <= 3 /\ Cardinality(network) <= 2 /\ \A h \in Shard : Len(draft[h]) <= 3

\* Walks begin with nothing, with a key that is held, or with one that has moved.
Starts == Init \/ InitHeld \/ InitMoved

-----------------------------------------------------------------------------
(* Witnesses: what must be reachable, lest a property hold for want of anything to judge. *)

\* A key has an owner and has been held, and now nobody holds it.
NeverBetween ==
    ~ \E h \in Shard, k \in Key : keys[h][k].version > 0 /\ \A g \in Shard : ~ Speculative(g)[k].holds

\* A shard is handed a key that it has had already, and given away since.
NeverLateHandover ==
    ~ \E m \in network : m.type = "Handover" /\ keys[m.to][m.key].version = m.version /\ ~ keys[m.to][m.key].holds

\* A command that the former owner has decided is sent to the next one.
NeverRetried ==
    ~ \E m \in network : /\ m.type = "Request"
                         /\ keys[m.to][KeyOf[m.command]].holds
                         /\ \E e \in Range(history[KeyOf[m.command]]) : e.command = m.command /\ e.shard # m.to

\* A router finds out that its table is stale.
NeverStale == ~ \E r \in Router : copy[r] # <<>> /\ Len(copy[r]) < least[r]

\* A command is sent to a shard that has released its key.
NeverMisled ==
    ~ \E m \in network : m.type = "Request" /\ keys[m.to][KeyOf[m.command]].next # 0

\* Two shards have decided commands for one key.
NeverTwoDeciders ==
    ~ \E k \in Key : \E i, j \in 1 .. Len(history[k]) : history[k][i].shard # history[k][j].shard
=============================================================================
