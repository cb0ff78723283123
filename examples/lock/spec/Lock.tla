-------------------------------- MODULE Lock --------------------------------
(* A lock that is handed on in the order in which it was asked for. *)
EXTENDS Naturals, Sequences

CONSTANTS Client, Nobody

VARIABLES
    holder,    \* who has the lock
    waiting    \* who has asked for it and not got it, the first one first

Queued(c) == \E k \in 1 .. Len(waiting) : waiting[k] = c

TypeOK == holder \in Client \union {Nobody} /\ waiting \in Seq(Client)

Init == holder = Nobody /\ waiting = <<>>

\* A client asks: it gets the lock if nobody has it, and waits otherwise.
Ask(c) ==
    /\ c # holder
    /\ ~Queued(c)
    /\ IF holder = Nobody
       THEN holder' = c /\ UNCHANGED waiting
       ELSE waiting' = Append(waiting, c) /\ UNCHANGED holder

\* The holder lets go, and the lock goes to the first that waits.
Release(c) ==
    /\ c = holder
    /\ IF waiting = <<>>
       THEN holder' = Nobody /\ UNCHANGED waiting
       ELSE holder' = Head(waiting) /\ waiting' = Tail(waiting)

\* A client that waits loses patience.
GiveUp(c) ==
    LET Others(d) == d # c
    IN  /\ Queued(c)
        /\ waiting' = SelectSeq(waiting, Others)
        /\ UNCHANGED holder

Next == \E c \in Client : Ask(c) \/ Release(c) \/ GiveUp(c)

Spec == Init /\ [][Next]_<<holder, waiting>>

\* Nobody waits for a lock that is free.
NoIdleLock == waiting # <<>> => holder # Nobody

\* Nobody waits for himself.
HolderDoesNotWait == ~Queued(holder)
=============================================================================
