---- MODULE Jugs ----
\* Two jugs of 3 and 5 litres: measure 4. The invariant is meant to fail.
EXTENDS Integers
VARIABLES small, big
Init == small = 0 /\ big = 0
Least(a, b) == IF a < b THEN a ELSE b
Pour == \/ /\ big' = Least(big + small, 5)
           /\ small' = small - (big' - big)
        \/ /\ small' = Least(big + small, 3)
           /\ big' = big - (small' - small)
Next == \/ small' = 3 /\ UNCHANGED big
        \/ big' = 5 /\ UNCHANGED small
        \/ small' = 0 /\ big' = big
        \/ big' = 0 /\ small' = small
        \/ Pour
TypeOK == small \in 0..3 /\ big \in 0..5
NotFour == big # 4
====
