---- MODULE Operators ----
\* Operators of the user's own, LOCAL definitions, powers, negative numbers, quantifiers over several variables.
EXTENDS Integers, Sequences
LOCAL INSTANCE FiniteSets
VARIABLES a, b
x (+) y == (x + y) % 4
x \prec y == x < y
LOCAL Half(n) == n \div 2
-----
Init == a = 0 /\ b = -4
Next == \/ a' = a (+) 1 /\ b' = -b
        \/ /\ \E i, j \in 0..2, k \in {3} : i \prec j /\ j \prec k /\ a' = Half(i + j + k)
           /\ b' = b
        \/ a' = 2^a % 5 /\ b' = -7 \div 2 + (-7 % 3)
Inv == /\ a \in 0..4
       /\ b \in -9..9
       /\ {n \in 0..6 : n % 2 = 1} = {1, 3, 5}
       /\ UNION {{1}, {2, 3}} = 1..3
       /\ \A S \in SUBSET {a, b}, n \in {1} : Cardinality(S) <= n + 1
       /\ "abc" # "abd" /\ ~(TRUE <=> FALSE)
====
