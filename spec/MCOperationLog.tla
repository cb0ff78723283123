--------------------------- MODULE MCOperationLog ---------------------------
(***************************************************************************)
(* Small models of OperationLog: a table of two rows.  One statement puts  *)
(* a random number into a row, the other deletes a row, and both take the  *)
(* row that they meet first.                                               *)
(***************************************************************************)
EXTENDS OperationLog

CONSTANT MaxLog

Keys == {"x", "y"}
Items == {1, 2}
Dice == {1, 2}
Statements == {"draw", "delete"}

\* The row that a statement without an order meets first.
Met(x) == IF x = 1 THEN "x" ELSE "y"

After(d, s, x) ==
    [d EXCEPT ![Met(x)] = IF s = "draw" THEN x ELSE Absent]

Bound == \A r \in Replica : Len(log[r]) <= MaxLog

\* Witness: a deposed primary that does not know it holds rows that no log will ever have.
NeverLost ==
    ~ \E r \in Replica :
        leads[r] /\ \E k \in 1 .. Len(decided) : k <= applied[r] /\ log[r][k] # decided[k]

\* Witness: two replicas have the same operations, and one of them has executed no statement for it.
NeverCopied ==
    ~ \E q, r \in Replica : q # r /\ leads[q] /\ ~ leads[r] /\ applied[q] = 2 /\ applied[r] = 2
=============================================================================
