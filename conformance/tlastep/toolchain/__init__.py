"""Java, SANY and TLC as functions, and readers of what they print. The only place that starts Java."""
