--------------------------- MODULE SequentialLedger ---------------------------
(***************************************************************************)
(* One ledger, on which operations happen one after another.               *)
(*                                                                         *)
(* As for SequentialRegister, `tlastep linearizable` compiles this text.   *)
(*                                                                         *)
(* What an exchange brings was drawn at random when it was decided, and    *)
(* stands in its answer.  If nobody has heard the answer, the exchange may *)
(* have brought any amount.  So the books of this ledger say what is known *)
(* of the accounts, and not more: what each surely holds, and, of what     *)
(* unheard exchanges have brought, the least and the most that each set of *)
(* accounts can have got of it together.  Whatever is answered later       *)
(* narrows that.  Only the account "exchange", which pays, looks at        *)
(* several accounts at once; in a history that never names it each account *)
(* by itself is enough.                                                    *)
(*                                                                         *)
(* That this is exact, so that no ledger is forgotten and none is made up, *)
(* is what MCSequentialLedger checks.                                      *)
(***************************************************************************)
EXTENDS Integers

CONSTANTS
    Account,    \* the accounts, "exchange" among them
    Unsure,     \* those to which an exchange whose answer is unknown may bring money; never "exchange"
    Together,   \* whether sets of unsure accounts are looked at, and not only each account
    Amount      \* the amounts, for a model of this module

ASSUME Unsure \subseteq Account \ {"exchange"} /\ Together \in BOOLEAN

VARIABLE books

\* The sets of accounts of which the least and the most are known.
Sets == IF Together THEN SUBSET Unsure ELSE {{}} \cup {{a} : a \in Unsure}

Unlimited == -1     \* instead of a number, where there is no most

