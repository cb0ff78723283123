---- MODULE Stuck ----
EXTENDS Naturals
VARIABLE n
Init == n \in 0..2
Next == n > 0 /\ n < 7 /\ n' = n + 1
====
