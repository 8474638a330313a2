"""One request as the parts below the routes see it: its identity, its trace, its deadline, and whether anybody waits.

Deadlines travel as the milliseconds that are left (`x-deadline-ms`), so that no two clocks need to agree.
Traces follow W3C Trace Context (`traceparent`, `tracestate`).
"""

import asyncio
import math
import random
import re
import time
from collections.abc import Coroutine, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, TypeVar, cast

from starlette.types import Message, Receive

from serving.errors import BadRequest, DeadlineExceeded

DEADLINE_HEADER = "x-deadline-ms"
REQUEST_ID_HEADER = "x-request-id"

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
_REQUEST_ID = re.compile(r"[A-Za-z0-9._:@+/=-]{1,128}")
Result = TypeVar("Result")

_NO_TRACE, _NO_SPAN = "0" * 32, "0" * 16


class CallerGone(Exception):
    """The caller has closed the connection: nobody waits for the answer any more."""


@dataclass(slots=True)
class Call:
    """One request. `ends_at` is a time of `time.monotonic()`, in seconds; `body` is complete and unpacked.

    `parameters` is what the answer says of itself beside its outputs, in Open Inference Protocol v2.
    """

    request_id: str
    trace_id: str
    parent_id: str
    span_id: str
    flags: str
    tracestate: str
    ends_at: float
    headers: Mapping[bytes, bytes] = field(default_factory=dict)
    body: bytes = b""
    receive: Receive | None = None
    parameters: Mapping[str, str] | None = None

    @property
    def remaining_ms(self) -> float:
        """What is left until the deadline; negative once it has passed."""
        return (self.ends_at - time.monotonic()) * 1000

    def shorten(self, budget_ms: float) -> None:
        """Bring the deadline forward, never back."""
        self.ends_at = min(self.ends_at, time.monotonic() + budget_ms / 1000)

    def check_deadline(self) -> None:
        """Raise `DeadlineExceeded` where nobody can use a result any more."""
        if time.monotonic() >= self.ends_at:
            raise DeadlineExceeded("the deadline passed before the inference started")

    async def wait_for(self, work: asyncio.Future[Result]) -> Result:
        """The result of `work`, which is cancelled once the deadline has passed or the caller has gone.

        Raises:
            DeadlineExceeded: the deadline passed.
            CallerGone: the connection was closed.
        """
        waiting: set[asyncio.Future[Any]] = {work}
        gone = asyncio.ensure_future(self._caller_leaves(self.receive)) if self.receive else None
        if gone:
            waiting.add(gone)
        try:
            await asyncio.wait(waiting, timeout=max(0.0, self.remaining_ms / 1000), return_when=asyncio.FIRST_COMPLETED)
            if work.done():
                return work.result()
            if gone and gone.done():
                raise CallerGone
            raise DeadlineExceeded("the deadline passed while the request was waiting for the model")
        finally:
            work.cancel()
            if gone:
                gone.cancel()

    def caller_has_left(self) -> bool:
        """Whether the connection was closed: one look, where `wait_for` needs a task per request."""
        if self.receive is None:
            return False
        look = cast("Coroutine[Any, Any, Message]", self.receive())
        try:
            look.send(None)
        except StopIteration as came:
            return bool(came.value["type"] == "http.disconnect")
        finally:
            look.close()
        return False

    @staticmethod
    async def _caller_leaves(receive: Receive) -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    def outgoing_headers(self) -> dict[str, str]:
        """What to send to the next service: the same trace and request, and the time that is left."""
        headers = {
            REQUEST_ID_HEADER: self.request_id,
            "traceparent": f"00-{self.trace_id}-{self.span_id}-{self.flags}",
            DEADLINE_HEADER: str(max(0, int(self.remaining_ms))),
        }
        return {**headers, "tracestate": self.tracestate} if self.tracestate else headers


current_call: ContextVar[Call] = ContextVar("current_call")


def call_from(headers: Mapping[bytes, bytes], *, longest_ms: float) -> Call:
    """The call that these request headers describe; what is missing or malformed is made anew.

    A malformed deadline is not repaired here: `read_deadline` refuses it.
    """
    trace_id, parent_id, flags = _trace(headers.get(b"traceparent"))
    request_id = headers.get(b"x-request-id", b"").decode("latin-1")
    return Call(
        request_id=request_id if _REQUEST_ID.fullmatch(request_id) else trace_id,
        trace_id=trace_id,
        parent_id=parent_id,
        span_id=f"{random.getrandbits(64):016x}",
        flags=flags,
        tracestate=headers.get(b"tracestate", b"").decode("latin-1") if parent_id else "",
        ends_at=time.monotonic() + longest_ms / 1000,
        headers=headers,
    )


def _trace(traceparent: bytes | None) -> tuple[str, str, str]:
    """Trace, parent span and flags; a new trace where there is none, or none that can be continued."""
    seen = _TRACEPARENT.fullmatch(traceparent.decode("latin-1")) if traceparent else None
    if seen is None or seen[1] == _NO_TRACE or seen[2] == _NO_SPAN:
        return f"{random.getrandbits(128):032x}", "", "00"
    return seen[1], seen[2], seen[3]


def read_deadline(call: Call, value: bytes | None) -> None:
    """Bring the call's deadline forward to the one that the caller gave.

    Raises:
        BadRequest: not a number of milliseconds.
        DeadlineExceeded: nothing is left of it.
    """
    if value is None:
        return
    try:
        budget_ms = float(value)
    except ValueError:
        budget_ms = math.nan
    if not budget_ms < math.inf:
        came = value.decode("latin-1")[:40]
        raise BadRequest(f"{DEADLINE_HEADER}: expected the milliseconds that are left, got {came!r}")
    call.shorten(budget_ms)
    if budget_ms <= 0:
        raise DeadlineExceeded("the deadline had passed when the request arrived")
