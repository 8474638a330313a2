"""How work comes in: a place, a deadline, a body within its limit, unpacked; and how its answer is packed.

Work is what arrives by POST. Probes, metadata, metrics and pages are GETs; they hold no place and are never shed.
Pure ASGI, inside of `Telemetry`.
"""

from collections.abc import Sequence

from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from serving.admission import Admission
from serving.arrivals import Arrivals
from serving.call import Call, CallerGone, current_call, read_deadline
from serving.compression import Coding, accepted_coding, compress, decompress
from serving.errors import BodyTooLarge, error_response
from serving.route import ServingRoute


class Intake:
    """Wraps the routes; those with a fixed path and a short way are called without a search."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        routes: Sequence[BaseRoute],
        admission: Admission,
        max_body_bytes: int,
        compress_from_bytes: int,
    ) -> None:
        self._app = app
        self._short_ways = _short_ways(routes)
        self._admission = admission
        self._arrivals = Arrivals()
        self._max_body_bytes = max_body_bytes
        self._compress_from_bytes = compress_from_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http" or scope["method"] != "POST":
            await self._app(scope, receive, send)
            return
        try:
            with self._admission:
                await self._work(scope, receive, send)
        except HTTPException as error:
            await error_response(error.status_code, error.detail, error.headers)(scope, receive, send)

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        call = current_call.get()
        read_deadline(call, call.headers.get(b"x-deadline-ms"))
        call.body = await self._body(call, receive)
        call.receive = receive
        if accepted := call.headers.get(b"accept-encoding"):
            send = _packing(send, accepted_coding(accepted.decode("latin-1")), self._compress_from_bytes)
        route = self._short_ways.get(scope["path"])
        if route is None or route.short_way is None:
            await self._app(scope, _replay(call.body, receive), send)
            return
        scope["route"] = route
        response = await route.short_way()
        await response(scope, receive, send)

    async def _body(self, call: Call, receive: Receive) -> bytes:
        limit = self._max_body_bytes
        declared = call.headers.get(b"content-length", b"")
        if declared.isdigit() and int(declared) > limit:
            raise BodyTooLarge(f"the body has {int(declared)} bytes; the limit is {limit}")
        body = await self._arrivals.wait_for(_read(receive, limit), call.ends_at)
        if encoding := call.headers.get(b"content-encoding"):
            return decompress(body, encoding.decode("latin-1"), limit=limit)
        return body


def _short_ways(routes: Sequence[BaseRoute]) -> dict[str, ServingRoute]:
    posts = (route for route in routes if isinstance(route, ServingRoute) and route.methods == {"POST"})
    return {route.path: route for route in posts if route.short_way and "{" not in route.path}


async def _read(receive: Receive, limit: int) -> bytes:
    message = await receive()
    if message["type"] == "http.request" and not message.get("more_body"):
        return _within(message.get("body", b""), limit)
    chunks, size = [], 0
    while True:
        if message["type"] == "http.disconnect":
            raise CallerGone
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            raise BodyTooLarge(f"the body has more than {limit} bytes, the limit")
        if not message.get("more_body"):
            return b"".join(chunks)
        message = await receive()


def _within(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        raise BodyTooLarge(f"the body has {len(body)} bytes; the limit is {limit}")
    return body


def _replay(body: bytes, receive: Receive) -> Receive:
    given = False

    async def replay() -> Message:
        nonlocal given
        if given:
            return await receive()
        given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return replay


def _packing(send: Send, coding: Coding | None, from_bytes: int) -> Send:
    if coding is None:
        return send
    start: Message | None = None

    async def send_packed(message: Message) -> None:
        nonlocal start
        if message["type"] == "http.response.start":
            start = message  # held back: whether it is packed shows with the body
            return
        if start is not None:
            head, start = start, None
            body = message.get("body", b"")
            # An answer in parts is a stream: it goes as it comes.
            if len(body) >= max(1, from_bytes) and not message.get("more_body"):
                body = compress(body, coding)
                head["headers"] = _coded(head["headers"], coding, len(body))
                message = {**message, "body": body}
            await send(head)
        await send(message)

    return send_packed


def _coded(headers: list[tuple[bytes, bytes]], coding: Coding, size: int) -> list[tuple[bytes, bytes]]:
    kept = [pair for pair in headers if pair[0].lower() != b"content-length"]
    own = [
        (b"content-encoding", coding.encode()),
        (b"content-length", str(size).encode()),
        (b"vary", b"accept-encoding"),
    ]
    return [*kept, *own]
