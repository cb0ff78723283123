---- MODULE Enabled ----
\* ENABLED, [A]_v and <<A>>_v inside actions and properties, steps as properties, prime of expressions.
EXTENDS Naturals
VARIABLES pc, n, seen
vars == <<pc, n, seen>>
Init == pc = "idle" /\ n = 0 /\ seen = FALSE
Begin == pc = "idle" /\ n < 4 /\ pc' = "busy" /\ n' = n + 1 /\ UNCHANGED seen
End == pc = "busy" /\ pc' = "idle" /\ UNCHANGED <<n, seen>>
Look == /\ ENABLED Begin /\ ~ENABLED End
        /\ seen' = ~seen /\ UNCHANGED <<pc, n>>
Reset == n = 4 /\ pc = "idle" /\ n' = 0 /\ [seen' = FALSE]_seen /\ pc' = pc
Next == Begin \/ End \/ Look \/ Reset
Spec == Init /\ [][Next]_vars /\ WF_vars(Begin) /\ WF_vars(End)
Twice(x) == x * 2
Grows == [][Twice(n)' >= Twice(n) \/ n' = 0]_n
Alternates == [][pc' # pc => (n' = n \/ pc = "idle")]_vars
Starts == pc = "idle" /\ [](n <= 4)
Can == ENABLED Next
Live == <>(n = 4)
====
