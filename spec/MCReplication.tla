--------------------------- MODULE MCReplication ---------------------------
EXTENDS Replication, TLC
CONSTANTS MaxTerm, MaxLog, MaxNetwork, MaxOwed, Standing
Bound ==
    /\ \A i \in Server : term[i] <= MaxTerm
    /\ \A i \in Server : Len(log[i]) <= MaxLog
    /\ \A i \in Server : Cardinality(owed[i]) <= MaxOwed
    /\ \A i \in Server \ Standing : role[i] = "follower"
    /\ Cardinality(network) <= MaxNetwork
=============================================================================
