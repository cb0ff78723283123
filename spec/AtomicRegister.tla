--------------------------- MODULE AtomicRegister ---------------------------
(***************************************************************************)
(* What is meant by a consistent read: the system behaves as one register  *)
(* in one place.  However long an operation takes, it takes effect at one  *)
(* instant between its call and its return, all of it, and all operations  *)
(* take effect one after another.  That is linearizability.                *)
(*                                                                         *)
(* This module is a law.  A system has no such instants; VersionedRegister *)
(* says the same of what can be seen of it.                                *)
(***************************************************************************)
CONSTANTS
    Write,      \* the writes, each with a value of its own, so that a value says who wrote it
    Read,       \* the reads
    Nothing     \* what the register holds before the first write

ASSUME Write \cap Read = {} /\ Nothing \notin Write

VARIABLES
    value,      \* what the register holds
    stage,      \* how far each operation is: "idle", "called", "effective", "returned" or "lost"
    found       \* what each read found when it took effect

Operation == Write \cup Read

TypeOK ==
    /\ value \in Write \cup {Nothing}
    /\ stage \in [Operation -> {"idle", "called", "effective", "returned", "lost"}]
    /\ found \in [Read -> Write \cup {Nothing}]

\* At first nobody has asked for anything.
Init ==
    /\ value = Nothing
    /\ stage = [o \in Operation |-> "idle"]
    /\ found = [r \in Read |-> Nothing]

\* Somebody calls operation o.
Call(o) ==
    /\ stage[o] = "idle"
    /\ stage' = [stage EXCEPT ![o] = "called"]
    /\ UNCHANGED <<value, found>>

\* The one instant of write w.
Put(w) ==
    /\ stage[w] = "called"
    /\ stage' = [stage EXCEPT ![w] = "effective"]
    /\ value' = w
    /\ UNCHANGED found

\* The one instant of read r.
Get(r) ==
    /\ stage[r] = "called"
    /\ stage' = [stage EXCEPT ![r] = "effective"]
    /\ found' = [found EXCEPT ![r] = value]
    /\ UNCHANGED value

\* Operation o returns; if it is a read, with what it found.
Return(o) ==
    /\ stage[o] = "effective"
    /\ stage' = [stage EXCEPT ![o] = "returned"]
    /\ UNCHANGED <<value, found>>

\* Nobody will hear of read r, whether it has found anything or not.
Lose(r) ==
    /\ stage[r] \in {"called", "effective"}
    /\ stage' = [stage EXCEPT ![r] = "lost"]
    /\ UNCHANGED <<value, found>>

Next ==
    \/ \E o \in Operation : Call(o)
    \/ \E w \in Write : Put(w)
    \/ \E r \in Read : Get(r)
    \/ \E o \in Operation : Return(o)
    \/ \E r \in Read : Lose(r)

Spec == Init /\ [][Next]_<<value, stage, found>>
=============================================================================
