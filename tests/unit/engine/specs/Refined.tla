---- MODULE Refined ----
\* A clock with seconds implements one with hours only: refinement with fairness, mapped variables, [A]_v of an instance.
EXTENDS Naturals
VARIABLES hour, second
Init == hour \in 0..3 /\ second = 0
Tick == second < 2 /\ second' = second + 1 /\ UNCHANGED hour
Turn == second = 2 /\ second' = 0 /\ hour' = (hour + 1) % 4
Next == Tick \/ Turn
vars == <<hour, second>>
Spec == Init /\ [][Next]_vars /\ WF_vars(Next)
Coarse == INSTANCE Hours WITH h <- hour + 1
Implements == Coarse!Spec
Advances == [][Coarse!Advance]_(Coarse!h2)
Leads == \A k \in 0..3 : hour = k ~> hour = (k + 1) % 4
====
