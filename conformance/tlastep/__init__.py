"""tlastep: step TLA+ and Python together, and show that they are the same machine."""
