---- MODULE Counter ----
EXTENDS Naturals
CONSTANT Limit
VARIABLES count, note
Init == count = 0 /\ note = "a \"quoted\" \\n"
Up == count < Limit /\ count' = count + 1 /\ UNCHANGED note
Down(k) == count >= k /\ count' = count - k /\ UNCHANGED note
Next == Up \/ \E k \in 1..2 : Down(k)
Spec == Init /\ [][Next]_<<count, note>>
Small == count < 2
====
