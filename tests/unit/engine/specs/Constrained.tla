---- MODULE Constrained ----
\* State and action constraints; invariants are checked at the boundary, steps that leave it are not followed.
EXTENDS Naturals
VARIABLES x, y
Init == x \in 0..1 /\ y = 0
Next == \/ x' = x + 1 /\ y' = y
        \/ y' = y + 1 /\ x' = x
        \/ x' = y /\ y' = x
Bound == x < 6
BoundY == y < 5
Calm == ~(x' = x /\ y' > 3)
AtMost == x <= 6 /\ y <= 6
====