Transfers(f) == {op \in [f : {f}, from : Account, to : Account, amount : Amount] : op.from # op.to}

Operation ==
    [f : {"deposit", "withdraw"}, account : Account \ {"exchange"}, amount : Amount]
        \cup Transfers("transfer") \cup Transfers("exchange")
        \cup [f : {"balance"}, account : Account] \cup {[f |-> "total"]}

\* An answer: yes or no, with a number where the operation asks for one; or none was heard.
Answer ==
    [said : {"yes"}, n : -1 .. 3] \cup {[said |-> "no", n |-> 0], [said |-> "unknown", n |-> 0]}

TypeOK ==
    /\ books.held \in [Account -> Int]
    /\ books.least \in [Sets -> Nat]
    /\ books.most \in [Sets -> Nat \cup {Unlimited}]

Blank ==
    [held |-> [a \in Account |-> 0], least |-> [s \in Sets |-> 0], most |-> [s \in Sets |-> 0]]

Init == books = Blank

-----------------------------------------------------------------------------

Greater(m, n) == IF m < n THEN n ELSE m
Smaller(m, n) == IF m = Unlimited \/ n < m THEN n ELSE m
Plus(m, n) == IF m = Unlimited THEN Unlimited ELSE m + n
NotOver(m, n) == IF n = Unlimited THEN m ELSE Smaller(m, n)

\* The books if account a has got at least n, or at most n, from unheard exchanges.
GotAtLeast(b, a, n) ==
    [b EXCEPT
        !.least = [s \in Sets |-> IF a \in s THEN Greater(@[s], @[s \ {a}] + n) ELSE @[s]],
        !.most = [s \in Sets |->
            IF a \in s \/ s \cup {a} \notin Sets THEN @[s] ELSE NotOver(@[s], Plus(@[s \cup {a}], -n))]]

GotAtMost(b, a, n) ==
    [b EXCEPT
        !.least = [s \in Sets |->
            IF a \in s \/ s \cup {a} \notin Sets THEN @[s] ELSE Greater(@[s], @[s \cup {a}] - n)],
        !.most = [s \in Sets |-> IF a \in s THEN NotOver(@[s], Plus(@[s \ {a}], n)) ELSE @[s]]]

\* The same of all unsure accounts together: that is what "exchange" has paid.
PaidAtLeast(b, n) ==
    [b EXCEPT
        !.least = [s \in Sets |->
            IF b.most[Unsure \ s] = Unlimited THEN @[s] ELSE Greater(@[s], n - b.most[Unsure \ s])]]

PaidAtMost(b, n) == [b EXCEPT !.most = [s \in Sets |-> Smaller(@[s], n - b.least[Unsure \ s])]]

-----------------------------------------------------------------------------

\* Whether account a can hold n or more, and the books if it does.
CanHold(b, a, n) ==
    CASE a \in Unsure -> b.most[{a}] = Unlimited \/ b.held[a] + b.most[{a}] >= n
      [] a = "exchange" /\ Together -> b.held[a] - b.least[Unsure] >= n
      [] OTHER -> b.held[a] >= n

Holding(b, a, n) ==
    CASE a \in Unsure -> GotAtLeast(b, a, n - b.held[a])
      [] a = "exchange" /\ Together -> PaidAtMost(b, b.held[a] - n)
      [] OTHER -> b

\* Whether account a can hold less than n, and the books if it does.
CanLack(b, a, n) ==
    CASE a \in Unsure -> b.held[a] + b.least[{a}] < n
      [] a = "exchange" /\ Together -> b.most[Unsure] = Unlimited \/ b.held[a] - b.most[Unsure] < n
      [] OTHER -> b.held[a] < n

Lacking(b, a, n) ==
    CASE a \in Unsure -> GotAtMost(b, a, n - 1 - b.held[a])
      [] a = "exchange" /\ Together -> PaidAtLeast(b, b.held[a] - n + 1)
      [] OTHER -> b

\* The books after n more is on account a.
Post(b, a, n) == [b EXCEPT !.held[a] = @ + n]

\* The books after an exchange has brought an unknown amount to account a.
PostUnknown(b, a) ==
    IF a = "exchange" THEN b ELSE [b EXCEPT !.most = [s \in Sets |-> IF a \in s THEN Unlimited ELSE @[s]]]

\* What all accounts hold together: here what exchanges bring makes no difference.
RECURSIVE Sum(_, _)
Sum(held, accounts) ==
    IF accounts = {} THEN 0 ELSE LET a == CHOOSE a \in accounts : TRUE IN held[a] + Sum(held, accounts \ {a})

-----------------------------------------------------------------------------

Deposit(op, answer) ==
    /\ answer.said \in {"yes", "unknown"}
    /\ books' = Post(books, op.account, op.amount)

\* An operation that takes `amount` from account a: it is declined if there is less, and else Taken happens.
Take(a, amount, answer, Taken(_)) ==
    IF answer.said = "no"
    THEN /\ CanLack(books, a, amount)
         /\ books' = Lacking(books, a, amount)
    ELSE /\ CanHold(books, a, amount)
         /\ books' = Taken(Post(Holding(books, a, amount), a, -amount))

Withdraw(op, answer) == LET Taken(b) == b IN Take(op.account, op.amount, answer, Taken)

Transfer(op, answer) == LET Taken(b) == Post(b, op.to, op.amount) IN Take(op.from, op.amount, answer, Taken)

\* Whatever `to` gets more or less than was given, the account "exchange" makes good.
Exchange(op, answer) ==
    LET Taken(b) ==
            IF answer.said = "unknown" THEN PostUnknown(Post(b, "exchange", op.amount), op.to)
            ELSE Post(Post(b, op.to, answer.n), "exchange", op.amount - answer.n)
    IN Take(op.from, op.amount, answer, Taken)

Balance(op, answer) ==
    /\ answer.said = "yes"
    /\ CanHold(books, op.account, answer.n)
    /\ LET b == Holding(books, op.account, answer.n) IN
        /\ CanLack(b, op.account, answer.n + 1)
        /\ books' = Lacking(b, op.account, answer.n + 1)

Total(answer) ==
    /\ answer.said = "yes"
    /\ answer.n = Sum(books.held, Account)
    /\ UNCHANGED books

\* Operation op happens and gives this answer.  Of an operation whose answer is not known, this is how it has an effect.
Do(op, answer) ==
    \/ op.f = "deposit" /\ Deposit(op, answer)
    \/ op.f = "withdraw" /\ Withdraw(op, answer)
    \/ op.f = "transfer" /\ Transfer(op, answer)
    \/ op.f = "exchange" /\ Exchange(op, answer)
    \/ op.f = "balance" /\ Balance(op, answer)
    \/ op.f = "total" /\ Total(answer)

Next == \E op \in Operation, answer \in Answer : Do(op, answer)

Spec == Init /\ [][Next]_books
=============================================================================
