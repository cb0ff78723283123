----------------------------- MODULE ReadModel -----------------------------
(***************************************************************************)
(* Reads that do not trouble the leader.                                   *)
(*                                                                         *)
(* A read model keeps a copy of the committed event queue and folds it     *)
(* into a state of its own, from which it answers queries.  It takes the   *)
(* events from any node, for a leader and a follower agree on what is      *)
(* committed and differ only in how much of it they know.  It may pull:    *)
(* it asks from where its copy ends (its cursor), and the source replies.  *)
(* Or it is pushed to: its question makes it a subscriber, who is sent     *)
(* what the source learns later.  Both carry the same batches, and a batch *)
(* says where it belongs, so that one which is lost, repeated, late or     *)
(* from a former source does no harm.                                      *)
(*                                                                         *)
(* A read model lags.  So a session may not see its own write, and if it   *)
(* goes from one read model to another, time may go back for it.  Both are *)
(* repaired by a token, which the session keeps: for each shard the        *)
(* highest position that it has read or written.  It goes with each query, *)
(* and a read model that is not so far does not answer.                    *)
(*                                                                         *)
(* A read model that hears nothing cannot know how much it lags.  What it  *)
(* knows is when, by its own clock, it asked for what it was last told: it *)
(* holds all that its source had then.  If that is too long ago, its       *)
(* answer says so: unknown since then.                                     *)
(*                                                                         *)
(* The write side is an abstraction here.  Each shard is one EventLog; any *)
(* node may hold one's events before they are committed, the next leader   *)
(* may replace them, and a crash makes a node forget how much is committed *)
(* and who its subscribers are.  A session has one call open at a time:    *)
(* between an answer and its arrival it does nothing, so the two are one   *)
(* step.                                                                   *)
(***************************************************************************)
EXTENDS Naturals, Sequences, FiniteSets

CONSTANTS
    Node,       \* the nodes of the write side; each holds a replica of each shard
    Model,      \* the read models
    Pushed,     \* those of them that subscribe, and are sent events without asking again; the others pull
    Session,    \* the sessions of clients
    Careful,    \* those sessions that send their token with each query
    Shard,      \* the shards, each with a log of its own
    Event,      \* the events that commands may become
    Nobody,     \* where no subscription is
    Batch,      \* how many events one message may carry
    Patience,   \* for how long an answer may be taken for recent, in ticks
    State,      \* what a projection can be in
    Start,      \* the state of a projection before the first event
    Evolve      \* the state after a state and an event

ASSUME /\ Careful \subseteq Session
       /\ Pushed \subseteq Model
       /\ Batch > 0
       /\ Start \in State
       /\ Evolve \in [State \X Event -> State]

VARIABLES
    (* The write side. *)
    decided,        \* for each shard the events committed so far
    log,            \* for each node and shard its copy of the log
    commitIndex,    \* how much of that the node knows to be committed; a crash wipes it out
    (* A node as a source of events; a crash wipes it out. *)
    sent,           \* for each read model and shard up to where events have been sent to it, or Nobody
    (* A read model. *)
    source,         \* the node that it follows
    copy,           \* for each shard the events that it has taken
    since,          \* when it asked for what it was last told by this source, and 0 if nothing was
    folded,         \* how many of the events are in its projection
    state,          \* the state of its projection
    (* A session. *)
    token,          \* for each shard the highest position that it has read or written
    (* The world outside. *)
    now,            \* the clock
    network,        \* the messages that may still arrive
    (* Ghosts, for the properties only. *)
    seen,           \* for each session and shard the highest position of an answer
    written,        \* for each session and shard the position of its last write
    knew,           \* for each node what it knew to be committed at each tick, and has not forgotten since
    answer          \* what the last answer to a query said and lacked

vars == <<decided, log, commitIndex, sent, source, copy, since, folded, state, token, now, network,
          seen, written, knew, answer>>

-----------------------------------------------------------------------------
(* Small words. *)

Minimum(a, b) == IF a < b THEN a ELSE b
Maximum(a, b) == IF a > b THEN a ELSE b

Prefix(s, n) == SubSeq(s, 1, n)
IsPrefix(s, t) == Len(s) <= Len(t) /\ Prefix(t, Len(s)) = s

NoneOfAny == [h \in Shard |-> 0]

\* The state that these events make of state s.
Fold(s, events) ==
    LET after[k \in 0 .. Len(events)] == IF k = 0 THEN s ELSE Evolve[<<after[k - 1], events[k]>>]
    IN after[Len(events)]

-----------------------------------------------------------------------------
(* What the variables hold. *)

\* A read model asks for what follows its copy, and perhaps for what will.
Ask == [type : {"Ask"}, from : Model, to : Node, shard : Shard, after : Nat, time : Nat, subscribe : BOOLEAN]

\* A source sends what it knows to follow.  `end` is how much it knows; `time` is that of the question, 0 without one.
News == [type : {"News"}, from : Node, to : Model, shard : Shard, after : Nat, events : Seq(Event),
         end : Nat, time : Nat]

TypeOK ==
    /\ decided \in [Shard -> Seq(Event)]
    /\ log \in [Node -> [Shard -> Seq(Event)]]
    /\ commitIndex \in [Node -> [Shard -> Nat]]
    /\ sent \in [Node -> [Model -> [Shard -> Nat \cup {Nobody}]]]
    /\ source \in [Model -> Node]
    /\ copy \in [Model -> [Shard -> Seq(Event)]]
    /\ since \in [Model -> [Shard -> Nat]]
    /\ folded \in [Model -> [Shard -> Nat]]
    /\ state \in [Model -> [Shard -> State]]
    /\ token \in [Session -> [Shard -> Nat]]
    /\ now \in Nat
    /\ network \subseteq Ask \cup News
    /\ seen \in [Session -> [Shard -> Nat]]
    /\ written \in [Session -> [Shard -> Nat]]
    /\ knew \in [Node -> Seq([Shard -> Nat])]
    /\ answer \in [unknown : BOOLEAN, lacks : SUBSET {"read", "written", "recent"}]

\* At first there are no events, and nobody has asked for any.
Init ==
    /\ decided = [h \in Shard |-> <<>>]
    /\ log = [n \in Node |-> [h \in Shard |-> <<>>]]
    /\ commitIndex = [n \in Node |-> NoneOfAny]
    /\ sent = [n \in Node |-> [r \in Model |-> [h \in Shard |-> Nobody]]]
    /\ source \in [Model -> Node]
    /\ copy = [r \in Model |-> [h \in Shard |-> <<>>]]
    /\ since = [r \in Model |-> NoneOfAny]
    /\ folded = [r \in Model |-> NoneOfAny]
    /\ state = [r \in Model |-> [h \in Shard |-> Start]]
    /\ token = [s \in Session |-> NoneOfAny]
    /\ now = 1
    /\ network = {}
    /\ seen = [s \in Session |-> NoneOfAny]
    /\ written = [s \in Session |-> NoneOfAny]
    /\ knew = [n \in Node |-> <<NoneOfAny>>]
    /\ answer = [unknown |-> FALSE, lacks |-> {}]

-----------------------------------------------------------------------------
(* The write side, as far as anybody can see it from here. *)

\* Node n holds one more event, which nobody has committed yet.
Hold(n, h, e) ==
    /\ log' = [log EXCEPT ![n][h] = Append(@, e)]
    /\ UNCHANGED <<decided, commitIndex, sent, source, copy, since, folded, state, token, now, network,
                   seen, written, knew, answer>>

\* Node n, which knows all that is committed, is the first to know that its next event is, too.  Session s, whose
\* command it was, is told the event's position.
Decide(n, h, s) ==
    /\ commitIndex[n][h] = Len(decided[h])
    /\ commitIndex[n][h] < Len(log[n][h])
    /\ LET position == commitIndex[n][h] + 1
       IN /\ decided' = [decided EXCEPT ![h] = Append(@, log[n][h][position])]
          /\ commitIndex' = [commitIndex EXCEPT ![n][h] = position]
          /\ written' = [written EXCEPT ![s][h] = position]
          /\ token' = [token EXCEPT ![s][h] = Maximum(@, position)]
    /\ UNCHANGED <<log, sent, source, copy, since, folded, state, now, network, seen, knew, answer>>

\* Node n gets to know that one more event is committed.  If it held another one in its place, that one is replaced,
\* and what followed it is gone.
Learn(n, h) ==
    /\ commitIndex[n][h] < Len(decided[h])
    /\ LET position == commitIndex[n][h] + 1
           agrees == IsPrefix(Prefix(decided[h], position), log[n][h])
       IN /\ log' = [log EXCEPT ![n][h] = IF agrees THEN @ ELSE Prefix(decided[h], position)]
          /\ commitIndex' = [commitIndex EXCEPT ![n][h] = position]
    /\ UNCHANGED <<decided, sent, source, copy, since, folded, state, token, now, network,
                   seen, written, knew, answer>>

\* Node n stops, and starts again.  It has its log, but not how much of it is committed, and it has no subscribers.
Crash(n) ==
    /\ commitIndex' = [commitIndex EXCEPT ![n] = NoneOfAny]
    /\ sent' = [sent EXCEPT ![n] = [r \in Model |-> [h \in Shard |-> Nobody]]]
    /\ knew' = [knew EXCEPT ![n] = [t \in 1 .. Len(@) |-> NoneOfAny]]
    /\ UNCHANGED <<decided, log, source, copy, since, folded, state, token, now, network, seen, written, answer>>

\* Time passes.
Tick ==
    /\ now' = now + 1
    /\ knew' = [n \in Node |-> Append(knew[n], commitIndex[n])]
    /\ UNCHANGED <<decided, log, commitIndex, sent, source, copy, since, folded, state, token, network,
                   seen, written, answer>>

\* Message m is lost: it will not arrive (again).
Lose(m) ==
    /\ network' = network \ {m}
    /\ UNCHANGED <<decided, log, commitIndex, sent, source, copy, since, folded, state, token, now,
                   seen, written, knew, answer>>

-----------------------------------------------------------------------------
(* A node as a source of events. *)

\* What node n has to tell about shard h to somebody who has the first `after` events: what it knows to be committed,
\* as much as a message may carry, and nothing that it merely holds.
NewsFor(n, h, r, after, time) ==
    [type |-> "News", from |-> n, to |-> r, shard |-> h, after |-> after,
     events |-> SubSeq(log[n][h], after + 1, Minimum(commitIndex[n][h], after + Batch)),
     end |-> commitIndex[n][h], time |-> time]

\* Node n is asked, and replies.  Who wants it is a subscriber from now on.
OnAsk(n, m) ==
    /\ m.type = "Ask"
    /\ m.to = n
    /\ LET news == NewsFor(n, m.shard, m.from, m.after, m.time)
       IN /\ network' = network \cup {news}
          /\ sent' = [sent EXCEPT ![n][m.from][m.shard] =
                         IF m.subscribe THEN m.after + Len(news.events) ELSE @]
    /\ UNCHANGED <<decided, log, commitIndex, source, copy, since, folded, state, token, now,
                   seen, written, knew, answer>>

