---- MODULE Instances ----
\* INSTANCE with parameters, nested, and with definitions as substitutes.
EXTENDS Naturals
VARIABLES left, right
Left(limit) == INSTANCE Counter WITH n <- left, Limit <- limit, Step <- 1
Sum == left + right
Both == INSTANCE Counter WITH n <- Sum, Limit <- 9, Step <- 2
Counter2 == INSTANCE Counter WITH n <- right, Limit <- 4, Step <- Left(2)!Inner!Two
Init == Left(3)!Init /\ Counter2!Init
Next == \/ Left(5)!Next /\ UNCHANGED right
        \/ Counter2!Next /\ UNCHANGED left
        \/ Left(2)!Reset /\ right > 1 /\ right' = 0
Inv == Left(5)!Bounded /\ Counter2!Bounded /\ Both!Bounded
Never == Both!Within(9)
====
