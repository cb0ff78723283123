-------------------------- MODULE MCAtomicRegister --------------------------
(***************************************************************************)
(* Every atomic register obeys the law of versions: VersionedRegister is   *)
(* not too strict.  Two variables of history note what its versions are.   *)
(***************************************************************************)
EXTENDS AtomicRegister, Naturals, Sequences, TLC

VARIABLES
    writes,         \* the writes that took effect, in their order
    decidedAtCall   \* how many there were when an open read was called

NoteCall(r) == decidedAtCall' = [decidedAtCall EXCEPT ![r] = Len(writes)]
NoteEnd(r)  == decidedAtCall' = [decidedAtCall EXCEPT ![r] = 0]

NotedInit ==
    /\ Init
    /\ writes = <<>>
    /\ decidedAtCall = [r \in Read |-> 0]

NotedNext ==
    \/ \E w \in Write : Call(w) /\ UNCHANGED <<writes, decidedAtCall>>
    \/ \E r \in Read : Call(r) /\ NoteCall(r) /\ UNCHANGED writes
    \/ \E w \in Write : Put(w) /\ writes' = Append(writes, w) /\ UNCHANGED decidedAtCall
    \/ \E r \in Read : Get(r) /\ UNCHANGED <<writes, decidedAtCall>>
    \/ \E w \in Write : Return(w) /\ UNCHANGED <<writes, decidedAtCall>>
    \/ \E r \in Read : Return(r) /\ NoteEnd(r) /\ UNCHANGED writes
    \/ \E r \in Read : Lose(r) /\ NoteEnd(r) /\ UNCHANGED writes

\* What can be seen from outside: an operation is open from its call to its return, and answers when it returns.
Seen == "idle" :> "idle" @@ "called" :> "open" @@ "effective" :> "open" @@ "returned" :> "done" @@ "lost" :> "lost"

Versions == INSTANCE VersionedRegister WITH
    phase <- [o \in Operation |-> Seen[stage[o]]],
    answer <- [r \in Read |-> IF stage[r] = "returned" THEN found[r] ELSE Nothing]

\* With what is seen of it, every step is one that VersionedRegister allows.
RefinesVersions == [][Versions!Allowed]_<<value, stage, found, writes, decidedAtCall>>
=============================================================================
