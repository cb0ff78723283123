-------------------------- MODULE MCReadModelLive --------------------------
(***************************************************************************)
(* Liveness of ReadModel: read models catch up, projections that are       *)
(* rebuilt get to their end, and a session at last sees what it has        *)
(* written.                                                                *)
(*                                                                         *)
(* Nothing is cut off here by a constraint.  It is the environment that    *)
(* offers only so much: so many events, and trouble until the clock ticks, *)
(* which is that nodes crash, as often as they like, and that projections  *)
(* are thrown away.  So there are finitely many crashes, and nobody knows  *)
(* how many.  (A source that crashes for ever may forget what it knows     *)
(* before anybody has asked it.)  Read models may change their source for  *)
(* ever.  Each has one question and one piece of news on their way at a    *)
(* time, and the network may lose them.                                    *)
(***************************************************************************)
EXTENDS MCReadModel

InTrouble == now = 1

\* No such message, from or for read model r, is on its way.
Silent(type, r, h) == \A m \in network : m.type # type \/ r \notin {m.from, m.to} \/ m.shard # h

-----------------------------------------------------------------------------

Holds(n, h, e) == Len(decided[h]) < MaxEvents /\ log[n][h] = decided[h] /\ Hold(n, h, e)
Decides(n, h, s) == Decide(n, h, s)
Learns(n, h) == Learn(n, h)
Crashes(n) == InTrouble /\ Crash(n)
CalmsDown == InTrouble /\ Tick

Asks(r, h) == Silent("Ask", r, h) /\ Request(r, h)
Replies(r, h) ==
    \E n \in Node, m \in network :
        m.type = "Ask" /\ m.from = r /\ m.shard = h /\ Silent("News", r, h) /\ OnAsk(n, m)
Pushes(n, r, h) == Silent("News", r, h) /\ Push(n, r, h)
Takes(r, h) == \E m \in network : m.type = "News" /\ m.shard = h /\ OnNews(r, m)
Expires(m) == Lose(m)
Switches(r, n) == Switch(r, n)
Rebuilds(r, h) == r \in Rebuilding /\ InTrouble /\ Rebuild(r, h)
Replays(r, h) == Replay(r, h)
Reads(s, r, h) == s \in Careful /\ Query(s, r, h)

AskExpires(r, h) == \E m \in network : m.shard = h /\ m.from = r /\ Expires(m)
NewsExpires(r, h) == \E m \in network : m.shard = h /\ m.to = r /\ Expires(m)

LiveNext ==
    \/ \E n \in Node, h \in Shard, e \in Event : Holds(n, h, e)
    \/ \E n \in Node, h \in Shard, s \in Session : Decides(n, h, s)
    \/ \E n \in Node, h \in Shard : Learns(n, h)
    \/ \E n \in Node : Crashes(n)
    \/ CalmsDown
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

\* Trouble ends.  Nodes get to know what is committed.  Read models ask again and again, sessions too; of the questions
\* some arrive, and of the replies, while no message stays for ever.
Fairness ==
    /\ WF_vars(CalmsDown)
    /\ \A n \in Node, h \in Shard : WF_vars(Learns(n, h))
    /\ \A r \in Model, h \in Shard :
        /\ WF_vars(Asks(r, h))
        /\ SF_vars(Replies(r, h))
        /\ SF_vars(Takes(r, h))
        /\ WF_vars(AskExpires(r, h))
        /\ WF_vars(NewsExpires(r, h))
        /\ WF_vars(Replays(r, h))
    /\ \A s \in Session, h \in Shard : SF_vars(\E r \in Model : Reads(s, r, h))

LiveSpec == Init /\ [][LiveNext]_vars /\ Fairness

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
        /\ ~ InTrouble
        /\ Len(copy[r][h]) < Len(decided[h])
        /\ commitIndex[source[r]][h] < Len(copy[r][h])
=============================================================================
