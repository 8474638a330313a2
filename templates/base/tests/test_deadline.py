"""One deadline per request: honoured, checked before work starts, and handed on with what is left of it."""

import asyncio
import socket
import time
from pathlib import Path

import pytest

from serving.call import Call, CallerGone, call_from, current_call
from serving.errors import DeadlineExceeded
from tests.support import ModelService, Process, binary_request, infer_path, running


@pytest.mark.parametrize(("value", "status"), [("60000", 200), ("0", 504), ("-5", 504), ("soon", 400), ("nan", 400)])
def test_the_caller_s_deadline(service: ModelService, process: Process, value: str, status: int) -> None:
    body, headers = binary_request(service.sample(), service.signature)
    answer = process.ask("POST", infer_path(service), body, {**headers, "X-Deadline-Ms": value})
    assert answer.status == status, answer.body
    if status != 200:
        assert "deadline" in answer.error


def test_triton_s_timeout_is_a_deadline(service: ModelService, process: Process) -> None:
    for timeout_us, status in ((1, 504), (60_000_000, 200), (0, 200)):
        body, headers = binary_request(service.sample(), service.signature, timeout=timeout_us)
        answer = process.ask("POST", infer_path(service), body, headers)
        assert answer.status == status, (timeout_us, answer.body)


def test_a_body_that_comes_too_slowly(service: ModelService, tmp_path: Path) -> None:
    with (
        running(service, tmp_path, deadline_ms=300) as process,
        socket.create_connection(("127.0.0.1", process.port)) as connection,
    ):
        started = time.monotonic()
        connection.sendall(f"POST {infer_path(service)} HTTP/1.1\r\nHost: s\r\nContent-Length: 9\r\n\r\n1".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 408")
        assert 0.25 < time.monotonic() - started < 2


def _call(longest_ms: float) -> Call:
    call = call_from({}, longest_ms=longest_ms)
    current_call.set(call)
    return call


def test_what_is_handed_on_shrinks() -> None:
    call = _call(1000)
    time.sleep(0.05)
    handed_on = call.outgoing_headers()
    assert 0 < int(handed_on["x-deadline-ms"]) <= 950
    assert handed_on["traceparent"] == f"00-{call.trace_id}-{call.span_id}-00"
    assert handed_on["x-request-id"] == call.request_id


def test_waiting_ends_at_the_deadline_and_drops_the_work() -> None:
    async def scenario() -> bool:
        work: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        with pytest.raises(DeadlineExceeded):
            await _call(20).wait_for(work)
        return work.cancelled()

    assert asyncio.run(scenario())


def test_waiting_ends_when_the_caller_leaves_and_drops_the_work() -> None:
    async def leave() -> dict[str, str]:
        await asyncio.sleep(0.02)
        return {"type": "http.disconnect"}

    async def scenario() -> bool:
        work: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        call = _call(10_000)
        call.receive = leave
        with pytest.raises(CallerGone):
            await call.wait_for(work)
        return work.cancelled()

    assert asyncio.run(scenario())


def test_one_look_tells_whether_the_caller_has_left() -> None:
    async def stays() -> dict[str, str]:
        await asyncio.Event().wait()
        return {"type": "http.disconnect"}

    async def has_left() -> dict[str, str]:
        return {"type": "http.disconnect"}

    async def scenario() -> list[bool]:
        call = _call(10_000)
        seen = []
        for receive in (stays, stays, has_left):
            call.receive = receive
            seen.append(call.caller_has_left())
        return seen

    assert asyncio.run(scenario()) == [False, False, True]
