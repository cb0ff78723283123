---- MODULE Counter ----
EXTENDS Naturals
CONSTANTS Limit, Step
VARIABLE n
Inner == INSTANCE Words
Init == n = Inner!Zero
Up == n + Step <= Limit /\ n' = n + Step
Reset == n > 0 /\ n' = Inner!Zero
Next == Up \/ Reset
Bounded == n <= Limit
Within(k) == n <= k /\ n >= Inner!Zero
====
