"""The application: a ledger, kept by double entry. `ledger.Ledger` is what a replica runs."""
