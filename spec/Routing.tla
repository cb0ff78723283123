------------------------------ MODULE Routing ------------------------------
(***************************************************************************)
(* Which shard decides a command, when keys may move between shards.       *)
(*                                                                         *)
(* A table says which shard owns which key.  It is a replicated log: its   *)
(* entry number v is its version v, and says that a key is owned by a      *)
(* shard from now on.  Routers and shards read it at their own pace, so    *)
(* any of them may have an old version at any time.                        *)
(*                                                                         *)
(* Nobody decides by the table alone.  A shard decides commands for a key  *)
(* while it *holds* it, and to take a key and to release it are events in  *)
(* its own log.  When the owner hears that the key is to move, it releases *)
(* it; from then on its commands wait.  When that is committed, and not    *)
(* before, it hands over all that it has decided for the key, again and    *)
(* again, for messages get lost; and the next owner takes the key by an    *)
(* event of its own, once for each version, for messages are repeated.     *)
(* What was decided goes with the key, so a command that is sent once more *)
(* to the new owner is not decided once more.                              *)
(*                                                                         *)
(* A router sends a command to the shard that owns its key as far as it    *)
(* knows.  If that shard does not hold the key it refuses, and says which  *)
(* version of the table it has; a router that has an older one reads on    *)
(* before it routes anything again.  A key that is not in the router's     *)
(* table is refused by the router, once it has made sure that its table is *)
(* the present one.                                                        *)
(*                                                                         *)
(* Each shard is a replicated log with a leader that decides on its        *)
(* speculative state.  Here it is the fold of what is committed, the draft *)
(* of its leader, and a change of leader that loses the draft.  (What the  *)
(* next leader holds of a draft is as good as never lost.)                 *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Key,        \* the keys
    Shard,      \* the shards
    Router,     \* the routers
    Command,    \* the commands of clients, each with an identity of its own
    KeyOf,      \* the key that a command is about
    Nobody      \* the owner of an unknown key

ASSUME KeyOf \in [Command -> Key] /\ Nobody \notin Shard

VARIABLES
    table,      \* the table's log: entry v makes version v of version v - 1
    (* A shard. *)
    keys,       \* for each key what the shard's committed events have made of it
    draft,      \* the events that its leader has appended and that are not committed
    heard,      \* what its leader has read of the table; a new leader begins anew
    (* A router. *)
    copy,       \* its copy of the table, whose length is its version
    least,      \* the version that it must have before it routes again
    (* The world outside. *)
    network,    \* the messages that may still arrive
    answered,   \* what the client of each command was told: "no" answer yet, "unknown" key, or "decided"
    history     \* ghost: for each key what was decided, by which shard, holding it under which version

vars == <<table, keys, draft, heard, copy, least, network, answered, history>>

-----------------------------------------------------------------------------
(* Small words. *)

Maximum(a, b) == IF a > b THEN a ELSE b
Prefix(s, n) == SubSeq(s, 1, n)
Range(s) == {s[j] : j \in 1 .. Len(s)}

\* The versions in table t, or in a copy of its beginning, that are about key k.
About(k, t) == {u \in 1 .. Len(t) : t[u].key = k}

\* Who owns key k by table t.
OwnerAt(k, t) ==
    LET about == About(k, t)
    IN IF about = {} THEN Nobody ELSE t[CHOOSE u \in about : \A w \in about : w <= u].shard

\* The first version after u in table t that is about key k, and 0 if there is none.
NextAbout(k, u, t) ==
    LET later == {w \in About(k, t) : w > u}
    IN IF later = {} THEN 0 ELSE CHOOSE w \in later : \A x \in later : w <= x

\* What a shard knows of a key that it has never held.
Fresh == [version |-> 0, holds |-> FALSE, decided |-> <<>>, next |-> 0, to |-> Nobody]

-----------------------------------------------------------------------------
(* The events of a shard, and the state that they make. *)

\* The shard holds key k from now on, as version v says, and these commands were decided before.
Taken(k, v, commands) == [type |-> "Taken", key |-> k, version |-> v, decided |-> commands]

\* The shard has decided command c.
Decided(c) == [type |-> "Decided", command |-> c]

\* The shard holds key k no longer: version v gives it to shard h.
Released(k, v, h) == [type |-> "Released", key |-> k, version |-> v, to |-> h]

Evolve(state, e) ==
    CASE e.type = "Taken" ->
            [state EXCEPT ![e.key] = [Fresh EXCEPT !.version = e.version, !.holds = TRUE, !.decided = e.decided]]
      [] e.type = "Decided" -> [state EXCEPT ![KeyOf[e.command]].decided = Append(@, e.command)]
      [] e.type = "Released" -> [state EXCEPT ![e.key] = [@ EXCEPT !.holds = FALSE, !.next = e.version, !.to = e.to]]

\* What the leader of shard h decides on: all that is committed and all that it has appended.
Speculative(h) ==
    LET after[j \in 0 .. Len(draft[h])] == IF j = 0 THEN keys[h] ELSE Evolve(after[j - 1], draft[h][j])
    IN after[Len(draft[h])]

-----------------------------------------------------------------------------
(* What the variables hold. *)

Assignment == [key : Key, shard : Shard]
KeyState == [version : Nat, holds : BOOLEAN, decided : Seq(Command), next : Nat, to : Shard \cup {Nobody}]
Event == [type : {"Taken"}, key : Key, version : Nat, decided : Seq(Command)]
    \cup [type : {"Decided"}, command : Command]
    \cup [type : {"Released"}, key : Key, version : Nat, to : Shard]

\* A router sends a command on.
Request == [type : {"Request"}, from : Router, to : Shard, command : Command]

\* A shard does not hold the key, and says how much of the table it has read.
Refusal == [type : {"Refusal"}, to : Router, version : Nat]

\* A shard hands a key over, as a version says.
Handover == [type : {"Handover"}, key : Key, version : Nat, to : Shard, decided : Seq(Command)]

TypeOK ==
    /\ table \in Seq(Assignment)
    /\ keys \in [Shard -> [Key -> KeyState]]
    /\ draft \in [Shard -> Seq(Event)]
    /\ heard \in [Shard -> Seq(Assignment)]
    /\ copy \in [Router -> Seq(Assignment)]
    /\ least \in [Router -> Nat]
    /\ network \subseteq Request \cup Refusal \cup Handover
    /\ answered \in [Command -> {"no", "unknown", "decided"}]
    /\ history \in [Key -> Seq([command : Command, shard : Shard, version : Nat])]

\* At first no key has an owner.
Init ==
    /\ table = <<>>
    /\ keys = [h \in Shard |-> [k \in Key |-> Fresh]]
    /\ draft = [h \in Shard |-> <<>>]
    /\ heard = [h \in Shard |-> <<>>]
    /\ copy = [r \in Router |-> <<>>]
    /\ least = [r \in Router |-> 0]
    /\ network = {}
    /\ answered = [c \in Command |-> "no"]
    /\ history = [k \in Key |-> <<>>]

-----------------------------------------------------------------------------
(* The table. *)

\* Key k is owned by shard h from now on.  A shard that owns it already cannot be given it.
Assign(k, h) ==
    /\ OwnerAt(k, table) # h
    /\ table' = Append(table, [key |-> k, shard |-> h])
    /\ UNCHANGED <<keys, draft, heard, copy, least, network, answered, history>>

-----------------------------------------------------------------------------
(* A shard.  Its leader decides on the speculative state; what it says to  *)
(* others, refusals excepted, it says of what is committed.                *)

Appends(h, e) == draft' = [draft EXCEPT ![h] = Append(@, e)]

\* Shard h reads one more entry of the table.
Hear(h) ==
    /\ Len(heard[h]) < Len(table)
    /\ heard' = [heard EXCEPT ![h] = Append(@, table[Len(@) + 1])]
    /\ UNCHANGED <<table, keys, draft, copy, least, network, answered, history>>

\* Shard h takes key k, which nobody has held before.
TakeFirst(h, k) ==
    LET v == NextAbout(k, 0, heard[h])
    IN /\ v # 0
       /\ heard[h][v].shard = h
       /\ Speculative(h)[k].version < v
       /\ Appends(h, Taken(k, v, <<>>))
       /\ UNCHANGED <<table, keys, heard, copy, least, network, answered, history>>

\* Shard h, which holds key k, has heard that it is to go to another shard.
Release(h, k) ==
    LET state == Speculative(h)[k]
        v == NextAbout(k, state.version, heard[h])
    IN /\ state.holds
       /\ v # 0
       /\ Appends(h, Released(k, v, heard[h][v].shard))
       /\ UNCHANGED <<table, keys, heard, copy, least, network, answered, history>>

\* Shard h has released key k, that is committed, and it tells the next owner all that it has decided for it.
HandOver(h, k) ==
    LET state == keys[h][k]
    IN /\ state.next # 0
       /\ network' = network \cup {[type |-> "Handover", key |-> k, version |-> state.next, to |-> state.to,
                                    decided |-> state.decided]}
       /\ UNCHANGED <<table, keys, draft, heard, copy, least, answered, history>>

