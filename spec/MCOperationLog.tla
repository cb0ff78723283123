--------------------------- MODULE MCOperationLog ---------------------------
(***************************************************************************)
(* Small models of OperationLog: a table of one row.  One statement counts *)
(* it up, the other deletes it if its time is over, and what time it is    *)
(* only the clock knows.                                                   *)
(***************************************************************************)
EXTENDS OperationLog

CONSTANT MaxLog

Keys == {"x"}
Items == {1, 2}
Clock == {"early", "late"}
Statements == {"count", "expire"}

After(d, s, x) ==
    IF s = "count" THEN [d EXCEPT !["x"] = IF @ = 1 THEN 2 ELSE 1]
    ELSE IF x = "late" THEN [d EXCEPT !["x"] = Absent] ELSE d

Bound == \A r \in Replica : Len(log[r]) <= MaxLog

\* Witness: a deposed primary that does not know it holds rows that no log will ever have.
NeverLost ==
    ~ \E r \in Replica :
        leads[r] /\ \E k \in 1 .. Len(decided) : k <= applied[r] /\ log[r][k] # decided[k]

\* Witness: two replicas have the same operations, and one of them has executed no statement for it.
NeverCopied ==
    ~ \E q, r \in Replica : q # r /\ leads[q] /\ ~ leads[r] /\ applied[q] = 2 /\ applied[r] = 2
=============================================================================
