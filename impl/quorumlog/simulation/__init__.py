"""A world to run the core in: from immutable values that are stepped, to whole clusters under faults in virtual time.

As values, where nothing waits or happens: `cluster` is the world and its steps, `prepared` worlds in the middle of a
story, `invariants` what must hold. These are what bindings use.

In virtual time, from a seed: `run.run(schedule)` drives servers over a `links`, a `disk` and an `agenda` of what is to
happen, all of it held together by `world`; `profiles` make schedules (`faults`) out of seeds, `schedule_text` prints
and reads them, `strategies` shrinks them. Each step is told in the spec's actions, and judged (`watch`).
"""
