"""Deadlines of requests that wait: one timer, for the earliest of them, since one each would be dear."""

import asyncio
import math
import time
from typing import Any

from serving.errors import DeadlineExceeded


class Deadlines:
    """Gives `DeadlineExceeded` to answers that have not come in time. Only the event loop uses it."""

    def __init__(self) -> None:
        self._ends_at: dict[asyncio.Future[Any], float] = {}
        self._looks_at = math.inf
        self._timer: asyncio.TimerHandle | None = None

    def watch(self, answer: asyncio.Future[Any], ends_at: float) -> None:
        """Expect `answer` until `ends_at`, a time of `time.monotonic()`; `forget` has to follow."""
        self._ends_at[answer] = ends_at
        if ends_at < self._looks_at:  # rare: most requests have the same time, so a later one ends later
            self._look_at(ends_at)

    def forget(self, answer: asyncio.Future[Any]) -> None:
        """The answer has come, or nobody waits for it."""
        del self._ends_at[answer]

    def _look_at(self, ends_at: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._looks_at = ends_at
        self._timer = asyncio.get_running_loop().call_later(max(0.0, ends_at - time.monotonic()), self._look)

    def _look(self) -> None:
        now = time.monotonic()
        self._timer, self._looks_at = None, math.inf
        later = [ends_at for ends_at in self._ends_at.values() if ends_at > now]
        for answer, ends_at in self._ends_at.items():
            if ends_at <= now and not answer.done():
                answer.set_exception(
                    DeadlineExceeded("the deadline passed while the request was waiting for the model")
                )
        if later:
            self._look_at(min(later))