\* Node n sends a subscriber what it has learned since it last sent it something, whether that has arrived or not.
Push(n, r, h) ==
    /\ sent[n][r][h] # Nobody
    /\ sent[n][r][h] < commitIndex[n][h]
    /\ LET news == NewsFor(n, h, r, sent[n][r][h], 0)
       IN /\ network' = network \cup {news}
          /\ sent' = [sent EXCEPT ![n][r][h] = @ + Len(news.events)]
    /\ UNCHANGED <<decided, log, commitIndex, source, copy, since, folded, state, token, now,
                   seen, written, knew, answer>>

\* Node n drops a subscription.  It may do so whenever it likes, for who still wants it will ask.
Drop(n, r, h) ==
    /\ sent[n][r][h] # Nobody
    /\ sent' = [sent EXCEPT ![n][r][h] = Nobody]
    /\ UNCHANGED <<decided, log, commitIndex, source, copy, since, folded, state, token, now, network,
                   seen, written, knew, answer>>

-----------------------------------------------------------------------------
(* A read model. *)

\* Read model r asks its source for what follows its copy.
Request(r, h) ==
    /\ network' = network \cup {[type |-> "Ask", from |-> r, to |-> source[r], shard |-> h,
                                 after |-> Len(copy[r][h]), time |-> now, subscribe |-> r \in Pushed]}
    /\ UNCHANGED <<decided, log, commitIndex, sent, source, copy, since, folded, state, token, now,
                   seen, written, knew, answer>>

