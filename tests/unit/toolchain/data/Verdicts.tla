---- MODULE Verdicts ----
(* One formula for each verdict that TLC can give. *)
EXTENDS Naturals, Sequences, TLC

CONSTANT Nil

VARIABLE x

Init == x = 0
Up == x < 2 /\ x' = x + 1
Down(k) == x >= k /\ x' = x - k
Next == Up \/ \E k \in {2} : Down(k)

Spec == Init /\ [][Next]_x
Ends == Init /\ [][Up]_x
StartsTwice == x \in {0, 1} /\ [][Up]_x
Asserts == Init /\ [][Up /\ Assert(x # 1, "one is too many")]_x
Applies == Init /\ [][x' = <<7>>[x]]_x

Small == x < 2
NotOne == x # 1
AssertsSmall == Assert(x < 2, "not small")
AlwaysSmall == [](x < 2)
Rises == [][x' > x]_x
Counts == Init /\ [][x' = x + 1]_x
Starts == <>(x = 0)
Arrives == <>(x = 5)
Stays == <>[](x = 5)
NoValue == <>(x = <<>>[5])
====
