"""Runs of a model in a bounded pool of threads, as many as there are cores; what nobody waits for is not started."""

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import onnxruntime as ort

from serving.call import current_call
from serving.metrics import Metrics
from serving.session import Session
from serving.tensors import Array

FATAL_ONLY = 4


class Threads:
    """The model's threads. onnxruntime lets go of the interpreter while it computes: runs are really side by side."""

    def __init__(self, session: Session, count: int, metrics: Metrics) -> None:
        self.count = count
        self._session = session
        self._metrics = metrics
        self.pool = ThreadPoolExecutor(count, thread_name_prefix="model")

    async def run(self, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """One run for the current call.

        Raises:
            DeadlineExceeded, CallerGone: nobody waits any more; the run was not started, or is ended early.
            Unprocessable: the model refuses the input.
        """
        call = current_call.get()
        stop = ort.RunOptions()
        stop.log_severity_level = FATAL_ONLY  # a run that is ended early is no error, and errors reach the caller

        def work() -> list[Array]:
            call.check_deadline()
            return self.timed(feeds, outputs, stop)

        try:
            return await call.wait_for(self.submit(work))
        finally:
            stop.terminate = True  # no effect on a run that is over

    def submit(self, work: Callable[[], list[Array]]) -> asyncio.Future[list[Array]]:
        """Run `work` in a thread; a future that is cancelled before its turn is never run."""
        return asyncio.get_running_loop().run_in_executor(self.pool, work)

    def timed(
        self, feeds: Mapping[str, Array], outputs: Sequence[str], stop: ort.RunOptions | None = None
    ) -> list[Array]:
        """One run in the calling thread, measured."""
        started = time.perf_counter()
        results = self._session.run(feeds, outputs, stop)
        self._metrics.inference_seconds.observe(time.perf_counter() - started)
        return results

    def close(self) -> None:
        """Let the running ones finish and drop the rest."""
        with contextlib.suppress(RuntimeError):
            self.pool.shutdown(wait=True, cancel_futures=True)
