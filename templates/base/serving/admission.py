"""The bounded queue: as many requests as can be answered in reasonable time have a place, the rest come again later."""

import asyncio
import math

from serving.errors import Overloaded
from serving.metrics import Metrics

FEWEST, MOST = 4, 1024
BEFORE_MEASURED = 64
LOOK_EVERY_S = 0.05


class Admission:
    """Counts places; running and waiting requests hold one each, within `with`. Only the event loop uses it.

    A model that runs on the loop leaves no request waiting in here: they wait for their turn on the loop. So its delay
    counts, too: beyond `queue_ms` there is no place.
    """

    def __init__(self, metrics: Metrics, *, max_inflight: int | None, queue_ms: float) -> None:
        self._metrics = metrics
        self._fixed = max_inflight
        self._queue_ms = queue_ms
        self._taken = 0
        self._loop_delay_ms = 0.0
        self._retry_after_s = max(1, math.ceil(queue_ms / 1000))
        metrics.inflight.set_function(lambda: self._taken)
        self._set_places(max_inflight or BEFORE_MEASURED)

    def measured(self, request_ms: float, *, threads: int) -> None:
        """Set the number of places from what one request costs, so that nobody waits much longer than `queue_ms`."""
        if self._fixed is None:
            waiting = int(threads * self._queue_ms / max(request_ms, 0.001))
            self._set_places(min(MOST, max(FEWEST, threads + waiting)))

    async def watch_loop(self) -> None:
        """Keep measuring how late the loop comes to what is due, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + LOOK_EVERY_S
            await asyncio.sleep(LOOK_EVERY_S)
            self._loop_delay_ms = (loop.time() - due) * 1000

    def __enter__(self) -> None:
        """Take a place.

        Raises:
            Overloaded: there is none.
        """
        if self._taken >= self._places:
            raise Overloaded(f"all {self._places} places are taken; come again later", self._retry_after_s)
        if self._loop_delay_ms > self._queue_ms:
            raise Overloaded(f"requests wait for {self._loop_delay_ms:.0f} ms; come again later", self._retry_after_s)
        self._taken += 1

    def __exit__(self, *_: object) -> None:
        """Give it back."""
        self._taken -= 1

    def _set_places(self, places: int) -> None:
        self._places = places
        self._metrics.places.set(places)
