"""A node of PySyncObj, for the benchmark of clusters: it runs for ever, or with `--load` asks for so many seconds.

python bench/pysyncobj_node.py OWN OTHER OTHER [--load OUTSTANDING SECONDS]
"""

from __future__ import annotations

import json
import sys
import threading
import time

from pysyncobj import SyncObj, SyncObjConf, replicated

SIZE = 100
READY = 20.0


class Values(SyncObj):  # type: ignore[misc]  # the package has no types
    """Keys and values on all nodes."""

    def __init__(self, own: str, others: list[str]) -> None:
        super().__init__(own, others, SyncObjConf(dynamicMembershipChange=False))
        self.values: dict[str, str] = {}

    @replicated  # type: ignore[untyped-decorator]
    def put(self, key: str, value: str) -> None:
        """A key has this value."""
        self.values[key] = value


def load(node: Values, outstanding: int, seconds: float) -> dict[str, float]:
    """Keep so many writes outstanding: each answer asks for the next."""
    value = "x" * SIZE
    waited: list[float] = []
    failed: list[object] = []
    begun = time.perf_counter()
    until = begun + seconds
    over = threading.Semaphore(0)

    def ask(key: int) -> None:
        if time.perf_counter() >= until:
            over.release()
            return
        asked = time.perf_counter()

        def answered(_: object, error: object) -> None:
            if error:
                failed.append(error)
            else:
                waited.append(time.perf_counter() - asked)
            ask(key + outstanding)

        node.put(f"key{key % 1000}", value, callback=answered)

    for key in range(outstanding):
        ask(key)
    for _ in range(outstanding):
        over.acquire()
    took = time.perf_counter() - begun
    waited.sort()
    if not waited:
        raise SystemExit(f"nothing was answered; {len(failed)} failed")
    at = {name: waited[int(part * (len(waited) - 1))] * 1e6 for name, part in (("p50", 0.5), ("p99", 0.99))}
    return {"operations": len(waited), "seconds": took, **at}


def main() -> None:
    """See above."""
    words = sys.argv[1:]
    how = words[words.index("--load") + 1 :] if "--load" in words else None
    own, *others = words[: words.index("--load")] if how else words
    node = Values(own, others)
    if how is None:
        while True:
            time.sleep(1)
    until = time.monotonic() + READY
    while not node.isReady():
        if time.monotonic() > until:
            raise SystemExit("no leader")
        time.sleep(0.05)
    print(json.dumps(load(node, int(how[0]), float(how[1]))), flush=True)
    node.destroy()


if __name__ == "__main__":
    main()