\* The copy after a batch: only what follows is taken, and only if nothing is missing before it.
Extended(c, m) ==
    IF m.after <= Len(c) THEN c \o SubSeq(m.events, Len(c) - m.after + 1, Len(m.events)) ELSE c

\* News arrives at read model r, from its source or from a former one.  The projection follows at once, unless it is
\* behind already since it is being rebuilt.  If r holds all that its source had when it was asked, then it knows
\* since when it does: since the time of the question, and not of the reply.
OnNews(r, m) ==
    /\ m.type = "News"
    /\ m.to = r
    /\ LET h == m.shard
           before == copy[r][h]
           after == Extended(before, m)
           follows == folded[r][h] = Len(before)
           holdsAll == m.from = source[r] /\ m.end <= Len(after)
       IN /\ copy' = [copy EXCEPT ![r][h] = after]
          /\ folded' = [folded EXCEPT ![r][h] = IF follows THEN Len(after) ELSE @]
          /\ state' = [state EXCEPT ![r][h] =
                          IF follows THEN Fold(@, SubSeq(after, Len(before) + 1, Len(after))) ELSE @]
          /\ since' = [since EXCEPT ![r][h] = IF holdsAll THEN Maximum(@, m.time) ELSE @]
    /\ UNCHANGED <<decided, log, commitIndex, sent, source, token, now, network, seen, written, knew, answer>>

