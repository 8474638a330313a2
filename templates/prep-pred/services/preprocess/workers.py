"""Threads that prepare images, as many as there are cores: decoding never holds the event loop."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from serving.call import Call, current_call
from serving.errors import DeadlineExceeded

Result = TypeVar("Result")


class Workers:
    """A bounded pool; what nobody waits for is not started. Pillow lets go of the interpreter as it decodes."""

    def __init__(self, count: int) -> None:
        self._pool = ThreadPoolExecutor(count, thread_name_prefix="prepare")

    async def run(self, work: Callable[[Call], Result]) -> Result:
        """The result of `work` for the current call, which it may ask for its deadline between two steps.

        Raises:
            DeadlineExceeded, CallerGone: nobody waits any more.
        """
        call = current_call.get()

        def checked() -> Result:
            call.check_deadline()
            return work(call)

        try:
            return await call.wait_for(asyncio.get_running_loop().run_in_executor(self._pool, checked))
        except DeadlineExceeded:
            raise DeadlineExceeded("the deadline passed before the image was prepared") from None

    def close(self) -> None:
        """Drop what has not begun."""
        self._pool.shutdown(wait=False, cancel_futures=True)
