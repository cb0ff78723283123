----------------------- MODULE MCStatementReplication -----------------------
(***************************************************************************)
(* Small models of StatementReplication, with the statements of            *)
(* MCOperationLog, and with statements that leave nothing to chance.       *)
(***************************************************************************)
EXTENDS StatementReplication

CONSTANT MaxStatements

Keys == {"x", "y"}
Items == {1, 2}
Dice == {1, 2}
Statements == {"draw", "delete"}

\* The row that a statement without an order meets first.
Met(x) == IF x = 1 THEN "x" ELSE "y"

RandomAfter(d, s, x) ==
    [d EXCEPT ![Met(x)] = IF s = "draw" THEN x ELSE Absent]

\* The same, if the die always falls on 1.
FixedAfter(d, s, x) == RandomAfter(d, s, 1)

Bound == Len(statements) <= MaxStatements

\* Witness: two replicas have carried out everything, and hold something.
NeverBoth ==
    ~ \A r \in Replica : executed[r] = 2 /\ database[r] # Empty
=============================================================================
