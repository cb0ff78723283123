---- MODULE Chosen ----
\* CHOOSE over sets, tuples, records, model values and functions: TLC's order decides which one.
EXTENDS Integers, Sequences, FiniteSets
CONSTANTS Node, Nil
VARIABLES picked, step
Any(S) == CHOOSE x \in S : TRUE
Sets == SUBSET (1..3)
Init == picked = Any(Node) /\ step = 0
Next == /\ step < 9
        /\ step' = step + 1
        /\ picked' = CASE step = 0 -> Any({"b", "a", "ab"})
                       [] step = 1 -> Any({<<2, 1>>, <<1, 2>>, <<3>>})
                       [] step = 2 -> CHOOSE s \in Sets : Cardinality(s) = 2
                       [] step = 3 -> Any([1..2 -> {5, 4}])
                       [] step = 4 -> Any([x : {2, 1}, a : {3}])
                       [] step = 5 -> CHOOSE p \in Node \X (1..2) : p[2] > 1
                       [] step = 6 -> CHOOSE n \in -3..3 : n * n = 4
                       [] step = 7 -> Any({{3, 1}, {2}, {1, 2}})
                       [] step = 8 -> (CHOOSE <<x, y>> \in (1..3) \X (1..3) : x > y)
====
