---- MODULE Endless ----
\* Functions over Nat, sets that are never written out, and functions of several arguments.
EXTENDS Integers, Sequences
VARIABLES n, f
Power[b \in Nat, e \in Nat] == IF e = 0 THEN 1 ELSE b * Power[b, e - 1]
Fib[k \in Nat] == IF k < 2 THEN k ELSE Fib[k - 1] + Fib[k - 2]
Next1[k \in Nat] == k + 1
Plus == [a, b \in Int |-> a + b]
Pairs == [k \in 1..2, l \in {"x"} |-> <<k, l>>]
Even == {k \in Nat : k % 2 = 0}
Positive == Nat \ {0}
Init == n = 0 /\ f = [k \in {} |-> k]
Step == /\ n < 9 /\ n' = Next1[n] /\ f' = [k \in 0..n |-> Fib[k]]
Jump == /\ n \in Even /\ n' = Plus[n, Power[2, 2]] /\ n' < 12 /\ UNCHANGED f
Back == n \in Positive /\ n' = Plus[n, -1] /\ f' = [f EXCEPT ![0] = @]
Next == Step \/ Jump \/ Back
Inv == /\ n \in Nat \cup {-1} /\ f \in [DOMAIN f -> Nat]
       /\ Pairs[2, "x"] = <<2, "x">> /\ <<n>> \in Seq(Nat) /\ {n} \in SUBSET Int
       /\ [a |-> n] \in [a : Int] /\ <<n, "s">> \in Nat \X STRING
====
