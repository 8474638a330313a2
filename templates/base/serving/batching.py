"""Micro-batching: requests that wait at the same moment share one run of the model.

There is no artificial delay: a thread takes what waits as soon as none is running, and what comes meanwhile makes the
next batch; where that grows fast enough, further threads take their part.
"""

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from serving.call import Call, CallerGone, current_call
from serving.deadlines import Deadlines
from serving.metrics import Metrics
from serving.tensors import Array
from serving.threads import Threads

SECOND_THREAD_FROM = 0.5  # of a full batch

Key = tuple[object, ...]
Result = list[Array] | Exception


@dataclass(slots=True, eq=False)
class Waiting:
    """One request in the queue; only those of equal `key` can share a run."""

    key: Key
    rows: int
    feeds: Mapping[str, Array]
    outputs: tuple[str, ...]
    call: Call
    answer: asyncio.Future[list[Array]]


class Batching:
    """Runs requests in batches of at most `most_rows` rows; a larger request runs alone."""

    def __init__(self, threads: Threads, metrics: Metrics, *, most_rows: int) -> None:
        self._threads = threads
        self._metrics = metrics
        self._most_rows = most_rows
        self._free = threads.count
        self._queue: list[Waiting] = []
        self._scheduled = False
        self._deadlines = Deadlines()

    async def run(self, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """The outputs for these rows, as if they had run alone.

        Raises:
            DeadlineExceeded, CallerGone: nobody waits any more.
            Unprocessable: the model refuses these rows; other requests of the batch are not harmed.
        """
        loop = asyncio.get_running_loop()
        call = current_call.get()
        answer: asyncio.Future[list[Array]] = loop.create_future()
        waiting = Waiting(_key(feeds, outputs), _rows(feeds), feeds, tuple(outputs), call, answer)
        self._queue.append(waiting)
        if not self._scheduled:  # after the requests that are being read right now, so that they come along
            self._scheduled = True
            loop.call_soon(self._start)
        self._deadlines.watch(answer, call.ends_at)
        try:
            return await answer
        finally:
            self._deadlines.forget(answer)

    def _start(self) -> None:
        self._scheduled = False
        while self._free and self._worth_a_thread() and (batch := self._next_batch()):
            self._free -= 1
            run = asyncio.get_running_loop().run_in_executor(self._threads.pool, self._results, batch)
            run.add_done_callback(partial(self._finish, batch))

    def _worth_a_thread(self) -> bool:
        """Whether to run now: a second thread for a few rows would cost more than letting them wait for the first."""
        idle = self._free == self._threads.count
        return idle or sum(waiting.rows for waiting in self._queue) >= self._most_rows * SECOND_THREAD_FROM

    def _next_batch(self) -> list[Waiting]:
        """The oldest request and those that fit to it, in the order in which they came."""
        self._queue = [waiting for waiting in self._queue if self._wanted(waiting)]
        if not self._queue:
            return []
        batch: list[Waiting] = []
        kept: list[Waiting] = []
        rows = 0
        key = self._queue[0].key
        for waiting in self._queue:
            if waiting.key == key and (not batch or rows + waiting.rows <= self._most_rows):
                batch.append(waiting)
                rows += waiting.rows
            else:
                kept.append(waiting)
        self._queue = kept
        return batch

    @staticmethod
    def _wanted(waiting: Waiting) -> bool:
        if waiting.answer.done():
            return False
        if waiting.call.caller_has_left():
            waiting.answer.set_exception(CallerGone())
            return False
        return waiting.call.remaining_ms > 0

    def _results(self, batch: list[Waiting]) -> list[Result]:
        """One result per request, in the model's thread. Where a batch fails, each runs alone, so one bad row does."""
        self._metrics.batch_rows.observe(sum(waiting.rows for waiting in batch))
        if len(batch) > 1:
            with contextlib.suppress(Exception):  # whose fault it is shows when each runs alone
                return self._together(batch)
        return [self._alone(waiting) for waiting in batch]

    def _together(self, batch: list[Waiting]) -> list[Result]:
        feeds = {name: np.concatenate([waiting.feeds[name] for waiting in batch]) for name in batch[0].feeds}
        results = self._threads.timed(feeds, batch[0].outputs)
        ends = np.cumsum([waiting.rows for waiting in batch])
        if any(len(result) != ends[-1] for result in results):
            raise ValueError("the model did not answer one row per row")
        return [
            [result[end - waiting.rows : end] for result in results]
            for waiting, end in zip(batch, ends.tolist(), strict=True)
        ]

    def _alone(self, waiting: Waiting) -> Result:
        try:
            return self._threads.timed(waiting.feeds, waiting.outputs)
        except Exception as error:  # it belongs to this caller, and is raised there
            return error

    def _finish(self, batch: list[Waiting], run: asyncio.Future[list[Result]]) -> None:
        self._free += 1
        for waiting, result in zip(batch, run.result(), strict=True):
            if waiting.answer.done():
                continue
            if isinstance(result, Exception):
                waiting.answer.set_exception(result)
            else:
                waiting.answer.set_result(result)
        self._start()


def _rows(feeds: Mapping[str, Array]) -> int:
    return len(next(iter(feeds.values())))


def _key(feeds: Mapping[str, Array], outputs: Sequence[str]) -> Key:
    return (tuple(outputs), *((name, array.shape[1:]) for name, array in sorted(feeds.items())))
