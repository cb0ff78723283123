---- MODULE Nested ----
\* A function of functions, wrong off the diagonal.
EXTENDS Naturals
VARIABLE f
Key == {"a", "b"}
TypeOK == f \in [Key -> [Key -> Nat \ {0}]]
Init == f = [i \in Key |-> [j \in Key |-> 1]]
Next == f' = [f EXCEPT !["a"]["b"] = 0]
====
