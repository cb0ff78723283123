--------------------------- MODULE MCShardedLedger ---------------------------
(***************************************************************************)
(* Models of ShardedLedger.  No constraint is needed: each operation is    *)
(* asked for once, so there are finitely many states.                      *)
(***************************************************************************)
EXTENDS ShardedLedger

\* Account x lives on shard p, and y and z on shard q.
HomeOf == [a \in Account |-> IF a = "x" THEN "p" ELSE "q"]

Moves(f, from, to, amount) == [do |-> f, from |-> from, to |-> to, amount |-> amount]
Of(f, account, amount) == [do |-> f, account |-> account, amount |-> amount]
Reads(account) == [do |-> "balance", account |-> account]

\* Transfers t and u and the exchange e are between shards, l and f on one; d comes in, w goes out, and the rest asks.
CommandOf ==
    [o \in {"t", "u", "e", "l", "f", "d", "w", "rx", "ry", "part", "sum"} |->
        CASE o = "t" -> Moves("transfer", "x", "y", 1)
          [] o = "u" -> Moves("transfer", "y", "x", 2)
          [] o = "e" -> Moves("exchange", "x", "y", 2)
          [] o = "l" -> Moves("transfer", "y", "z", 1)
          [] o = "f" -> Moves("exchange", "y", "z", 2)
          [] o = "d" -> Of("deposit", "y", 1)
          [] o = "w" -> Of("withdraw", "x", 2)
          [] o = "rx" -> Reads("x")
          [] o = "ry" -> Reads("y")
          [] o = "part" -> Reads("exchange")
          [] o = "sum" -> [do |-> "total"]]

\* What is on the accounts at first.
TwoOnX == [a \in Account |-> IF a = "x" THEN 2 ELSE 0]
OneEach == [a \in Account |-> 1]

\* Transfer t is done, and over for the coordinator; the shards have not heard that yet.
InitOver ==
    /\ transfer = <<[op |-> "t", brings |-> 1, stage |-> "committed"]>>
    /\ decisions = <<>>
    /\ ending = <<[answer |-> Done("yes", 1), exchanged |-> FALSE]>>
    /\ over = 1
    /\ shard = [s \in Shard |-> [free |-> [a \in Accounts(s) \union {"exchange", "outside"} |->
                                              CASE a = "x" -> Initial["x"] - 1
                                                [] a = "y" -> Initial["y"] + 1
                                                [] a = "exchange" -> 0
                                                [] a = "outside" -> 0 - Sum(Initial, Accounts(s))],
                                 version |-> 1, stage |-> <<"committed">>, doubt |-> <<>>, over |-> 0, said |-> <<>>]]
    /\ suffix = [s \in Shard |-> <<>>]
    /\ op = [o \in Operation |-> IF o = "t" THEN Done("yes", 1) ELSE Idle]
    /\ again = {}
    /\ ledger = [Opening EXCEPT !["x"] = @ - 1, !["y"] = @ + 1]
    /\ possible = [o \in Operation |-> {}]

-----------------------------------------------------------------------------
(* Witnesses: what must be reachable, stated as if it were not. *)

\* A withdrawal meets a transfer in doubt, and nothing happens; and one is declined, since the money is gone.
NeverMeets == ~ \E o \in Operation : Command[o].do = "withdraw" /\ op[o] = Failed
NeverDeclined == ~ \E o \in Operation : Command[o].do = "withdraw" /\ op[o] = Done("no", 0)

\* An exchange brings more than was given, and its part of "exchange" is read below zero.
NeverBelowZero == ~ \E o \in Operation : op[o].state = "done" /\ op[o].n < 0

\* A transfer is over and forgotten, and the request to prepare it, or the decisions, arrives once more at a shard that has
\* forgotten it, too, while another one is in doubt.
NeverForgotten == ~ \E s \in Shard : shard[s].over > 0 /\ InDoubt(shard[s]) # {}
=============================================================================
