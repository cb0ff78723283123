------------------------ MODULE MCEventSourcingLedger ------------------------
(***************************************************************************)
(* The ledger on the single machine: EventSourcing, with what Ledger says  *)
(* for its commands and events.                                            *)
(***************************************************************************)
EXTENDS EventSourcing, Integers

CONSTANTS Accounts, Amounts, MaxCommands, MaxEvents

Books == INSTANCE Ledger WITH Account <- Accounts

LedgerCommands == Books!Commands(Amounts)
LedgerEvents == Books!Events
LedgerStates == [Books!Book -> Int]
LedgerStart == Books!Blank
LedgerDecided(s, c, r) == Books!Decided(s, c, r)
LedgerBooked(s, e) == Books!Booked(s, e)

Rates == {50, 150}

Bound == Len(commands) <= MaxCommands /\ Len(events) <= MaxEvents

-----------------------------------------------------------------------------

\* Whatever was added to one account was taken from another.
BooksBalance == Books!IsBalanced(state)

\* No account is overdrawn but "exchange" (and "outside", where all money comes from).
NoneIsOverdrawn == Books!IsCovered(state)

\* Only deposits and withdrawals change what everybody holds together.
TotalIsConserved ==
    [][\/ events' # events
       \/ folded' # folded + 1
       \/ Books!Total(state') = Books!Total(state)
       \/ events[folded'].was \in {"deposited", "withdrawn"}]_<<state, folded>>
=============================================================================
