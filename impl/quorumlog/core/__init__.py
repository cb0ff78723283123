"""The functional core: immutable values and pure functions, without clock, socket, file or random source."""
