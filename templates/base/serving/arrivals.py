"""Bodies that are still coming: one timer watches over all of them, since one each would be dear."""

import asyncio
import time
from collections.abc import Awaitable
from typing import TypeVar

from serving.errors import TooSlowToSend

Result = TypeVar("Result")

LOOK_EVERY_S = 0.1


class Arrivals:
    """Cancels what has not come by its time, at most `LOOK_EVERY_S` late."""

    def __init__(self) -> None:
        self._ends_at: dict[asyncio.Task[object], float] = {}
        self._late: set[asyncio.Task[object]] = set()
        self._watching = False

    async def wait_for(self, arrival: Awaitable[Result], ends_at: float) -> Result:
        """What arrives; `ends_at` is a time of `time.monotonic()`.

        Raises:
            TooSlowToSend: it has not come by then.
        """
        task = asyncio.current_task()
        assert task is not None
        self._ends_at[task] = ends_at
        if not self._watching:
            self._watching = True
            asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)
        try:
            return await arrival
        except asyncio.CancelledError:
            if task not in self._late:
                raise
            task.uncancel()
            raise TooSlowToSend("the deadline passed before the whole body had come") from None
        finally:
            del self._ends_at[task]
            self._late.discard(task)

    def _look(self) -> None:
        now = time.monotonic()
        for task in [task for task, ends_at in self._ends_at.items() if now >= ends_at]:
            self._late.add(task)
            task.cancel()
        self._watching = bool(self._ends_at)
        if self._watching:
            asyncio.get_running_loop().call_later(LOOK_EVERY_S, self._look)
