"""Histories of clients' calls, and whether they are linearizable: format, models, two checkers, a picture."""
