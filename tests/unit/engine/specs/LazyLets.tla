---- MODULE LazyLets ----
\* LET definitions and operands that have no value where they are not needed.
EXTENDS Naturals, Sequences
VARIABLES s, n
First == s[1]
Or(c, x, y) == IF c THEN x ELSE y
Init == s = <<>> /\ n = 0
Push == \E v \in 1..2 : Len(s) < 3 /\ s' = Append(s, v) /\ n' = Or(s = <<>>, v, First)
Pop == LET top == s[Len(s)]
           rest == SubSeq(s, 1, Len(s) - 1)
       IN  IF s = <<>> THEN FALSE
           ELSE s' = rest /\ n' = top
Peek == LET h == Head(s) t == h + 1 IN s # <<>> /\ n' = t /\ s' = s
Next == Push \/ Pop \/ Peek
Inv == s = <<>> \/ LET m == CHOOSE i \in DOMAIN s : TRUE IN s[m] \in 1..2
Next2 == \/ Next
         \/ s # <<>> /\ s[1] = 2 /\ UNCHANGED <<s, n>>
====
