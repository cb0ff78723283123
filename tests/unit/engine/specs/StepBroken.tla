---- MODULE StepBroken ----
EXTENDS Naturals
VARIABLE n
Init == n = 0
Next == n' = (n + 1) % 4
Spec == Init /\ [][Next]_n
Monotonic == [][n' > n]_n
====
