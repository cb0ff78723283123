------------------------------ MODULE Domains ------------------------------
(* A function whose domain grows with each step. *)
EXTENDS Naturals

VARIABLE known

Init == known = [k \in {0} |-> 0]
Grow == 5 \notin DOMAIN known /\ known' = [k \in DOMAIN known \cup {1 + CHOOSE n \in DOMAIN known : n + 1 \notin DOMAIN known} |-> 0]
Next == Grow
=============================================================================
