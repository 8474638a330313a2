"""One connection, one call at a time, each within its deadline; only 503 is tried again."""

import http.client
import json
import random
import select
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any
from urllib.parse import urlsplit

from client.errors import ClientError, DeadlineExceeded, Refused, ServerFailed, Unavailable, Unreachable

FIRST_WAIT_S = 0.05  # where the server does not say when to come again


class Transport:
    """POSTs JSON. Several threads may share it; their calls go one after the other."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise ValueError(f"expected an address such as http://127.0.0.1:8080, got {url!r}")
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(parts.hostname, parts.port)
        self._base = parts.path.rstrip("/")
        self._lock = threading.Lock()

    def close(self) -> None:
        """End the connection."""
        self._connection.close()

    def post(self, path: str, body: object, *, deadline_ms: float) -> Any:  # noqa: ANN401 - whatever the body holds
        """The body of the answer; waiting for calls before this one counts.

        Raises:
            ClientError: one of its children.
        """
        ends_at = time.monotonic() + deadline_ms / 1000
        content = json.dumps(body, allow_nan=False).encode()
        if not self._lock.acquire(timeout=max(0.0, deadline_ms / 1000)):
            raise DeadlineExceeded(f"the calls before this one took longer than its {deadline_ms:g} ms")
        try:
            for wait_s in _waits():
                status, answer, retry_after = self._ask(path, content, ends_at, deadline_ms)
                if status != 503:
                    return _understood(status, answer)
                pause_s = _seconds(retry_after) or wait_s
                if time.monotonic() + pause_s >= ends_at:
                    raise Unavailable(f"{_message(answer)} (it asks for {pause_s:g} s; the deadline is before that)")
                time.sleep(pause_s)
            raise AssertionError("the waits never end")
        finally:
            self._lock.release()

    def _ask(self, path: str, content: bytes, ends_at: float, deadline_ms: float) -> tuple[int, bytes, str | None]:
        left_s = ends_at - time.monotonic()
        if left_s <= 0:
            raise DeadlineExceeded(f"no answer within {deadline_ms:g} ms")
        headers = {"Content-Type": "application/json", "X-Deadline-Ms": str(max(1, int(left_s * 1000)))}
        connection = self._connection
        with self._cut_at(ends_at) as cut:
            try:
                self._connect(left_s)
                connection.request("POST", self._base + path, content, headers)
                response = connection.getresponse()
                return response.status, response.read(), response.getheader("retry-after")
            except (OSError, http.client.HTTPException) as error:
                connection.close()
                if cut.is_set() or isinstance(error, TimeoutError):
                    raise DeadlineExceeded(f"no answer within {deadline_ms:g} ms") from error
                where = f"{connection.host}:{connection.port}"
                raise Unreachable(f"{where}: {error or type(error).__name__}") from error

    def _connect(self, left_s: float) -> None:
        """A connection that is up; one that the server has closed while it was idle is opened again."""
        connection = self._connection
        if connection.sock and select.select([connection.sock], [], [], 0)[0]:
            connection.close()
        if connection.sock is None:
            connection.timeout = left_s
            connection.connect()
            connection.sock.settimeout(None)  # from here on the deadline cuts it, however slowly bytes drip in

    @contextmanager
    def _cut_at(self, ends_at: float) -> Iterator[threading.Event]:
        """Cut the connection at the deadline: whatever is waited for ends, and the server sees that nobody waits."""
        cut = threading.Event()

        def end() -> None:
            cut.set()
            if sock := self._connection.sock:
                with suppress(OSError):
                    sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(max(0.0, ends_at - time.monotonic()), end)
        timer.daemon = True
        timer.start()
        try:
            yield cut
        finally:
            timer.cancel()


def _waits() -> Iterator[float]:
    """Ever longer, and never the same for many callers at once."""
    wait_s = FIRST_WAIT_S
    while True:
        yield wait_s * random.uniform(0.5, 1)
        wait_s = min(1.0, wait_s * 2)


def _understood(status: int, answer: bytes) -> Any:  # noqa: ANN401 - as above
    if status == 200:
        try:
            return json.loads(answer)
        except ValueError as error:
            raise ServerFailed(f"the answer is not JSON: {answer[:200]!r}") from error
    raise _error(status, _message(answer))


def _error(status: int, message: str) -> ClientError:
    if status == 504:
        return DeadlineExceeded(message)
    if 400 <= status < 500:
        return Refused(status, message)
    return ServerFailed(f"{status}: {message}")


def _message(answer: bytes) -> str:
    try:
        return str(json.loads(answer)["error"])
    except (ValueError, KeyError, TypeError):
        return repr(answer[:200])


def _seconds(retry_after: str | None) -> float | None:
    """Retry-After in seconds; the other form, a date, is not what these services send."""
    return float(retry_after) if retry_after and retry_after.isdecimal() else None
