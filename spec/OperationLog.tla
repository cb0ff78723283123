---------------------------- MODULE OperationLog ----------------------------
(***************************************************************************)
(* A database that knows neither commands nor events.                      *)
(*                                                                         *)
(* Statements are carried out in place, on the primary's own rows, and     *)
(* nobody can tell beforehand what comes of them: a statement may draw a   *)
(* number, read a clock, or delete whichever row it meets first.  So what  *)
(* is replicated is not the statement but the *operation*, the rows that   *)
(* it has changed, with their new values.  Applying an operation is        *)
(* deterministic, and applying it once more changes nothing.  Operations   *)
(* are this database's events, and their log goes through consensus like   *)
(* any other.                                                              *)
(*                                                                         *)
(* The primary's rows run ahead of what is decided, for it has carried its *)
(* statements out already.  A deposed primary cannot take them back.  It   *)
(* drops its rows, and recovers them from the log, as after a crash.       *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Replica,            \* the replicas
    Key,                \* the keys of rows
    Item,               \* what a row can hold
    Absent,             \* there is no row
    Statement,          \* what can be asked of the database
    Randomness,         \* what can be drawn for a statement
    Outcome(_, _, _),   \* the database after a statement, with what was drawn for it
    Nobody              \* no replica

ASSUME Absent \notin Item /\ Nobody \notin Replica

VARIABLES
    decided,    \* the operations that consensus has decided, for ever
    primary,    \* the replica that was last made the primary, or Nobody
    log,        \* each replica's copy of the log of operations; a crash keeps it
    leads,      \* whether each replica believes that it is the primary; a deposed one may not know it yet
    applied,    \* how many operations of its log are in each replica's database
    database    \* each replica's rows

vars == <<decided, primary, log, leads, applied, database>>

\* The first n of a sequence.
Prefix(s, n) == SubSeq(s, 1, n)

\* Whether one sequence is the beginning of another.
IsPrefix(s, t) == Len(s) <= Len(t) /\ s = Prefix(t, Len(s))

\* A database is a value for each key, and an operation a set of changed rows.
Database == [Key -> Item \cup {Absent}]
Operation == SUBSET (Key \X (Item \cup {Absent}))

Empty == [k \in Key |-> Absent]

\* The rows that differ, with what they hold afterwards.
Changed(before, after) == {<<k, after[k]>> : k \in {k \in Key : before[k] # after[k]}}

\* A database after an operation.
Written(d, op) == [k \in Key |-> IF \E row \in op : row[1] = k THEN (CHOOSE row \in op : row[1] = k)[2] ELSE d[k]]

\* The database that these operations make.
Recovered(ops) ==
    LET after[k \in 0 .. Len(ops)] == IF k = 0 THEN Empty ELSE Written(after[k - 1], ops[k])
    IN after[Len(ops)]

TypeOK ==
    /\ decided \in Seq(Operation)
    /\ primary \in Replica \cup {Nobody}
    /\ log \in [Replica -> Seq(Operation)]
    /\ leads \in [Replica -> BOOLEAN]
    /\ \A r \in Replica : applied[r] \in 0 .. Len(log[r])
    /\ database \in [Replica -> Database]

\* At first there is no row, and no primary.
Init ==
    /\ decided = <<>>
    /\ primary = Nobody
    /\ log = [r \in Replica |-> <<>>]
    /\ leads = [r \in Replica |-> FALSE]
    /\ applied = [r \in Replica |-> 0]
    /\ database = [r \in Replica |-> Empty]

-----------------------------------------------------------------------------
(* What a replica does. *)

\* A primary, deposed or not, that has applied its whole log carries out statement s, with x drawn for it, and puts
\* what it has changed on its log.
Execute(r, s, x) ==
    /\ leads[r]
    /\ applied[r] = Len(log[r])
    /\ LET after == Outcome(database[r], s, x)
       IN /\ log' = [log EXCEPT ![r] = Append(@, Changed(database[r], after))]
          /\ database' = [database EXCEPT ![r] = after]
    /\ applied' = [applied EXCEPT ![r] = @ + 1]
    /\ UNCHANGED <<decided, primary, leads>>

\* Replica r applies the next operation of its log: a primary all that are there, the others what is decided.
Apply(r) ==
    /\ applied[r] < Len(log[r])
    /\ leads[r] \/ IsPrefix(Prefix(log[r], applied[r] + 1), decided)
    /\ database' = [database EXCEPT ![r] = Written(@, log[r][applied[r] + 1])]
    /\ applied' = [applied EXCEPT ![r] = @ + 1]
    /\ UNCHANGED <<decided, primary, log, leads>>

\* A deposed primary hears of its successor.  It drops its rows, and with them what may never be decided.
StepDown(r) ==
    /\ leads[r]
    /\ primary # r
    /\ leads' = [leads EXCEPT ![r] = FALSE]
    /\ applied' = [applied EXCEPT ![r] = 0]
    /\ database' = [database EXCEPT ![r] = Empty]
    /\ UNCHANGED <<decided, primary, log>>

-----------------------------------------------------------------------------
(* What consensus does, and the world. *)

\* Replica r is made the primary.
Lead(r) ==
    /\ ~ leads[r]
    /\ IsPrefix(decided, log[r])
    /\ primary' = r
    /\ leads' = [leads EXCEPT ![r] = TRUE]
    /\ UNCHANGED <<decided, log, applied, database>>

\* The next operation of the newest primary is decided.
Agree ==
    /\ primary # Nobody
    /\ leads[primary]
    /\ Len(decided) < Len(log[primary])
    /\ decided' = Prefix(log[primary], Len(decided) + 1)
    /\ UNCHANGED <<primary, log, leads, applied, database>>

\* Replica r, which is not the primary, gets the log of the newest one.
Copy(r) ==
    /\ primary \notin {r, Nobody}
    /\ ~ leads[r]
    /\ log[r] # log[primary]
    /\ log' = [log EXCEPT ![r] = log[primary]]
    /\ UNCHANGED <<decided, primary, leads, applied, database>>

\* Replica r stops, and starts again with its log and no rows.
Restart(r) ==
    /\ leads' = [leads EXCEPT ![r] = FALSE]
    /\ applied' = [applied EXCEPT ![r] = 0]
    /\ database' = [database EXCEPT ![r] = Empty]
    /\ UNCHANGED <<decided, primary, log>>

Next ==
    \/ \E r \in Replica, s \in Statement, x \in Randomness : Execute(r, s, x)
    \/ \E r \in Replica : Apply(r)
    \/ \E r \in Replica : StepDown(r)
    \/ \E r \in Replica : Lead(r)
    \/ Agree
    \/ \E r \in Replica : Copy(r)
    \/ \E r \in Replica : Restart(r)

Spec == Init /\ [][Next]_vars

-----------------------------------------------------------------------------

\* Two replicas that have applied the same operations hold the same rows, although no statement is foreseeable.
ReplicasAgree ==
    \A q, r \in Replica :
        Prefix(log[q], applied[q]) = Prefix(log[r], applied[r]) => database[q] = database[r]

\* A database is what its operations make, whether statements made it, or operations, or a recovery.
DatabaseIsLog == \A r \in Replica : database[r] = Recovered(Prefix(log[r], applied[r]))

\* Whoever is not the primary holds nothing but what is decided.
OthersHoldDecided == \A r \in Replica : ~ leads[r] => IsPrefix(Prefix(log[r], applied[r]), decided)

\* An operation that is applied a second time changes nothing.
RepeatsAreHarmless ==
    \A r \in Replica : applied[r] > 0 => Written(database[r], log[r][applied[r]]) = database[r]

Log == INSTANCE EventLog WITH Event <- Operation, events <- decided

\* What is decided only grows, as EventLog's Law says.
Refines == [][Log!Extends]_decided
=============================================================================
