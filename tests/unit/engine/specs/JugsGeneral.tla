---- MODULE JugsGeneral ----
\* Jugs of any number and size, as functions; the capacities are a constant overridden by a definition.
EXTENDS Naturals
CONSTANTS Jug, Capacity, Goal
VARIABLE contents
TheJugs == {"j1", "j2", "j3"}
TheCapacity == [j \in TheJugs |-> CASE j = "j1" -> 2 [] j = "j2" -> 5 [] OTHER -> 7]
ASSUME Capacity \in [Jug -> {n \in Nat : n > 0}]
Min(m, n) == IF m < n THEN m ELSE n
Init == contents = [j \in Jug |-> 0]
Fill(j) == contents' = [contents EXCEPT ![j] = Capacity[j]]
Empty(j) == contents' = [contents EXCEPT ![j] = 0]
Pour(j, k) ==
    LET amount == Min(contents[j], Capacity[k] - contents[k])
    IN contents' = [contents EXCEPT ![j] = @ - amount, ![k] = @ + amount]
Next == \E j \in Jug : \/ Fill(j)
                       \/ Empty(j)
                       \/ \E k \in Jug \ {j} : Pour(j, k)
Bounded == \A j \in Jug : contents[j] \in 0 .. Capacity[j]
Sober == \A j \in Jug : contents[j] # Goal
====
