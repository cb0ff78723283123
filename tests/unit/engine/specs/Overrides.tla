---- MODULE Overrides ----
\* Constant operators, definitions that the configuration replaces by values or by other definitions, strings in sets.
EXTENDS Naturals, FiniteSets
CONSTANTS Weight(_, _), Node, Start, Names, On
Big == 1..1000000
Nobody == CHOOSE v : v \notin Node
TheWeight(a, b) == IF a = b THEN 0 ELSE Cardinality(Node)
Reach == 100
Fewer == 2
VARIABLES at, cost, last, name
Init == at = Start /\ cost = 0 /\ last = Nobody /\ name \in Names
Go == \E m \in Node :
    /\ m # last \/ last = Nobody
    /\ at' = m /\ last' = at
    /\ cost' = cost + Weight(at, m)
    /\ name' \in Names
Next == On /\ cost < Reach /\ Go
Fine == cost \in Big /\ at \in Node
Inv == cost > 0 => Fine
====
