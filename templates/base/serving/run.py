"""One service as a process: uvicorn with a drain, so that a rolling restart drops no request."""

import asyncio
import contextlib
import signal
import socket
from types import FrameType

import uvicorn
from fastapi import FastAPI

from serving.lifecycle import Lifecycle
from serving.parts import Parts
from serving.transport import GatheringProtocol

IDLE_CONNECTION_S = 75  # longer than the idle time of common load balancers (60 s): they close first, not we


class DrainingServer(uvicorn.Server):
    """At SIGTERM: not ready at once, work goes on for the drain time, then no new connections, then the end.

    A second signal, or SIGINT (Ctrl+C), ends it without the drain; requests in flight are still finished.
    """

    def __init__(self, config: uvicorn.Config, lifecycle: Lifecycle, *, drain_s: float) -> None:
        super().__init__(config)
        self._lifecycle = lifecycle
        self._drain_s = drain_s
        self._loop: asyncio.AbstractEventLoop | None = None

    async def serve(self, sockets: list[socket.socket] | None = None) -> None:
        """Serve until a signal."""
        self._loop = asyncio.get_running_loop()
        await super().serve(sockets)

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """The signal handler: it runs between two steps of the loop."""
        first = not self._lifecycle.draining
        self._lifecycle.drain()
        if first and sig == signal.SIGTERM and self._drain_s > 0 and self._loop:
            self._loop.call_soon_threadsafe(self._loop.call_later, self._drain_s, self._stop)
        else:
            super().handle_exit(sig, frame)

    def _stop(self) -> None:
        self.should_exit = True


def run(app: FastAPI) -> None:
    """Serve an application of `create_app` until SIGTERM or Ctrl+C."""
    parts: Parts = app.state.parts
    settings = parts.settings
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,  # `create_app` has set up the logs
        access_log=False,  # `Telemetry` writes them
        server_header=False,
        proxy_headers=False,  # nothing here asks for the caller's address
        http=GatheringProtocol,
        ws="none",
        timeout_keep_alive=IDLE_CONNECTION_S,
        timeout_graceful_shutdown=int(settings.deadline_ms / 1000) + 1,
    )
    with contextlib.suppress(KeyboardInterrupt):  # uvicorn raises the signal again once it has ended in order
        DrainingServer(config, parts.lifecycle, drain_s=settings.drain_seconds).run()