\* A key is handed to shard h, for the first time or not.
OnHandover(h, m) ==
    /\ m.type = "Handover"
    /\ m.to = h
    /\ IF Speculative(h)[m.key].version < m.version
       THEN Appends(h, Taken(m.key, m.version, m.decided))
       ELSE UNCHANGED draft
    /\ UNCHANGED <<table, keys, heard, copy, least, network, answered, history>>

\* A command arrives at shard h.  If it was decided before, Answer says so when it is committed.
OnRequest(h, m) ==
    /\ m.type = "Request"
    /\ m.to = h
    /\ LET state == Speculative(h)[KeyOf[m.command]]
       IN IF ~ state.holds
          THEN /\ network' = network \cup {[type |-> "Refusal", to |-> m.from, version |-> Len(heard[h])]}
               /\ UNCHANGED draft
          ELSE /\ IF m.command \in Range(state.decided) THEN UNCHANGED draft ELSE Appends(h, Decided(m.command))
               /\ UNCHANGED network
    /\ UNCHANGED <<table, keys, heard, copy, least, answered, history>>

\* Shard h tells the client of command c that it is decided.
Answer(h, c) ==
    /\ c \in Range(keys[h][KeyOf[c]].decided)
    /\ answered' = [answered EXCEPT ![c] = "decided"]
    /\ UNCHANGED <<table, keys, draft, heard, copy, least, network, history>>

