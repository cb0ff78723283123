-------------------------- MODULE SequentialKeyValue --------------------------
(***************************************************************************)
(* The value of one key, on which operations happen one after another.     *)
(*                                                                         *)
(* Keys know nothing of each other, and what is linearizable for each key  *)
(* is linearizable as a whole, so one key is all there is to say.  As for  *)
(* SequentialRegister, `tlastep linearizable` compiles this text.          *)
(***************************************************************************)
EXTENDS Naturals, Sequences

CONSTANTS
    Text,       \* what can be put or appended
    Length,     \* a bound on texts, for a model of this module
    Unknown     \* the answer of an operation that may have happened, and gave none

VARIABLE value      \* the text; empty before the first put

Operation == [f : {"get"}] \cup [f : {"put", "append"}, value : Text]

\* The texts of up to n parts.
RECURSIVE Texts(_)
Texts(n) == IF n = 0 THEN {""} ELSE Texts(n - 1) \cup {s \o t : s \in Texts(n - 1), t \in Text}

\* What can be answered; a put or an append that is answered says nothing.
Answer == Texts(Length) \cup {Unknown}

TypeOK == value \in Texts(Length + 1)

Init == value = ""

\* Operation op happens and gives this answer.  Of an operation whose answer is not known, this is how it has an effect.
Do(op, answer) ==
    \/ /\ op.f = "get"
       /\ answer = value
       /\ UNCHANGED value
    \/ /\ op.f = "put"
       /\ value' = op.value
    \/ /\ op.f = "append"
       /\ value' = value \o op.value

Next == \E op \in Operation, answer \in Answer : Do(op, answer)

Spec == Init /\ [][Next]_value

\* An append leaves what was there, and a put nothing of it.
GrowsOrIsReplaced == [][\E t \in Text : value' \in {t, value \o t}]_value
=============================================================================
