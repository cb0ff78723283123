---- MODULE Twice ----
\* States that are found in several ways: disjunctions in guards, IMPLIES and equivalence in actions, primed tests.
EXTENDS Naturals
VARIABLES x, y
Init == (x = 0 \/ x = 1) /\ y \in {0, 1} /\ (y = 0 \/ x = 0 \/ x = 1)
Guard == x < 3 \/ y < 3
A == Guard /\ x' = (x + 1) % 5 /\ y' = y
B == (x = 1 => y = 1) /\ y' = (y + 1) % 4 /\ x' = x
C == /\ x' \in {x, y} /\ (x' = x \/ x' = y)
     /\ y' = IF x' > 2 THEN 0 ELSE y
D == /\ (\E k \in 0..2 : k <= x) /\ (x > 1 <=> y > 1)
     /\ UNCHANGED <<x, y>>
E == /\ \/ x = 0 /\ x' = 2
        \/ x # 0 /\ \/ x' = 3 
                    \/ x = 2 /\ x' = 0
     /\ (IF y = 0 THEN y' = 1 ELSE y' \in {0, y})
F == CASE x = 0 -> y' = 2 /\ x' = 1
       [] x = 1 -> (y' = 3 \/ y' = 2) /\ x' = x
       [] OTHER -> FALSE
G == ~(x = 0 \/ y = 0) /\ (x' = 0 /\ y' = 0) 
Next == A \/ B \/ C \/ D \/ E \/ F \/ G
Small == x <= 4 /\ y <= 3
====
