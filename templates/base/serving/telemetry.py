"""The outermost layer of every service: identity of the request, metrics, log line, and an answer for any accident.

Pure ASGI: one `@app.middleware("http")` costs more than everything here together.
"""

import logging
import time
from collections.abc import Mapping

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.call import CallerGone, call_from, current_call
from serving.errors import error_response
from serving.lifecycle import Lifecycle
from serving.logs import AccessLog
from serving.metrics import Metrics

LOGGER = logging.getLogger(__name__)
CLIENT_CLOSED_REQUEST = 499  # nginx's number; it is only counted and logged, nobody is there to read it
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Telemetry:
    """Wraps the application. `identity` goes into every answer's headers."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        metrics: Metrics,
        lifecycle: Lifecycle,
        identity: Mapping[str, str],
        access_log: AccessLog | None,
        longest_ms: float,
    ) -> None:
        self._app = app
        self._metrics = metrics
        self._lifecycle = lifecycle
        self._headers = [(name.encode(), value.encode()) for name, value in identity.items()]
        self._access_log = access_log
        self._longest_ms = longest_ms

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, or the lifespan."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            if self._access_log:  # the lifespan is over
                self._access_log.flush()
            return
        started = time.perf_counter()
        call = call_from(dict(scope["headers"]), longest_ms=self._longest_ms)
        token = current_call.set(call)
        own_headers = [*self._headers, (b"x-request-id", call.request_id.encode())]
        status = 0

        async def send_with_headers(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message["headers"], *own_headers]
                if self._lifecycle.draining:  # the next request of this caller goes to another replica
                    message["headers"].append((b"connection", b"close"))
            await send(message)

        try:
            await self._app(scope, receive, send_with_headers)
        except CallerGone:
            status = CLIENT_CLOSED_REQUEST
        except Exception:
            LOGGER.exception("unexpected error")
            if status:  # the answer has begun: the connection has to break, or half an answer would look whole
                raise
            await error_response(500, "unexpected error; the log has it under this request id")(
                scope, receive, send_with_headers
            )
        finally:
            self._record(scope, status, started)
            current_call.reset(token)

    def _record(self, scope: Scope, status: int, started: float) -> None:
        method = scope["method"] if scope["method"] in METHODS else "other"
        # The route's pattern, not the path: paths are the caller's to invent, and each would be a series of its own.
        route = getattr(scope.get("route"), "path", "unmatched")
        seconds = time.perf_counter() - started
        self._metrics.count(method, route, status, seconds)
        if self._access_log:
            self._access_log(method, scope["path"], status, seconds)
