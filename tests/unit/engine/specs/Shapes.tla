---- MODULE Shapes ----
\* Tuples, records, nested EXCEPT, \E over tuples, functions of several arguments, x' \in S, sets of sets.
EXTENDS Naturals, Sequences, FiniteSets
VARIABLES grid, pair, rec, bag, flag
vars == <<grid, <<pair, rec>>, <<bag, <<flag>>>>>>
N == 1..2
Init ==
    /\ grid = [x \in N, y \in N |-> 0]
    /\ pair \in {<<1, "a">>, <<2, "b">>}
    /\ rec = [f |-> [x \in N |-> [g |-> x, h |-> <<x, x>>]], s |-> {}]
    /\ bag \in SUBSET {{1}, {1, 2}}
    /\ flag \in BOOLEAN
Turn == /\ \E <<x, y>> \in {p \in N \X N : p[1] <= p[2]} :
            /\ grid[x, y] < 1
            /\ grid' = [grid EXCEPT ![x, y] = @ + 1]
        /\ UNCHANGED <<<<pair, rec>>, bag, flag>>
Swap == /\ pair' \in {<<p[1] + 1, p[2]>> : p \in {pair}} \cup {<<1, "a">>}
        /\ pair'[1] < 4
        /\ UNCHANGED <<grid, rec, bag, flag>>
Deep == /\ \E i \in N, j \in 1..2 :
            rec' = [rec EXCEPT !.f[i].h[j] = (@ + 1) % 3, !.f[i].g = rec.f[i].h[j], !.s = @ \cup {<<i, j>>}]
        /\ Cardinality(rec.s) < 2
        /\ UNCHANGED <<grid, pair, bag, flag>>
Flip == /\ flag' = ~flag
        /\ bag' \in {b \in SUBSET bag : \A x \in b : 1 \in x}
        /\ UNCHANGED <<grid, pair, rec>>
Next == Turn \/ Swap \/ Deep \/ (flag /\ Flip)
Spec == Init /\ [][Next]_vars
TypeOK ==
    /\ grid \in [N \X N -> 0..1]
    /\ pair \in Nat \X {"a", "b"}
    /\ rec \in [f : [N -> [g : 0..2, h : Seq(0..2)]], s : SUBSET (N \X N)]
    /\ bag \subseteq SUBSET N
    /\ flag \in BOOLEAN
Onto == {grid[p] : p \in DOMAIN grid} \subseteq 0..1 /\ DOMAIN rec = {"f", "s"}
====
