---- MODULE Unbagged ----
\* The standard module Bags.
EXTENDS Naturals, Bags
VARIABLE bag
Init == bag = EmptyBag
Add == \E x \in {"a", "b"} : BagCardinality(bag) < 4 /\ bag' = bag (+) SetToBag({x})
Drop == \E x \in BagToSet(bag) : bag' = bag (-) SetToBag({x})
Next == Add \/ Drop \/ (bag' = BagUnion({bag, EmptyBag}))
Inv == /\ IsABag(bag)
       /\ \A x \in BagToSet(bag) : BagIn(x, bag) /\ CopiesIn(x, bag) > 0
       /\ bag \sqsubseteq (bag (+) bag)
====
