------------------------ MODULE MCReplicationSeven ------------------------
(* MCReplicationWide for seven servers: the last two sleep at first.       *)
EXTENDS MCReplicationWide

CONSTANTS f, g
=============================================================================