\* Read model r follows node n from now on.  It keeps what it has; of its new source it knows nothing yet.
Switch(r, n) ==
    /\ source[r] # n
    /\ source' = [source EXCEPT ![r] = n]
    /\ since' = [since EXCEPT ![r] = NoneOfAny]
    /\ UNCHANGED <<decided, log, commitIndex, sent, copy, folded, state, token, now, network,
                   seen, written, knew, answer>>

\* Read model r makes its projection anew, since the program that folds the events has changed, say.
Rebuild(r, h) ==
    /\ folded' = [folded EXCEPT ![r][h] = 0]
    /\ state' = [state EXCEPT ![r][h] = Start]
    /\ UNCHANGED <<decided, log, commitIndex, sent, source, copy, since, token, now, network,
                   seen, written, knew, answer>>

\* A projection that is being rebuilt takes one more event of the copy.
Replay(r, h) ==
    /\ folded[r][h] < Len(copy[r][h])
    /\ folded' = [folded EXCEPT ![r][h] = @ + 1]
    /\ state' = [state EXCEPT ![r][h] = Evolve[<<@, copy[r][h][folded[r][h] + 1]>>]]
    /\ UNCHANGED <<decided, log, commitIndex, sent, source, copy, since, token, now, network,
                   seen, written, knew, answer>>

-----------------------------------------------------------------------------
(* A session. *)

\* Whether read model r must say that it does not know how much it lags.
Unknown(r, h) == since[r][h] = 0 \/ since[r][h] + Patience < now

