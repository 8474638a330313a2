"""gzip and deflate, for bodies that come and answers that go."""

import zlib
from typing import Literal

from serving.errors import BadRequest, BodyTooLarge, UnsupportedContent

Coding = Literal["gzip", "deflate"]

# `deflate` in HTTP is the zlib format (RFC 9110, section 8.4.1.2).
_WINDOW: dict[Coding, int] = {"gzip": 16 + zlib.MAX_WBITS, "deflate": zlib.MAX_WBITS}
_FAST = 1  # tensors hardly shrink further at higher levels, and those cost several times as much


def decompress(body: bytes, encoding: str, *, limit: int) -> bytes:
    """The body as it was before its `Content-Encoding`.

    Raises:
        UnsupportedContent: another coding, or several.
        BodyTooLarge: it unpacks to more than `limit` bytes; no more than those are ever unpacked.
        BadRequest: the bytes are not in that coding, or cut short.
    """
    coding = encoding.strip().lower()
    if coding in ("", "identity"):
        return body
    if coding not in ("gzip", "deflate"):
        raise UnsupportedContent(f"content-encoding: expected gzip, deflate or identity, got {encoding[:40]!r}")
    unpacker = zlib.decompressobj(_WINDOW["gzip" if coding == "gzip" else "deflate"])
    try:
        unpacked = unpacker.decompress(body, limit + 1)
    except zlib.error as error:
        raise BadRequest(f"the body is not {coding}, as its content-encoding says: {error}") from error
    if len(unpacked) > limit:
        raise BodyTooLarge(f"the body unpacks to more than {limit} bytes, the limit")
    if not unpacker.eof:
        raise BadRequest(f"the {coding} body is cut short")
    return unpacked


def compress(body: bytes, coding: Coding) -> bytes:
    """The body in that coding."""
    packer = zlib.compressobj(_FAST, zlib.DEFLATED, _WINDOW[coding])
    return packer.compress(body) + packer.flush()


def accepted_coding(accept_encoding: str) -> Coding | None:
    """The coding to answer in: gzip, else deflate, where the caller names it and does not refuse it with `q=0`."""
    named: dict[str, bool] = {}
    for entry in accept_encoding.lower().split(","):
        coding, _, weight = entry.partition(";")
        named[coding.strip()] = weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    if named.get("gzip"):
        return "gzip"
    return "deflate" if named.get("deflate") else None
