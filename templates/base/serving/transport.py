"""One write to the socket per answer: uvicorn hands over its head and its body one by one, each a system call.

Beside a small model, that call is a large part of what an answer costs.
"""

import asyncio
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

HELD_BYTES = 64 * 1024  # no more is held back: streams do not pile up, large bodies are not copied


class Gathering:
    """A transport that sends at the end of the loop's turn what was written in it."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def write(self, data: bytes) -> None:
        """Send `data` after all that was written before."""
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes >= HELD_BYTES:
            self._send()

    def close(self) -> None:
        """Send what is held, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if not self._held:
            return
        held, large = self._held, self._held_bytes >= HELD_BYTES
        self._held, self._held_bytes = [], 0
        if large:
            self._transport.writelines(held)
        else:
            self._transport.write(b"".join(held))

    def __getattr__(self, name: str) -> object:
        """Everything else is the transport's own."""
        return getattr(self._transport, name)


class GatheringProtocol(HttpToolsProtocol):
    """uvicorn's fast protocol on such a transport."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """A caller has connected."""
        super().connection_made(cast("asyncio.Transport", Gathering(transport, self.loop)))