\* What node n knew to be committed for longer than Patience, and has not forgotten.
KnewLongAgo(n, h) == IF now > Patience THEN knew[n][now - Patience][h] ELSE 0

\* Session s asks read model r for the state of shard h, and is told the state, its position, and since when r does
\* not know more.  A projection that is being rebuilt does not answer, and neither does one that is behind the token.
Query(s, r, h) ==
    LET position == folded[r][h]
    IN /\ position = Len(copy[r][h])
       /\ s \in Careful => position >= token[s][h]
       /\ token' = [token EXCEPT ![s][h] = Maximum(@, position)]
       /\ seen' = [seen EXCEPT ![s][h] = Maximum(@, position)]
       /\ answer' = [unknown |-> Unknown(r, h),
                     lacks |-> (IF position < seen[s][h] THEN {"read"} ELSE {})
                         \cup (IF position < written[s][h] THEN {"written"} ELSE {})
                         \cup (IF ~ Unknown(r, h) /\ position < KnewLongAgo(source[r], h) THEN {"recent"} ELSE {})]
       /\ UNCHANGED <<decided, log, commitIndex, sent, source, copy, since, folded, state, now, network,
                      written, knew>>

-----------------------------------------------------------------------------

\* TLC names a step after the operator that holds its choice of a message, hence these names.
AskArrives(n)  == \E m \in network : OnAsk(n, m)
NewsArrives(r) == \E m \in network : OnNews(r, m)
MessageIsLost  == \E m \in network : Lose(m)

Next ==
    \/ \E n \in Node, h \in Shard, e \in Event : Hold(n, h, e)
    \/ \E n \in Node, h \in Shard, s \in Session : Decide(n, h, s)
    \/ \E n \in Node, h \in Shard : Learn(n, h)
    \/ \E n \in Node : Crash(n)
    \/ Tick
    \/ MessageIsLost
    \/ \E n \in Node : AskArrives(n)
    \/ \E n \in Node, r \in Model, h \in Shard : Push(n, r, h)
    \/ \E n \in Node, r \in Model, h \in Shard : Drop(n, r, h)
    \/ \E r \in Model, h \in Shard : Request(r, h)
    \/ \E r \in Model : NewsArrives(r)
    \/ \E r \in Model, n \in Node : Switch(r, n)
    \/ \E r \in Model, h \in Shard : Rebuild(r, h)
    \/ \E r \in Model, h \in Shard : Replay(r, h)
    \/ \E s \in Session, r \in Model, h \in Shard : Query(s, r, h)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------
(* What must hold in every state. *)

\* Whatever a read model holds is committed, in its place.
PrefixOfCommitted == \A r \in Model, h \in Shard : IsPrefix(copy[r][h], decided[h])

\* The projection is the fold of the first events of the copy, rebuilt or not.
StateIsFold ==
    \A r \in Model, h \in Shard :
        folded[r][h] <= Len(copy[r][h]) /\ state[r][h] = Fold(Start, Prefix(copy[r][h], folded[r][h]))

\* No session is told less than it was told before.
MonotonicReads == "read" \notin answer.lacks

\* No session is told less than it has written.
ReadYourWrites == "written" \notin answer.lacks

\* An answer that does not say `unknown` holds all that its source has known for longer than Patience.
RecentIsTrue == "recent" \notin answer.lacks

\* A read model holds all that its source knew when it was asked.
SinceIsTrue ==
    \A r \in Model, h \in Shard : since[r][h] > 0 => Len(copy[r][h]) >= knew[source[r]][since[r][h]][h]

-----------------------------------------------------------------------------
(* What must hold of every step. *)

\* The cursor of a read model never moves back, whatever its source is.
CursorOnlyGrows == [][\A r \in Model, h \in Shard : IsPrefix(copy[r][h], copy'[r][h])]_copy

Log(h) == INSTANCE EventLog WITH events <- decided[h]

\* Each shard is a log that only grows.
Refines == [][\A h \in Shard : Log(h)!Extends]_decided
=============================================================================