\* The next event of shard h is committed.
Commit(h) ==
    /\ draft[h] # <<>>
    /\ LET e == Head(draft[h])
       IN /\ keys' = [keys EXCEPT ![h] = Evolve(@, e)]
          /\ history' = IF e.type # "Decided" THEN history
                        ELSE LET k == KeyOf[e.command]
                             IN [history EXCEPT ![k] = Append(@, [command |-> e.command, shard |-> h,
                                                                  version |-> keys[h][k].version])]
    /\ draft' = [draft EXCEPT ![h] = Tail(@)]
    /\ UNCHANGED <<table, heard, copy, least, network, answered>>

\* Shard h has a new leader, which has yet to read the table.
Depose(h) ==
    /\ draft' = [draft EXCEPT ![h] = <<>>]
    /\ heard' = [heard EXCEPT ![h] = <<>>]
    /\ UNCHANGED <<table, keys, copy, least, network, answered, history>>

-----------------------------------------------------------------------------
(* A router. *)

\* Router r sends command c to the owner of its key.
Route(r, c) ==
    LET owner == OwnerAt(KeyOf[c], copy[r])
    IN /\ Len(copy[r]) >= least[r]
       /\ owner # Nobody
       /\ network' = network \cup {[type |-> "Request", from |-> r, to |-> owner, command |-> c]}
       /\ UNCHANGED <<table, keys, draft, heard, copy, least, answered, history>>

\* Router r is told that a shard does not hold a key, and which version that shard has.
OnRefusal(r, m) ==
    /\ m.type = "Refusal"
    /\ m.to = r
    /\ least' = [least EXCEPT ![r] = Maximum(@, m.version)]
    /\ UNCHANGED <<table, keys, draft, heard, copy, network, answered, history>>

\* Router r reads one more entry of the table.
Refresh(r) ==
    /\ Len(copy[r]) < Len(table)
    /\ copy' = [copy EXCEPT ![r] = Append(@, table[Len(@) + 1])]
    /\ UNCHANGED <<table, keys, draft, heard, least, network, answered, history>>

