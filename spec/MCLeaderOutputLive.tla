------------------------- MODULE MCLeaderOutputLive -------------------------
(***************************************************************************)
(* Liveness of LeaderOutput: once a leader stays, every command is         *)
(* answered, and every message to the outside is received and              *)
(* acknowledged.                                                           *)
(*                                                                         *)
(* Nothing is cut off here by a constraint.  It is the environment that    *)
(* offers only so much: leaders are elected in the order of terms, and     *)
(* crash or are deposed, at any moment, but in the last term; disks hold   *)
(* all that was written; so many proxies crash and so many commands are    *)
(* asked.  Requests, answers and messages may be lost for ever, but of     *)
(* those that are sent again and again some arrive.  What is addressed to  *)
(* a proxy that has crashed is lost at once.                               *)
(***************************************************************************)
EXTENDS MCLeaderOutput

\* The last term; the latest that has a leader, and whether it has one still.
Last == CHOOSE t \in Term : \A u \in Term : u <= t
Latest == IF Terms = {} THEN 0 ELSE CHOOSE t \in Terms : \A u \in Terms : u <= t
IsRuled == \E n \in Node : leads[n] /\ follows[n] = Latest

\* Nobody would do anything about what is addressed to a proxy that is gone, or about an answer that has been received.
LateRequest(m) == m.by # proxy \/ got[m.session][m.number] # Nil
LateAnswer(r) == r.to # proxy \/ got[r.session][r.number] # Nil
NothingIsLate == (\A m \in requests : ~ LateRequest(m)) /\ (\A r \in answers : ~ LateAnswer(r))

Sends(p, k) == k <= MaxAsked /\ \E x \in Expected : Send(p, k, x)
Returns(p, k) == \E r \in answers : r.session = p /\ r.number = k /\ Return(r)
ProxyCrashes == proxy < MaxProxy /\ ReplaceProxy
Asked(n, p, k) == \E m \in requests, e \in Event : m.session = p /\ m.number = k /\ OnRequest(n, m, e)
Commits(n) == \E k \in Index : Commit(n, k)
Decides == \E k \in Index : Latest # 0 /\ Decide(Latest, k)
Elects(n) == Latest < Last /\ Lead(n, Latest + 1)
Crashes(n) == leads[n] /\ follows[n] < Last /\ Crash(n, follows[n], Len(log[n]))
Deposes(n) == follows[n] < Last /\ StepDown(n)
Follows(n) == Latest # 0 /\ (Follow(n, Latest) \/ \E k \in Index : Copy(n, Latest, k))
Emits(n) == Emit(n)
Takes(k) == \E o \in sent : o.number = k /\ Take(o)
Acknowledges(n, k) == OnAcknowledgement(n, k)

Loses ==
    \/ \E m \in requests : LoseRequest(m)
    \/ \E r \in answers : LoseAnswer(r)
    \/ \E o \in sent : LoseMessage(o)

Forgets ==
    \/ \E m \in requests : LateRequest(m) /\ LoseRequest(m)
    \/ \E r \in answers : LateAnswer(r) /\ LoseAnswer(r)

Commands == 1 .. MaxAsked

LiveNext ==
    \/ Forgets
    \/ NothingIsLate /\ \E p \in Session, k \in Commands : Sends(p, k)
    \/ NothingIsLate /\ \E p \in Session, k \in Commands : Returns(p, k)
    \/ NothingIsLate /\ ProxyCrashes
    \/ NothingIsLate /\ \E n \in Node, p \in Session, k \in Commands : Asked(n, p, k)
    \/ NothingIsLate /\ \E n \in Node : Commits(n)
    \/ NothingIsLate /\ Decides
    \/ NothingIsLate /\ \E n \in Node : Elects(n)
    \/ NothingIsLate /\ \E n \in Node : Crashes(n)
    \/ NothingIsLate /\ \E n \in Node : Deposes(n)
    \/ NothingIsLate /\ \E n \in Node : Follows(n)
    \/ NothingIsLate /\ \E n \in Node : Emits(n)
    \/ NothingIsLate /\ \E k \in Index : Takes(k)
    \/ NothingIsLate /\ \E n \in Node, k \in Index : Acknowledges(n, k)
    \/ NothingIsLate /\ Loses

\* Clients, leaders and the outside do what they can do, somebody is elected when nobody leads, and of what is sent again
\* and again some arrives, on each link.
Fairness ==
    /\ WF_vars(Forgets)
    /\ \A p \in Session : \A k \in Commands : WF_vars(Sends(p, k)) /\ SF_vars(Returns(p, k))
    /\ \A n \in Node : \A p \in Session : \A k \in Commands : SF_vars(Asked(n, p, k))
    /\ \A n \in Node : WF_vars(Commits(n))
    /\ WF_vars(Decides)
    /\ WF_vars(~ IsRuled /\ \E n \in Node : Elects(n))

FairOutside ==
    /\ \A n \in Node : WF_vars(Emits(n))
    /\ \A k \in Index : SF_vars(Takes(k))
    /\ \A n \in Node : \A k \in Index : WF_vars(Acknowledges(n, k))

LiveSpec == Init /\ [][LiveNext]_vars /\ Fairness
LiveToTell == InitToTell /\ [][LiveNext]_vars /\ Fairness /\ FairOutside

-----------------------------------------------------------------------------

\* Every command that is asked is answered.
Answered ==
    \A p \in Session : \A k \in Commands : Len(got[p]) >= k ~> (Len(got[p]) >= k /\ got[p][k] # Nil)

\* Every message to the outside is received, and its acknowledgement is decided.
Told == \A k \in Index : Len(ToBeTold) >= k ~> (k = 0 \/ IsAcknowledged(k))

\* Witness: the leader of term 1 has crashed or was deposed in mid-command: nothing is decided, and somebody has asked.
NeverInMidCommand ==
    ~ \E n \in Node : follows[n] = 1 /\ ~ leads[n] /\ log[n] # <<>> /\ Decided = <<>> /\ \E p \in Session : got[p] # <<>>

\* Witness: a message is decided, and its leader has crashed before it was sent.
NeverToldLater == ~ (Latest = Last /\ IsRuled /\ sent = {} /\ outside = <<>> /\ ToBeTold # <<>>)
=============================================================================
