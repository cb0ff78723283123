----------------------------- MODULE MCEventLog -----------------------------
(* A small model of EventLog: everything up to a few events. *)
EXTENDS EventLog

CONSTANT MaxEvents

Bound == Len(events) <= MaxEvents

\* Witness: more than one event can be committed.
NeverTwo == Len(events) < 2
=============================================================================
