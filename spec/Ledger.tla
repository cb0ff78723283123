-------------------------------- MODULE Ledger --------------------------------
(***************************************************************************)
(* The application: accounts, and money that moves between them.           *)
(*                                                                         *)
(* It is written as an application of EventSourcing: what a command        *)
(* becomes in a state, and what an event does to it.  Books are kept by    *)
(* double entry: whatever is added to one account is taken from another,   *)
(* so that all of them together always hold nothing.  Money that comes in  *)
(* or goes out is booked against the account "outside", and an exchange,   *)
(* whose rate is drawn when it is decided, is made good by the account     *)
(* "exchange", the only one of a client's accounts that may fall below     *)
(* zero.                                                                   *)
(***************************************************************************)
EXTENDS Integers, Sequences

CONSTANT Account    \* the accounts of clients

Book == Account \cup {"exchange", "outside"}

\* What can be asked, and what can be drawn: how many of a hundred are received.
Commands(amounts) ==
    [do : {"deposit", "withdraw"}, account : Account, amount : amounts]
        \cup {c \in [do : {"transfer", "exchange"}, from : Account, to : Account, amount : amounts] : c.from # c.to}
        \cup [do : {"balance"}, account : Account] \cup {[do |-> "total"]}

\* What can be decided.  A command that cannot be met is declined, and a question leaves an event that does nothing.
Events ==
    [was : {"deposited", "withdrawn"}, account : Account, amount : Nat]
        \cup [was : {"transferred"}, from : Account, to : Account, amount : Nat]
        \cup [was : {"exchanged"}, from : Account, to : Account, amount : Nat, received : Nat]
        \cup [was : {"asked"}, account : Account]
        \cup {[was |-> "declined"], [was |-> "askedTotal"]}

\* At first nobody has anything.
Blank == [a \in Book |-> 0]

-----------------------------------------------------------------------------

Received(amount, rate) == (amount * rate) \div 100

\* What a command becomes, in a state and with a rate.
Decided(s, c, rate) ==
    CASE c.do = "deposit" ->
            <<[was |-> "deposited", account |-> c.account, amount |-> c.amount]>>
      [] c.do = "withdraw" ->
            IF s[c.account] < c.amount THEN <<[was |-> "declined"]>>
            ELSE <<[was |-> "withdrawn", account |-> c.account, amount |-> c.amount]>>
      [] c.do = "transfer" ->
            IF s[c.from] < c.amount THEN <<[was |-> "declined"]>>
            ELSE <<[was |-> "transferred", from |-> c.from, to |-> c.to, amount |-> c.amount]>>
      [] c.do = "exchange" ->
            IF s[c.from] < c.amount THEN <<[was |-> "declined"]>>
            ELSE <<[was |-> "exchanged", from |-> c.from, to |-> c.to, amount |-> c.amount,
                    received |-> Received(c.amount, rate)]>>
      [] c.do = "balance" -> <<[was |-> "asked", account |-> c.account]>>
      [] c.do = "total" -> <<[was |-> "askedTotal"]>>

\* The books after n more is on account a.
Post(s, a, n) == [s EXCEPT ![a] = @ + n]

\* The books after an event.
Booked(s, e) ==
    CASE e.was = "deposited"   -> Post(Post(s, "outside", -e.amount), e.account, e.amount)
      [] e.was = "withdrawn"   -> Post(Post(s, e.account, -e.amount), "outside", e.amount)
      [] e.was = "transferred" -> Post(Post(s, e.from, -e.amount), e.to, e.amount)
      [] e.was = "exchanged"   ->
            Post(Post(Post(s, e.from, -e.amount), e.to, e.received), "exchange", e.amount - e.received)
      [] e.was \in {"declined", "asked", "askedTotal"} -> s

-----------------------------------------------------------------------------

\* What some accounts hold together.
RECURSIVE Sum(_, _)
Sum(s, accounts) ==
    IF accounts = {} THEN 0 ELSE LET a == CHOOSE a \in accounts : TRUE IN s[a] + Sum(s, accounts \ {a})

\* What everybody holds together, the account "exchange" included.
Total(s) == Sum(s, Book \ {"outside"})

\* Whatever was added to one account was taken from another.
IsBalanced(s) == Sum(s, Book) = 0

\* No account of a client is overdrawn.
IsCovered(s) == \A a \in Account : s[a] >= 0
=============================================================================
