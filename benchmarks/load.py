"""A load of a bounded number of requests over kept connections, by raw sockets: the client must not be the bottleneck."""

import asyncio
import re
import time

_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)


class Failed(Exception):
    """An answer that is not 200, or none."""


def request_bytes(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """One POST as it goes over the wire."""
    lines = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Length: {len(body)}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def send_all(port: int, request: bytes, *, connections: int, requests: int) -> list[float]:
    """Send them, each connection its next one when it has the answer; the answers' times in milliseconds.

    Raises:
        Failed: an answer that is not 200.
    """
    left = iter(range(requests))
    times_ms: list[float] = []

    async def connection() -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", port, limit=1 << 24)
        for _ in left:
            began = time.perf_counter()
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise Failed(head.decode("latin-1"))
            length = _LENGTH.search(head)
            if length is None:
                raise Failed(f"no content length: {head.decode('latin-1')}")
            await reader.readexactly(int(length[1]))
            times_ms.append((time.perf_counter() - began) * 1000)
        writer.close()

    await asyncio.gather(*(connection() for _ in range(connections)))
    return times_ms
