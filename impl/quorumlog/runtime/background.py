"""A loop in a thread of its own, for those who have none."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from threading import Lock, Thread
from typing import Any, TypeVar

Result = TypeVar("Result")


class Background:
    """Runs what is asynchronous beside the caller, who waits."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._lock = Lock()
        """Held by whoever tells the loop something, and by the loop when it hears for the last time."""
        self._thread = Thread(target=self._run, name="quorumlog", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        asyncio.set_event_loop(self.loop)
        self.loop.run_forever()
        with self._lock:  # what came in this moment would wait for ever
            self.loop.run_until_complete(self._cancel_all())
            self.loop.close()

    def wait(self, deed: Coroutine[Any, Any, Result]) -> Result:
        """Do this there, and wait for what comes of it. Control-C ends the waiting and the deed."""
        with self._lock:
            if self.loop.is_closed():
                deed.close()
                raise RuntimeError("it is closed")
            done = asyncio.run_coroutine_threadsafe(deed, self.loop)
        try:
            return done.result()
        except BaseException:
            done.cancel()
            raise

    def close(self) -> None:
        """End the loop; what is still going on in it is cancelled."""
        self.wait(self._cancel_all())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join()

    @staticmethod
    async def _cancel_all() -> None:
        others = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)
