-------------------------- MODULE SequentialRegister --------------------------
(***************************************************************************)
(* One register, on which operations happen one after another.             *)
(*                                                                         *)
(* `tlastep linearizable` compiles this text, and asks of a history of     *)
(* clients' calls whether its operations can be put into an order in which *)
(* this register does all of them, each with the answer that it gave.      *)
(* Values and answers stand here as JSON texts, so that 1 is not "1".      *)
(***************************************************************************)
CONSTANTS
    Value,      \* what can be written
    Unknown     \* the answer of an operation that may have happened, and gave none

Nothing == "null"   \* what the register holds before the first write

VARIABLE value      \* what the register holds

Operation ==
    [f : {"read"}] \cup [f : {"write"}, value : Value] \cup [f : {"cas"}, from : Value, to : Value]

\* What can be answered; a write that is answered says nothing.
Answer == Value \cup {Nothing, "true", "false", Unknown}

TypeOK == value \in Value \cup {Nothing}

Init == value = Nothing

\* Operation op happens and gives this answer.  Of an operation whose answer is not known, this is how it has an effect.
Do(op, answer) ==
    \/ /\ op.f = "read"
       /\ answer = value
       /\ UNCHANGED value
    \/ /\ op.f = "write"
       /\ value' = op.value
    \/ /\ op.f = "cas"
       /\ IF answer = "false"
          THEN /\ value # op.from
               /\ UNCHANGED value
          ELSE /\ answer \in {"true", Unknown}
               /\ value = op.from
               /\ value' = op.to

Next == \E op \in Operation, answer \in Answer : Do(op, answer)

Spec == Init /\ [][Next]_value

\* Nothing appears in the register that is neither what it holds nor what was asked to be written.
ChangesAsAsked ==
    [][\E op \in Operation \ [f : {"read"}] : value' = IF op.f = "write" THEN op.value ELSE op.to]_value
=============================================================================
