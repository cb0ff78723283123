---- MODULE Guarded ----
\* Where First is false, Second has no value. First stands before it, and is what counts.
EXTENDS Naturals, Sequences
VARIABLES x, log, y
First == x <= y
Second == log[x] = 1
Init == x = 1 /\ log = <<1>> /\ y = 1
Next == x' = x + 1 /\ UNCHANGED <<log, y>>
====
