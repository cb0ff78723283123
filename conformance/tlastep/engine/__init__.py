"""The engine: one waist, `System`, and what explores it."""
