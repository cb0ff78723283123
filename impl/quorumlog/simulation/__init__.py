"""A world to run the core in, made of immutable values: servers, a network, crashes. Nothing here waits or happens.

`cluster` holds the world and its steps, `prepared` worlds in the middle of a story, `invariants` what must hold.
"""
