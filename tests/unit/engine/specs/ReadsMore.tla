----------------------------- MODULE ReadsMore -----------------------------
(* An invariant that reads one variable at first, and later the other one, too. *)
EXTENDS Naturals
VARIABLES x, y

Init == x = 0 /\ y = 0

(* Each touches one variable only. *)
Raise == x' = 1 /\ y' = y
Count == y < 3 /\ y' = y + 1 /\ x' = x
Apart == Raise \/ Count

(* Each touches both. *)
RaiseFirst == y = 0 /\ x' = 1 /\ y' = y
CountAfter == x = 1 /\ y < 3 /\ y' = y + 1 /\ x' = x
Together == RaiseFirst \/ CountAfter

Small == x = 1 => y < 2
=============================================================================
