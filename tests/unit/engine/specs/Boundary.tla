---- MODULE Boundary ----
EXTENDS Constrained
Low == x < 6
====
