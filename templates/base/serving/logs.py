"""Structured logs: one JSON object per line on standard output, each with the service's and the request's identity."""

import asyncio
import logging
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec

from serving.call import current_call


class JsonFormatter(logging.Formatter):
    """A record as JSON: time, level, logger, message, what stands in `extra={"fields": …}`, identity, exception."""

    def __init__(self, identity: Mapping[str, str]) -> None:
        super().__init__()
        self._identity = _as_fields(identity)
        self._encode = msgspec.json.Encoder(enc_hook=str).encode

    def format(self, record: logging.LogRecord) -> str:
        """The line, without its end."""
        line: dict[str, object] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **getattr(record, "fields", {}),
            **self._identity,
        }
        call = current_call.get(None)
        if call is not None:
            line |= {"request_id": call.request_id, "trace_id": call.trace_id, "span_id": call.span_id}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return self._encode(line).decode()


GATHER_S = 0.01  # a write to the stream costs more than ten lines do


class AccessLog:
    """The line per request; it is written straight to the stream, since `logging` costs more than a small model.

    Lines come at most `GATHER_S` late; `flush` has to be called in the end.
    """

    def __init__(self, service: str, identity: Mapping[str, str]) -> None:
        # Without its opening brace, it ends every line.
        self._identity = msgspec.json.encode({"service": service, **_as_fields(identity)}).decode()[1:]
        self._lines: list[str] = []
        self._second, self._prefix = 0, ""

    def __call__(self, method: str, path: str, status: int, seconds: float) -> None:
        """Write the line for a request that took so many seconds; only the path can hold what JSON has to escape."""
        call = current_call.get()
        if not self._lines:
            asyncio.get_running_loop().call_later(GATHER_S, self.flush)
        self._lines.append(
            f'{{"time":"{self._now()}","level":"info","message":"request","method":"{method}",'
            f'"path":{msgspec.json.encode(path).decode()},"status":{status},"duration_ms":{seconds * 1000:.3f},'
            f'"request_id":"{call.request_id}","trace_id":"{call.trace_id}","span_id":"{call.span_id}",'
            f'"parent_id":"{call.parent_id}",{self._identity}'
        )

    def flush(self) -> None:
        """Write the lines that have been gathered."""
        if not self._lines:
            return
        lines, self._lines = self._lines, []
        lines.append("")
        sys.stdout.write("\n".join(lines))
        sys.stdout.flush()

    def _now(self) -> str:
        """The time in UTC; the part down to the second is made once per second."""
        milliseconds = time.time_ns() // 1_000_000
        second = milliseconds // 1000
        if second != self._second:
            self._second, self._prefix = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        return f"{self._prefix}.{milliseconds % 1000:03d}Z"


def _as_fields(identity: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("-", "_"): value for name, value in identity.items()}


def configure_logging(service: str, identity: Mapping[str, str], *, level: str) -> None:
    """Send every logger's lines, those of the web server too, through the JSON formatter."""
    handler = logging.StreamHandler(sys.stdout)
    handler.setFormatter(JsonFormatter({"service": service, **identity}))
    logging.captureWarnings(capture=True)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
