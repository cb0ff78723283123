---- MODULE Recursion ----
\* Recursive operators and functions, higher-order operators, LAMBDA, LET in LET.
EXTENDS Integers, Sequences, FiniteSets, TLC
VARIABLES set, total, order
RECURSIVE Sum(_), Even(_), Odd(_)
Sum(S) == IF S = {} THEN 0 ELSE LET x == CHOOSE y \in S : TRUE IN x + Sum(S \ {x})
Even(n) == n = 0 \/ Odd(n - 1)
Odd(n) == n # 0 /\ Even(n - 1)
Factorial[n \in 0..5] == IF n = 0 THEN 1 ELSE n * Factorial[n - 1]
Fold(op(_, _), base, S) ==
    LET RECURSIVE go(_, _)
        go(acc, T) == IF T = {} THEN acc
                      ELSE LET least == CHOOSE x \in T : \A y \in T : x <= y
                           IN go(op(acc, least), T \ {least})
    IN go(base, S)
Apply(f(_), x) == f(x)
Twice(f(_), x) == f(f(x))
Double(x) == 2 * x
Sorted(S) == SortSeq(Fold(LAMBDA s, x : Append(s, x), <<>>, S), LAMBDA l, r : l > r)
Init == set = {} /\ total = 0 /\ order = <<>>
Add == \E x \in (1..4) \ set :
    /\ set' = set \cup {x}
    /\ total' = Sum(set')
    /\ order' = Sorted(set')
Drop == /\ \E x \in {y \in set : Even(y) /\ Apply(LAMBDA z : z > 2, y)} : set' = set \ {x}
        /\ total' = Fold(LAMBDA l, r : l + r, 0, set')
        /\ order' = Sorted(set')
Next == Add \/ Drop
TotalIsSum == total = Fold(+, 0, set) /\ Twice(Double, total) = 4 * total
Numbers == Factorial[4] = 24 /\ Factorial[Cardinality(set)] >= 1 /\ ~Odd(10)
Descending == \A i \in 1..(Len(order) - 1) : order[i] > order[i + 1]
====
