---- MODULE Growing ----
\* A function whose domain grows, a variable that changes its kind, @@ and :>, sequences of records.
EXTENDS Naturals, Sequences, FiniteSets, TLC
CONSTANTS Key
VARIABLES map, what, log
Init == map = <<>> /\ what = {} /\ log = <<>>
Put(k) == /\ k \notin DOMAIN map
          /\ map' = (k :> Len(log)) @@ map
          /\ log' = Append(log, [key |-> k, old |-> what])
          /\ what' = {k}
Delete(k) == /\ k \in DOMAIN map /\ Len(log) < 4
             /\ map' = [j \in DOMAIN map \ {k} |-> map[j]]
             /\ log' = log \o <<[key |-> k, old |-> what], [key |-> k, old |-> {}]>>
             /\ what' = IF DOMAIN map' = {} THEN {} ELSE {CHOOSE j \in DOMAIN map' : TRUE}
Shrink == log # <<>> /\ log' = SubSeq(log, 2, Len(log)) /\ UNCHANGED <<map, what>>
Next == (\E k \in Key : Put(k) \/ Delete(k)) \/ Shrink
Short == Len(log) <= 3
Some == SelectSeq(log, LAMBDA e : e.old # {})
Inv == Len(Some) <= Len(log) /\ \A e \in {log[i] : i \in DOMAIN log} : e.key \in Key
====