\* Router r has made sure, by a consistent read, that its table is the present one, and there is no such key in it.
Refuse(r, c) ==
    /\ OwnerAt(KeyOf[c], copy[r]) = Nobody
    /\ Len(copy[r]) = Len(table)
    /\ answered' = [answered EXCEPT ![c] = IF @ = "no" THEN "unknown" ELSE @]
    /\ UNCHANGED <<table, keys, draft, heard, copy, least, network, history>>

\* Router r stops, and another one takes its place, which knows nothing.
Replace(r) ==
    /\ copy' = [copy EXCEPT ![r] = <<>>]
    /\ least' = [least EXCEPT ![r] = 0]
    /\ UNCHANGED <<table, keys, draft, heard, network, answered, history>>

\* Message m is lost: it will not arrive (again).
Lose(m) ==
    /\ network' = network \ {m}
    /\ UNCHANGED <<table, keys, draft, heard, copy, least, answered, history>>

-----------------------------------------------------------------------------

\* TLC names a step after the operator that holds its choice of a message, hence these names.
HandoverArrives(h) == \E m \in network : OnHandover(h, m)
RequestArrives(h)  == \E m \in network : OnRequest(h, m)
RefusalArrives(r)  == \E m \in network : OnRefusal(r, m)
MessageIsLost      == \E m \in network : Lose(m)

Next ==
    \/ \E k \in Key, h \in Shard : Assign(k, h)
    \/ \E h \in Shard : Hear(h)
    \/ \E h \in Shard, k \in Key : TakeFirst(h, k)
    \/ \E h \in Shard, k \in Key : Release(h, k)
    \/ \E h \in Shard, k \in Key : HandOver(h, k)
    \/ \E h \in Shard : HandoverArrives(h)
    \/ \E h \in Shard : RequestArrives(h)
    \/ \E h \in Shard, c \in Command : Answer(h, c)
    \/ \E h \in Shard : Commit(h)
    \/ \E h \in Shard : Depose(h)
    \/ \E r \in Router, c \in Command : Route(r, c)
    \/ \E r \in Router : RefusalArrives(r)
    \/ \E r \in Router : Refresh(r)
    \/ \E r \in Router, c \in Command : Refuse(r, c)
    \/ \E r \in Router : Replace(r)
    \/ MessageIsLost

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What must hold in every state. *)

\* No key is held by two shards, not even by what their leaders only hope to commit.
OneHolder ==
    \A k \in Key : \A g, h \in Shard :
        (keys[g][k].holds \/ Speculative(g)[k].holds) /\ (keys[h][k].holds \/ Speculative(h)[k].holds) => g = h

\* Each command is decided by the shard that owned its key in the version under which it held it.
DecidedByOwner ==
    \A k \in Key : \A j \in 1 .. Len(history[k]) :
        LET entry == history[k][j] IN entry.version > 0 /\ table[entry.version] = [key |-> k, shard |-> entry.shard]

\* Once a later owner has decided, no former one does.
OwnersInTurn ==
    \A k \in Key : \A i, j \in 1 .. Len(history[k]) : i < j => history[k][i].version <= history[k][j].version

\* No command is decided twice, by whomever.
DecidedOnce ==
    \A k \in Key : \A i, j \in 1 .. Len(history[k]) : history[k][i].command = history[k][j].command => i = j

\* Who holds a key knows all that was ever decided for it.
HolderKnowsAll ==
    \A h \in Shard, k \in Key :
        keys[h][k].holds => keys[h][k].decided = [j \in 1 .. Len(history[k]) |-> history[k][j].command]

\* What a client is told to be decided is.
AnswersAreTrue == \A c \in Command : answered[c] = "decided" => \E e \in Range(history[KeyOf[c]]) : e.command = c

-----------------------------------------------------------------------------
(* What must hold of every step. *)

\* A command is refused for an unknown key only if it is not decided.
RefusedIsUndecided ==
    [][\A c \in Command : answered[c] # "unknown" /\ answered'[c] = "unknown" =>
            \A e \in Range(history[KeyOf[c]]) : e.command # c]_answered

Log == INSTANCE EventLog WITH events <- table, Event <- Assignment

\* The table is a log that only grows.
Refines == [][Log!Extends]_table
=============================================================================
