---- MODULE FalseAssumption ----
EXTENDS Naturals
CONSTANT N
ASSUME N > 0
ASSUME Even == N % 2 = 0
VARIABLE n
Init == n = 0
Next == n' = n
====
