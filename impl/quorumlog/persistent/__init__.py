"""Data structures that never change and share what they have in common. They know nothing of any protocol."""
