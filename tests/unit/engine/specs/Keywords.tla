---- MODULE Keywords ----
\* Names that Python, or the toolkit itself, keeps for something else.
EXTENDS Naturals, Sequences, FiniteSets
CONSTANTS None, True, lambda
VARIABLES in, class, def, s, t
set == {None, lambda}
print(list, str) == list \o <<str>>
member == 1
any(union) == \E member2 \in union : member2 = None
Init == in = None /\ class = <<>> /\ def = 0 /\ s = {} /\ t = FALSE
pass(from) == /\ in' = from /\ class' = print(class, from) /\ Len(class) < 3
              /\ UNCHANGED <<def, s, t>>
import == \E truth \in {1, 2}, equal \in {0} :
    /\ def' = truth + equal + member /\ s' = s \cup {truth}
    /\ t' = any(s' \cup set) /\ UNCHANGED <<in, class>>
Next == (\E and \in set : pass(and)) \/ import
TypeOK == /\ in \in set /\ class \in Seq(set) /\ \A apply \in DOMAIN class : class[apply] \in set
          /\ LET freeze(domain) == Cardinality(domain) IN freeze(s) <= 2
          /\ t \in BOOLEAN /\ True # None
====
