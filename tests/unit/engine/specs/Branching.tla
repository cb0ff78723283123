---- MODULE Branching ----
\* How often TLC finds one next state: where it branches, and that it stops to once every variable has its value.
EXTENDS Naturals
VARIABLES pc, x, y
Init ==
    /\ pc = 0 /\ x \in 0..1
    /\ (x = 0 => (x = 0 \/ x # 5))
    /\ (\A z \in 0..1 : z = 0 \/ z # 3)
    /\ LET P == x = 1 \/ x # 7 IN P
    /\ LET P(v) == y = v \/ y = 3 IN P(0)
    /\ (x = 0 \/ y = 0)
A == x = x \/ y = y
Set(v) == x' = v /\ y' = 0
Before(c) == c /\ x' = 0 /\ y' = 0
Between(c) == x' = 0 /\ c /\ y' = 0
Twice(c) == (c \/ c) /\ UNCHANGED <<x, y>>
OneOrTwo(Op(_)) == Op(1) \/ Op(2)
Do(n, action) == pc = n /\ pc' = n + 1 /\ action
Next ==
    \/ pc = 0 /\ pc' = 1 /\ x' = 0 /\ y' = 0 /\ (x = 0 \/ y = 0)
    \/ pc = 1 /\ pc' = 2 /\ x' = 0 /\ y' = 0 /\ A /\ A
    \/ pc = 2 /\ pc' = 3 /\ x' = 0 /\ A /\ y' = 0
    \/ pc = 3 /\ pc' = 4 /\ y' = 0 /\ (x' = 0 \/ x' = 0) /\ A
    \/ pc = 4 /\ pc' = 5 /\ x' = 0 /\ (\E z \in 0..2 : z > 0 /\ y' = 0 /\ A)
    \/ pc = 5 /\ pc' = 6 /\ (x' = 0 /\ y' = 0) /\ A
    \/ pc = 6 /\ pc' = 7 /\ x' = 0 /\ [y' = 0]_y /\ A
    \/ pc = 7 /\ pc' = 8 /\ x' = 0 /\ [y' = 1 /\ A]_y
    \/ pc = 8 /\ pc' = 9 /\ x' = 0 /\ [y' = y]_y
    \/ pc = 9 /\ pc' = 10 /\ x' = 0 /\ <<y' = 1 \/ y' = 2>>_<<x, y>> /\ A
    \/ pc = 10 /\ pc' = 11 /\ x' = 0 /\ IF A THEN y' = 0 ELSE y' = 1
    \/ pc = 11 /\ pc' = 12 /\ LET B == A IN x' = 0 /\ B /\ y' = 0
    \/ pc = 12 /\ pc' = 13 /\ LET B == A IN B /\ x' = 0 /\ UNCHANGED y
    \/ pc = 13 /\ pc' = 14 /\ (x = x => A) /\ x' = 0 /\ y' = 0
    \/ pc = 14 /\ pc' = 15 /\ (\A z \in 0..1 : x = x \/ z = z) /\ x' = 0 /\ y' = 0
    \/ pc = 15 /\ pc' = 16 /\ Before(A)
    \/ pc = 16 /\ pc' = 17 /\ Between(A)
    \/ pc = 17 /\ pc' = 18 /\ Before(A /\ A)
    \/ pc = 18 /\ pc' = 19 /\ LET P(v) == x' = v IN (P(1) \/ P(2)) /\ y' = 0
    \/ pc = 19 /\ pc' = 20 /\ LET P(v) == x' = v \/ x' = 5 IN P(1) /\ y' = 0
    \/ pc = 20 /\ pc' = 21 /\ OneOrTwo(Set)
    \/ pc = 21 /\ pc' = 22 /\ OneOrTwo(LAMBDA v : x' = v /\ y' = 1)
    \/ pc = 22 /\ pc' = 23 /\ Twice(A)
    \/ pc = 23 /\ pc' = 24 /\ Between(y' = 1 \/ TRUE)
    \/ pc = 24 /\ pc' = 25 /\ LET z == x + 1 P == x' = z /\ y' = z IN z < 3 /\ P
    \/ pc = 25 /\ pc' = 26 /\ (A \equiv A) /\ x' = 0 /\ y' = 0
    \/ pc = 26 /\ pc' = 27 /\ x' = 0 /\ (x = 0 => y' = 0)
    \/ pc = 27 /\ pc' = 28 /\ (A = TRUE) /\ x' = 0 /\ y' = 0
    \/ Do(28, A /\ x' = 1 /\ y' \in {x', 1})
    \/ \E n \in {29, 30} : Do(n, x' = n /\ (y' = x \/ y' = x))
    \/ pc = 31 /\ pc' = 32 /\ y' = y /\ LET z == x' IN x' \in {1, 2} /\ z > 1
====
