---- MODULE Conditions ----
\* Actions with conditions in conditions, definitions of tuples of variables, CHOOSE of one outside a set, ENABLED with arguments.
EXTENDS Integers, Sequences, TLC
CONSTANT Proc
VARIABLES pc, stack, turn
inner == <<stack, turn>>
vars == <<pc, inner>>
NoOne == "no one"
State == {"a", "b", "c"}
Init == pc \in [Proc -> {"a"}] /\ stack = [p \in Proc |-> <<>>] /\ turn = NoOne
Step(p) ==
    CASE pc[p] = "a" -> /\ pc' = [pc EXCEPT ![p] = IF turn = NoOne THEN "b" ELSE "c"]
                        /\ IF turn = NoOne THEN turn' = p ELSE UNCHANGED turn
                        /\ UNCHANGED stack
      [] pc[p] = "b" -> \/ /\ pc' = [pc EXCEPT ![p] = "c"]
                           /\ UNCHANGED inner
                        \/ /\ stack' = [stack EXCEPT ![p] = <<[at |-> pc[p], who |-> turn]>> \o @]
                           /\ Len(stack[p]) < 2
                           /\ UNCHANGED <<pc, turn>>
      [] pc[p] = "c" -> IF stack[p] = <<>>
                        THEN IF turn = p THEN turn' = NoOne /\ pc' = [pc EXCEPT ![p] = "a"] /\ stack' = stack
                             ELSE FALSE
                        ELSE /\ pc' = [pc EXCEPT ![p] = Head(stack[p]).at]
                             /\ stack' = [stack EXCEPT ![p] = Tail(@)]
                             /\ UNCHANGED turn
Next == \E p \in Proc : Step(p) /\ Assert(pc[p] \in State, <<"bad", p>>)
Spec == Init /\ [][Next]_vars
Inv == /\ \A p \in Proc : (pc[p] = "b") => (turn = p)
       /\ \E p \in Proc : ENABLED Step(p)
       /\ pc \in [Proc -> State]
OneMove == [][\A p, q \in Proc : pc[p] # pc'[p] /\ pc[q] # pc'[q] => p = q]_vars
====
