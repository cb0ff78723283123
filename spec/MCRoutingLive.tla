--------------------------- MODULE MCRoutingLive ---------------------------
(***************************************************************************)
(* Liveness of Routing: every command is decided, although keys move.      *)
(*                                                                         *)
(* Nothing is cut off here by a constraint.  It is the environment that    *)
(* offers only so much: so many versions of the table, the last of which   *)
(* comes at some time, and until then leaders change and routers are       *)
(* replaced as often as they like.  There is one message of a kind at a    *)
(* time, and the network may lose it.  A router reads the table only if it *)
(* has been told that its own is stale, or does not know a key.            *)
(***************************************************************************)
EXTENDS MCRouting

InTrouble == Len(table) < MaxVersion

Silent(type) == \A m \in network : m.type # type

-----------------------------------------------------------------------------

Moves(k, h) == InTrouble /\ Assign(k, h)
Hears(h) == Hear(h)
Takes(h, k) == TakeFirst(h, k)
Releases(h, k) == Release(h, k)
HandsOver(h, k) == Silent("Handover") /\ HandOver(h, k)
IsHanded(h) == \E m \in network : OnHandover(h, m)
Asks(r, c) == Silent("Request") /\ answered[c] # "decided" /\ Route(r, c)
IsAsked(h) == \E m \in network : m.type = "Request" /\ Silent("Refusal") /\ OnRequest(h, m)
Answers(h, c) == Answer(h, c)
Commits(h) == Commit(h)
Deposes(h) == InTrouble /\ Depose(h)
Notices(r) == \E m \in network : OnRefusal(r, m)
ReadsOn(r) == (Len(copy[r]) < least[r] \/ \E c \in Command : OwnerAt(KeyOf[c], copy[r]) = Nobody) /\ Refresh(r)
Refuses(r, c) == Refuse(r, c)
Replaces(r) == InTrouble /\ Replace(r)
Expires(type) == \E m \in network : m.type = type /\ Lose(m)

LiveNext ==
    \/ \E k \in Key, h \in Shard : Moves(k, h)
    \/ \E h \in Shard : Hears(h)
    \/ \E h \in Shard, k \in Key : Takes(h, k)
    \/ \E h \in Shard, k \in Key : Releases(h, k)
    \/ \E h \in Shard, k \in Key : HandsOver(h, k)
    \/ \E h \in Shard : IsHanded(h)
    \/ \E h \in Shard : IsAsked(h)
    \/ \E h \in Shard, c \in Command : Answers(h, c)
    \/ \E h \in Shard : Commits(h)
    \/ \E h \in Shard : Deposes(h)
    \/ \E r \in Router, c \in Command : Asks(r, c)
    \/ \E r \in Router : Notices(r)
    \/ \E r \in Router : ReadsOn(r)
    \/ \E r \in Router, c \in Command : Refuses(r, c)
    \/ \E r \in Router : Replaces(r)
    \/ \E type \in {"Request", "Refusal", "Handover"} : Expires(type)

\* Keys stop moving.  Shards read the table, do what it says, and commit it; what is sent again and again arrives now and
\* then, and no message stays for ever.
Fairness ==
    /\ WF_vars(\E k \in Key, h \in Shard : Moves(k, h))
    /\ \A h \in Shard :
        /\ WF_vars(Hears(h))
        /\ WF_vars(Commits(h))
        /\ SF_vars(IsHanded(h))
        /\ SF_vars(IsAsked(h))
        /\ \A k \in Key : WF_vars(Takes(h, k)) /\ WF_vars(Releases(h, k)) /\ SF_vars(HandsOver(h, k))
        /\ \A c \in Command : WF_vars(Answers(h, c))
    /\ \A r \in Router :
        /\ SF_vars(Notices(r))
        /\ WF_vars(ReadsOn(r))
        /\ \A c \in Command : SF_vars(Asks(r, c))
    /\ \A type \in {"Request", "Refusal", "Handover"} : WF_vars(Expires(type))

LiveSteps == [][LiveNext]_vars /\ Fairness

\* From the beginning, and from where a key is held that has yet to move.
LiveSpec == Init /\ LiveSteps
HeldSpec == InitHeld /\ LiveSteps

-----------------------------------------------------------------------------

\* Every client is told at last that its command is decided.
EveryCommandIsDecided == \A c \in Command : <>(answered[c] = "decided")

\* Witness: trouble has ended, and the key is between two shards, while a router goes by a stale table.
NeverMovingAtLast ==
    ~ \E k \in Key, r \in Router :
        /\ ~ InTrouble
        /\ \E h \in Shard : keys[h][k].version > 0
        /\ \A g \in Shard : ~ Speculative(g)[k].holds
        /\ 0 < Len(copy[r]) /\ Len(copy[r]) < MaxVersion
=============================================================================
