------------------------- MODULE VersionedRegister -------------------------
(***************************************************************************)
(* A register that is written and read by many at once, told by versions:  *)
(* version 0 is what it holds before the first write, version n what it    *)
(* holds after the n-th.  A read may answer any version that was current   *)
(* at some instant between its call and its return.                        *)
(*                                                                         *)
(* This is the atomic register (AtomicRegister) in a form that is easy to  *)
(* check of a system: whether an answer is right is known when it is       *)
(* given, from how many writes were decided when the read was called and   *)
(* how many are by now.  Nothing has to be guessed about the instant in    *)
(* between at which the read took effect, and that instant may well be in  *)
(* the past.  MCVersionedRegister shows, by brute force over all histories *)
(* of a few writes and reads, that whatever obeys this law is              *)
(* linearizable, and MCAtomicRegister that every atomic register obeys it. *)
(*                                                                         *)
(* This module is a law: ConsistentRead refines it.  A step of a system    *)
(* may decide and answer many operations together.                         *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Write,      \* the writes, each with a value of its own, so that a value says who wrote it
    Read,       \* the reads
    Nothing     \* what the register holds before the first write

ASSUME Write \cap Read = {} /\ Nothing \notin Write

VARIABLES
    writes,         \* the writes that are decided, in their order
    phase,          \* how far each operation is: "idle", "open", "done" or "lost"
    answer,         \* what each read was answered
    decidedAtCall   \* how many writes were decided when an open read was called

Operation == Write \cup Read

TypeOK ==
    /\ writes \in Seq(Write)
    /\ phase \in [Operation -> {"idle", "open", "done", "lost"}]
    /\ answer \in [Read -> Write \cup {Nothing}]
    /\ decidedAtCall \in [Read -> Nat]

\* At first nobody has asked for anything.
Init ==
    /\ writes = <<>>
    /\ phase = [o \in Operation |-> "idle"]
    /\ answer = [r \in Read |-> Nothing]
    /\ decidedAtCall = [r \in Read |-> 0]

-----------------------------------------------------------------------------

\* What the register holds after the first n of the writes ws.
Version(ws, n) == IF n = 0 THEN Nothing ELSE ws[n]

IsIn(w, ws) == \E k \in 1 .. Len(ws) : ws[k] = w

\* The decided writes stay where they are, and those that come after them have been called and are decided once.
WritesAreDecided ==
    /\ Len(writes) <= Len(writes')
    /\ SubSeq(writes', 1, Len(writes)) = writes
    /\ \A k \in Len(writes) + 1 .. Len(writes') :
        /\ phase[writes'[k]] # "idle"
        /\ ~ IsIn(writes'[k], SubSeq(writes', 1, k - 1))

\* A write is called, and returns once it is decided.  Whoever called it may hear nothing: then it stays open.
WriteMoves(w) ==
    \/ phase'[w] = phase[w]
    \/ phase[w] = "idle" /\ phase'[w] = "open"
    \/ phase[w] = "open" /\ phase'[w] = "done" /\ IsIn(w, writes')

\* A read is called, and returns with a version that was current since, or is lost and returns nothing.  It may be
\* called and return in one step.
ReadMoves(r) ==
    \/ /\ phase'[r] = phase[r]
       /\ answer'[r] = answer[r]
       /\ decidedAtCall'[r] = decidedAtCall[r]
    \/ /\ phase[r] = "idle" /\ phase'[r] = "open"
       /\ answer'[r] = answer[r]
       /\ decidedAtCall'[r] = Len(writes)
    \/ /\ phase[r] = "open" /\ phase'[r] = "done"
       /\ \E n \in decidedAtCall[r] .. Len(writes') : answer'[r] = Version(writes', n)
       /\ decidedAtCall'[r] = 0
    \/ /\ phase[r] = "idle" /\ phase'[r] = "done"
       /\ \E n \in Len(writes) .. Len(writes') : answer'[r] = Version(writes', n)
       /\ decidedAtCall'[r] = 0
    \/ /\ phase[r] = "open" /\ phase'[r] = "lost"
       /\ answer'[r] = answer[r]
       /\ decidedAtCall'[r] = 0

\* The law of a step.  It is only ever asked of two states, and says nothing of how to find the second.
Allowed ==
    /\ WritesAreDecided
    /\ \A w \in Write : WriteMoves(w)
    /\ \A r \in Read : ReadMoves(r)

Spec == Init /\ [][Allowed]_<<writes, phase, answer, decidedAtCall>>
=============================================================================
