---- MODULE Mixed ----
\* Functions over 1..n and over pairs, records that differ in their fields, model values beside numbers.
EXTENDS Naturals, Sequences, FiniteSets
CONSTANTS N, Nil
P == 1..N
VARIABLES owner, queue, box, token
Init == /\ owner = [p \in P |-> Nil]
        /\ queue = [p \in P |-> <<>>]
        /\ box = {}
        /\ token \in [P -> BOOLEAN] /\ Cardinality({p \in P : token[p]}) = 1
Holder == CHOOSE p \in P : token[p]
Ask(p) == /\ owner[p] = Nil /\ owner' = [owner EXCEPT ![p] = Holder]
          /\ box' = box \cup {[to |-> Holder, from |-> p]}
          /\ UNCHANGED <<queue, token>>
Note(p) == \E m \in box :
    /\ "to" \in DOMAIN m /\ m.to = p
    /\ queue' = [queue EXCEPT ![p] = Append(@, m.from)]
    /\ box' = box \ {m}
    /\ UNCHANGED <<owner, token>>
Pass(p) == /\ token[p] /\ queue[p] # <<>>
           /\ LET q == Head(queue[p]) IN
              /\ token' = [r \in P |-> r = q]
              /\ owner' = [owner EXCEPT ![q] = Nil]
              /\ box' = (box \ {m \in box : "note" \in DOMAIN m}) \cup {[note |-> q]}
           /\ queue' = [queue EXCEPT ![p] = Tail(@)]
Next == \E p \in P : Ask(p) \/ Note(p) \/ Pass(p)
Inv == /\ owner \in [P -> P \cup {Nil}]
       /\ \A p \in P : Len(queue[p]) <= N
       /\ Cardinality({p \in P : token[p]}) = 1
====
