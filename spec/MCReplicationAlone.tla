------------------------- MODULE MCReplicationAlone -------------------------
(***************************************************************************)
(* Replication with one server: a single machine, which elects itself and  *)
(* decides what is on its own disk.                                        *)
(***************************************************************************)
EXTENDS Replication

CONSTANTS
    a,              \* the server by name
    MaxTerm,        \* its highest term
    MaxLog,         \* the longest log
    MaxOwed,        \* how many messages may wait for its disk
    MaxNetwork,     \* how many messages may be on their way at once
    Standing        \* the servers that may stand for election, and lead

ASSUME Server = {a} /\ Standing \subseteq Server

Bound ==
    /\ \A i \in Server : term[i] <= MaxTerm
    /\ \A i \in Server : Len(log[i]) <= MaxLog
    /\ \A i \in Server : Cardinality(owed[i]) <= MaxOwed
    /\ \A i \in Server \ Standing : role[i] = "follower"
    /\ Cardinality(network) <= MaxNetwork
=============================================================================
