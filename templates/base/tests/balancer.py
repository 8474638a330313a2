"""A small load balancer for tests: it sends each new connection to a replica whose readiness probe says yes."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence

PROBE_EVERY_S = 0.05
PROBE_WITHIN_S = 0.5
PROBE = b"GET /v2/health/ready HTTP/1.1\r\nHost: replica\r\nConnection: close\r\n\r\n"


class Balancer:
    """Runs in a thread of its own; as a context manager it listens on `port`."""

    def __init__(self, replicas: Sequence[int]) -> None:
        self.port = 0
        self._ready = dict.fromkeys(replicas, False)
        self._turn = 0
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def __enter__(self) -> "Balancer":
        self._thread.start()
        asyncio.run_coroutine_threadsafe(self._start(), self._loop).result()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.run_coroutine_threadsafe(self._stop(), self._loop).result()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _start(self) -> None:
        self._probes = [asyncio.create_task(self._watch(replica)) for replica in self._ready]
        self._server = await asyncio.start_server(self._connected, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._server.close()
        tasks = [task for task in asyncio.all_tasks() if task is not asyncio.current_task()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _watch(self, replica: int) -> None:
        while True:
            try:
                async with asyncio.timeout(PROBE_WITHIN_S):  # `wait_for` of Python 3.11 can lose a cancellation
                    self._ready[replica] = await self._probe(replica)
            except (OSError, TimeoutError):
                self._ready[replica] = False
            await asyncio.sleep(PROBE_EVERY_S)

    @staticmethod
    async def _probe(replica: int) -> bool:
        reader, writer = await asyncio.open_connection("127.0.0.1", replica)
        try:
            writer.write(PROBE)
            return (await reader.readline()).split()[1:2] == [b"200"]
        finally:
            writer.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ready = [replica for replica, yes in self._ready.items() if yes]
        with contextlib.suppress(OSError, IndexError):
            self._turn += 1
            there, back = await asyncio.open_connection("127.0.0.1", ready[self._turn % len(ready)] if ready else 0)
            await asyncio.gather(_pump(reader, back), _pump(there, writer))
        writer.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while chunk := await reader.read(65536):
            writer.write(chunk)
            await writer.drain()
        writer.write_eof()
