---- MODULE Queue ----
\* A bounded queue between two channels, each an instance of Channel with its own variable.
EXTENDS Naturals, Sequences
CONSTANTS Data, Limit
VARIABLES in, out, q
In == INSTANCE Channel WITH chan <- in
Out == INSTANCE Channel WITH chan <- out
Init == In!Init /\ Out!Init /\ q = << >>
TypeOK == In!TypeOK /\ Out!TypeOK /\ q \in Seq(Data)
Put(d) == In!Send(d) /\ UNCHANGED <<out, q>>
TakeIn == In!Receive /\ q' = Append(q, in.val) /\ UNCHANGED out
Give == q # << >> /\ Out!Send(Head(q)) /\ q' = Tail(q) /\ UNCHANGED in
TakeOut == Out!Receive /\ UNCHANGED <<in, q>>
Next == (\E d \in Data : Put(d)) \/ TakeIn \/ Give \/ TakeOut
Spec == Init /\ [][Next]_<<in, out, q>>
Short == Len(q) <= Limit
====
