---- MODULE Prisoners ----
\* A room with two switches; one prisoner counts, the others say once or twice that they were there.
EXTENDS Naturals, FiniteSets
CONSTANTS Prisoner, Counter
ASSUME Counter \in Prisoner /\ Cardinality(Prisoner) > 1
Others == Prisoner \ {Counter}
VARIABLES a, b, said, count, visited
vars == <<a, b, said, count, visited>>
Init == /\ a \in {"up", "down"} /\ b \in {"up", "down"}
        /\ said = [p \in Others |-> 0] /\ count = 0 /\ visited = {}
Other == /\ b' = (IF b = "up" THEN "down" ELSE "up") /\ UNCHANGED a
Says(p) ==
    /\ IF a = "down" /\ said[p] < 2
         THEN /\ a' = "up" /\ said' = [said EXCEPT ![p] = @ + 1] /\ UNCHANGED b
         ELSE Other /\ UNCHANGED said
    /\ UNCHANGED count
Counts ==
    /\ IF a = "up" THEN a' = "down" /\ count' = count + 1 /\ UNCHANGED b
                   ELSE Other /\ UNCHANGED count
    /\ UNCHANGED said
Visit(p) == /\ visited' = visited \cup {p}
            /\ IF p = Counter THEN Counts ELSE Says(p)
Done == count = 2 * Cardinality(Prisoner) - 2
Next == ~Done /\ \E p \in Prisoner : Visit(p)
Spec == Init /\ [][Next]_vars /\ WF_vars(Next)
Right == Done => visited = Prisoner
====
