------------------------ MODULE StatementReplication ------------------------
(***************************************************************************)
(* The other way to replicate a database, which is rejected: replicate the *)
(* statements.                                                             *)
(*                                                                         *)
(* Consensus is perfect here: there is one log of statements, and every    *)
(* replica carries them out in the same order.  But a statement that draws *)
(* a number, or takes whichever row it meets first, turns out otherwise on *)
(* each replica, and again after each restart.  OperationLog has the same  *)
(* statements, and replicas that agree.                                    *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Replica,            \* the replicas
    Key,                \* the keys of rows
    Item,               \* what a row can hold
    Absent,             \* there is no row
    Statement,          \* what can be asked of the database
    Randomness,         \* what can be drawn for a statement, on each replica anew
    Outcome(_, _, _)    \* the database after a statement, with what was drawn for it

ASSUME Absent \notin Item

VARIABLES
    statements,     \* the replicated log of statements
    executed,       \* how many of them each replica has carried out
    database        \* each replica's rows

vars == <<statements, executed, database>>

Empty == [k \in Key |-> Absent]

TypeOK ==
    /\ statements \in Seq(Statement)
    /\ \A r \in Replica : executed[r] \in 0 .. Len(statements)
    /\ database \in [Replica -> [Key -> Item \cup {Absent}]]

\* At first nothing has been asked.
Init ==
    /\ statements = <<>>
    /\ executed = [r \in Replica |-> 0]
    /\ database = [r \in Replica |-> Empty]

-----------------------------------------------------------------------------

\* Statement s is put on the replicated log.
Replicate(s) ==
    /\ statements' = Append(statements, s)
    /\ UNCHANGED <<executed, database>>

\* Replica r carries out the next statement, on its own, with x drawn for it.
Execute(r, x) ==
    /\ executed[r] < Len(statements)
    /\ database' = [database EXCEPT ![r] = Outcome(@, statements[executed[r] + 1], x)]
    /\ executed' = [executed EXCEPT ![r] = @ + 1]
    /\ UNCHANGED statements

\* Replica r stops, and starts again from the log of statements.
Restart(r) ==
    /\ executed' = [executed EXCEPT ![r] = 0]
    /\ database' = [database EXCEPT ![r] = Empty]
    /\ UNCHANGED statements

Next ==
    \/ \E s \in Statement : Replicate(s)
    \/ \E r \in Replica, x \in Randomness : Execute(r, x)
    \/ \E r \in Replica : Restart(r)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------

\* Two replicas that have carried out the same statements hold the same rows.
ReplicasAgree == \A q, r \in Replica : executed[q] = executed[r] => database[q] = database[r]
=============================================================================
