---- MODULE Hours ----
EXTENDS Naturals
VARIABLE h
h2 == h * 2
Init == h \in 1..4
Advance == h' = IF h = 4 THEN 1 ELSE h + 1
Spec == Init /\ [][Advance]_h /\ WF_h(Advance)
====
