------------------------------ MODULE EventLog ------------------------------
(***************************************************************************)
(* What total-order broadcast means, and nothing else: there is one        *)
(* sequence of committed events, everybody who looks sees a prefix of it,  *)
(* and the only thing that ever happens to it is that it grows at its end. *)
(*                                                                         *)
(* This module is a law.  Replication keeps many copies of the log and     *)
(* loses, repeats and reorders messages between them; it refines this      *)
(* module when the ghost `decided` stands for `events`.                    *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANT Event      \* the events that can be committed

VARIABLE events     \* the events committed so far, the oldest first

TypeOK == events \in Seq(Event)

\* At first nothing is committed.
Init == events = <<>>

\* One more event is committed, after all the others.
Commit(e) == events' = Append(events, e)

Next == \E e \in Event : Commit(e)

Spec == Init /\ [][Next]_events

-----------------------------------------------------------------------------
(* The law itself.  It does not count steps: a system that commits several *)
(* events at once obeys it as well as one that commits them one by one.    *)

\* Everything that was committed stays where it was.
Extends == /\ Len(events) <= Len(events')
           /\ SubSeq(events', 1, Len(events)) = events

AppendOnly == [][Extends]_events

Law == Init /\ AppendOnly

THEOREM Spec => Law
=============================================================================
