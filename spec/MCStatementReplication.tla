----------------------- MODULE MCStatementReplication -----------------------
(***************************************************************************)
(* Small models of StatementReplication, with the statements of            *)
(* MCOperationLog, and with statements that leave nothing to chance.       *)
(***************************************************************************)
EXTENDS StatementReplication

CONSTANT MaxStatements

Keys == {"x"}
Items == {1, 2}
Clock == {"early", "late"}
Statements == {"count", "expire"}

RandomAfter(d, s, x) ==
    IF s = "count" THEN [d EXCEPT !["x"] = IF @ = 1 THEN 2 ELSE 1]
    ELSE IF x = "late" THEN [d EXCEPT !["x"] = Absent] ELSE d

\* The same without the clock: the time of a row is over when it has come to 2.
FixedAfter(d, s, x) == RandomAfter(d, s, IF d["x"] = 2 THEN "late" ELSE "early")

Bound == Len(statements) <= MaxStatements

\* Witness: two replicas have carried out everything, and hold something.
NeverBoth ==
    ~ \A r \in Replica : executed[r] = 2 /\ database[r] # Empty
=============================================================================
