---- MODULE Channel ----
\* A handshake: the sender flips `rdy`, the receiver flips `ack`.
EXTENDS Naturals
CONSTANT Data
VARIABLE chan
TypeOK == chan \in [val : Data, rdy : {0, 1}, ack : {0, 1}]
Init == TypeOK /\ chan.ack = chan.rdy
Send(d) == /\ chan.rdy = chan.ack
           /\ chan' = [chan EXCEPT !.val = d, !.rdy = 1 - @]
Receive == chan.rdy # chan.ack /\ chan' = [chan EXCEPT !.ack = 1 - @]
====
