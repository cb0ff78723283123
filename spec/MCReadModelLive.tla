-------------------------- MODULE MCReadModelLive --------------------------
(***************************************************************************)
(* Liveness of ReadModel: read models catch up, projections that are       *)
(* rebuilt get to their end, and a session at last sees what it has        *)
(* written.                                                                *)
(*                                                                         *)
(* Nothing is cut off here by a constraint.  It is the environment that    *)
(* offers only so much: so many events, and so much trouble, which is that *)
(* a node crashes, at any moment, or that a projection is thrown away.     *)
(* (A source that crashes for ever may forget what it knows before anybody *)
(* has asked it.)  Read models may change their source for ever.  Each has *)
(* one question and one piece of news on their way at a time, and the      *)
(* network may lose them.                                                  *)
(***************************************************************************)
EXTENDS MCReadModel

CONSTANT MaxTrouble     \* how often somebody crashes or begins anew

VARIABLE trouble        \* how often that has been

liveVars == <<vars, trouble>>

Calm == UNCHANGED trouble

\* No such message, from or for read model r, is on its way.
Silent(type, r, h) == \A m \in network : m.type # type \/ r \notin {m.from, m.to} \/ m.shard # h

-----------------------------------------------------------------------------

Holds(n, h, e) == Calm /\ Len(decided[h]) < MaxEvents /\ log[n][h] = decided[h] /\ Hold(n, h, e)
Decides(n, h, s) == Calm /\ Decide(n, h, s)
Learns(n, h) == Calm /\ Learn(n, h)
Crashes(n) == trouble < MaxTrouble /\ trouble' = trouble + 1 /\ Crash(n)

Asks(r, h) == Calm /\ Silent("Ask", r, h) /\ Request(r, h)
Replies(r, h) ==
    /\ Calm
    /\ \E n \in Node, m \in network :
        m.type = "Ask" /\ m.from = r /\ m.shard = h /\ Silent("News", r, h) /\ OnAsk(n, m)
Pushes(n, r, h) == Calm /\ Silent("News", r, h) /\ Push(n, r, h)
Takes(r, h) == Calm /\ \E m \in network : m.type = "News" /\ m.shard = h /\ OnNews(r, m)
Expires(m) == Calm /\ Lose(m)
Switches(r, n) == Calm /\ Switch(r, n)
Rebuilds(r, h) == r \in Rebuilding /\ trouble < MaxTrouble /\ trouble' = trouble + 1 /\ Rebuild(r, h)
Replays(r, h) == Calm /\ Replay(r, h)
Reads(s, r, h) == Calm /\ Query(s, r, h)

AskExpires(r, h) == \E m \in network : m.shard = h /\ m.from = r /\ Expires(m)
NewsExpires(r, h) == \E m \in network : m.shard = h /\ m.to = r /\ Expires(m)

LiveNext ==
    \/ \E n \in Node, h \in Shard, e \in Event : Holds(n, h, e)
    \/ \E n \in Node, h \in Shard, s \in Session : Decides(n, h, s)
    \/ \E n \in Node, h \in Shard : Learns(n, h)
    \/ \E n \in Node : Crashes(n)
    \/ \E r \in Model, h \in Shard : Asks(r, h)
    \/ \E r \in Model, h \in Shard : Replies(r, h)
    \/ \E n \in Node, r \in Model, h \in Shard : Pushes(n, r, h)
    \/ \E r \in Model, h \in Shard : Takes(r, h)
    \/ \E r \in Model, h \in Shard : AskExpires(r, h)
    \/ \E r \in Model, h \in Shard : NewsExpires(r, h)
    \/ \E r \in Model, n \in Node : Switches(r, n)
    \/ \E r \in Model, h \in Shard : Rebuilds(r, h)
    \/ \E r \in Model, h \in Shard : Replays(r, h)
    \/ \E s \in Session, r \in Model, h \in Shard : Reads(s, r, h)

\* Nodes get to know what is committed.  Read models ask again and again, sessions too; of the questions some arrive,
\* and of the replies, while no message stays for ever.
Fairness ==
    /\ \A n \in Node, h \in Shard : WF_liveVars(Learns(n, h))
    /\ \A r \in Model, h \in Shard :
        /\ WF_liveVars(Asks(r, h))
        /\ SF_liveVars(Replies(r, h))
        /\ SF_liveVars(Takes(r, h))
        /\ WF_liveVars(AskExpires(r, h))
        /\ WF_liveVars(NewsExpires(r, h))
        /\ WF_liveVars(Replays(r, h))
    /\ \A s \in Session, h \in Shard : SF_liveVars(\E r \in Model : Reads(s, r, h))

LiveSpec == Init /\ trouble = 0 /\ [][LiveNext]_liveVars /\ Fairness

-----------------------------------------------------------------------------

\* Whatever is committed, every read model holds it at last.
CatchesUp ==
    \A r \in Model, h \in Shard : \A k \in 1 .. MaxEvents : Len(decided[h]) >= k ~> Len(copy[r][h]) >= k

\* A projection that is rebuilt gets to the end of its copy.
IsRebuilt ==
    \A r \in Model, h \in Shard : \A k \in 1 .. MaxEvents : Len(copy[r][h]) >= k ~> folded[r][h] >= k

\* What a session has written it sees at last.
OwnWritesAreSeen ==
    \A s \in Session, h \in Shard : \A k \in 1 .. MaxEvents : written[s][h] >= k ~> seen[s][h] >= k

\* Witness: there is something to catch up with after a crash of the source, which is gone for good.
NeverBehindACrash ==
    ~ \E r \in Model, h \in Shard :
        /\ trouble = MaxTrouble
        /\ Len(copy[r][h]) < Len(decided[h])
        /\ commitIndex[source[r]][h] < Len(copy[r][h])
=============================================================================
