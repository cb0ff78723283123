---- MODULE Translated ----
\* What a translated PlusCal algorithm looks like: labels, a stack of calls, local variables, termination.
EXTENDS Naturals, Sequences, TLC
CONSTANT N
defaultInitValue == CHOOSE v : v = 0
VARIABLES total, lock, pc, stack, by, i
vars == << total, lock, pc, stack, by, i >>
ProcSet == (1..N) \cup {0}
Init == (* Global variables *)
        /\ total = 0
        /\ lock = FALSE
        /\ by = [ self \in ProcSet |-> 0]
        /\ i = [self \in 1..N |-> 1]
        /\ stack = [self \in ProcSet |-> << >>]
        /\ pc = [self \in ProcSet |-> CASE self \in 1..N -> "Loop"
                                        [] self = 0 -> "Watch"]
Take(self) == /\ pc[self] = "Take"
              /\ ~lock
              /\ lock' = TRUE
              /\ pc' = [pc EXCEPT ![self] = "Give"]
              /\ UNCHANGED << total, stack, by, i >>
Give(self) == /\ pc[self] = "Give"
              /\ total' = total + by[self]
              /\ lock' = FALSE
              /\ pc' = [pc EXCEPT ![self] = Head(stack[self]).pc]
              /\ by' = [by EXCEPT ![self] = Head(stack[self]).by]
              /\ stack' = [stack EXCEPT ![self] = Tail(stack[self])]
              /\ UNCHANGED << i >>
add(self) == Take(self) \/ Give(self)
Loop(self) == /\ pc[self] = "Loop"
              /\ IF i[self] <= 2
                    THEN /\ \E n \in {1, self}:
                              /\ /\ by' = [by EXCEPT ![self] = n]
                                 /\ stack' = [stack EXCEPT ![self] = << [ procedure |->  "add",
                                                                          pc        |->  "Loop",
                                                                          by        |->  by[self] ] >>
                                                                      \o stack[self]]
                              /\ pc' = [pc EXCEPT ![self] = "Take"]
                         /\ i' = [i EXCEPT ![self] = i[self] + 1]
                    ELSE /\ pc' = [pc EXCEPT ![self] = "Done"]
                         /\ UNCHANGED << stack, by, i >>
              /\ UNCHANGED << total, lock >>
worker(self) == Loop(self)
Watch == /\ pc[0] = "Watch"
         /\ Assert(total >= 0, "Failure of assertion at line 1, column 1.")
         /\ pc' = [pc EXCEPT ![0] = "Done"]
         /\ UNCHANGED << total, lock, stack, by, i >>
watcher == Watch
(* Allow infinite stuttering to prevent deadlock on termination. *)
Terminating == /\ \A self \in ProcSet: pc[self] = "Done"
               /\ UNCHANGED vars
Next == watcher
           \/ (\E self \in ProcSet: add(self))
           \/ (\E self \in 1..N: worker(self))
           \/ Terminating
Spec == /\ Init /\ [][Next]_vars
        /\ \A self \in 1..N : WF_vars(worker(self)) /\ WF_vars(add(self))
        /\ WF_vars(watcher)
Termination == <>(\A self \in ProcSet: pc[self] = "Done")
Held == lock => \E self \in 1..N : pc[self] = "Give"
====
