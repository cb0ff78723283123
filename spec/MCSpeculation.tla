---------------------------- MODULE MCSpeculation ----------------------------
(***************************************************************************)
(* Small models of Speculation.  A purse holds one coin at first.  Coins   *)
(* may be put in, as many as a die says, and one may be taken if there is  *)
(* one: two commands that both find the first coin would take it twice.    *)
(***************************************************************************)
EXTENDS Speculation

CONSTANTS MaxLog, Most

Commands == {"put", "take"}
Dice == {1, 2}
Events == {"one", "taken", "declined"}
States == 0 .. Most

\* The events of a command: two coins are two events, and one decision.
Decided(s, c, r) ==
    IF c = "put" THEN IF r = 1 THEN <<"one">> ELSE <<"one", "one">>
    ELSE IF s > 0 THEN <<"taken">> ELSE <<"declined">>

\* The coins after an event.
Coins(s, e) == IF e = "one" THEN s + 1 ELSE IF e = "taken" /\ s > 0 THEN s - 1 ELSE s

Bound == \A n \in Node : Len(log[n]) <= MaxLog

\* Witness: a deposed leader that does not know it has appended what is decided otherwise.
NeverWrong ==
    ~ \E n \in Node : leads[n] /\ \E k \in 1 .. Len(decided) : k <= Len(log[n]) /\ log[n][k] # decided[k]

\* Witness: what a deposed leader had appended is in the log of a new one, undecided.
NeverInherited ==
    ~ \E n, o \in Node : n # o /\ newest = n /\ leads[n] /\ leads[o] /\ log[n] = log[o] /\ Len(decided) < Len(log[n])
=============================================================================
