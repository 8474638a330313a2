"""What can go wrong with a request, each with its status; every answer that is not 200 has the body `{"error": "…"}`.

The shape is that of the Open Inference Protocol, whose clients read `error` at every status.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.responses import Response


class ErrorBody(BaseModel):
    """The body of every answer that is not 200."""

    error: str = Field(description="What was wrong, what was expected, and what came.")


class ServingError(HTTPException):
    """Base of the errors below. `str(error)` is the message for the caller."""

    status = 500

    def __init__(self, message: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(self.status, message, headers)

    def __str__(self) -> str:
        return self.detail


class BadRequest(ServingError):
    """The request is malformed: no JSON, a wrong name, type or shape."""

    status = 400


class UnknownModel(ServingError):
    """No model of that name or version is served here."""

    status = 404


class TooSlowToSend(ServingError):
    """The body did not arrive before the deadline."""

    status = 408


class BodyTooLarge(ServingError):
    """The body, as sent or decompressed, is larger than the limit."""

    status = 413


class UnsupportedContent(ServingError):
    """A content type or a content encoding that is not read here."""

    status = 415


class Unprocessable(ServingError):
    """The body is well formed, and its values cannot be fed to the model."""

    status = 422


class NotReady(ServingError):
    """The model is not loaded, or its file is not the one that was promised."""

    status = 503

    def __init__(self, message: str, retry_after_s: int = 1) -> None:
        super().__init__(message, {"retry-after": str(retry_after_s)})


class Overloaded(NotReady):
    """Every place is taken; the caller should come again after `Retry-After` seconds."""


class DeadlineExceeded(ServingError):
    """The caller's deadline has passed; nothing was computed, or its result came too late."""

    status = 504


def error_response(status: int, message: str, headers: Mapping[str, str] | None = None) -> Response:
    """The answer for an error."""
    body = msgspec.json.encode({"error": message})
    return Response(body, status, headers, media_type="application/json")


def install_error_handlers(app: FastAPI) -> None:
    """Give the framework's own errors (404, 405, 422) the same body."""
    app.add_exception_handler(HTTPException, _http_error)
    app.add_exception_handler(RequestValidationError, _validation_error)


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    if isinstance(error, ServingError):
        return error_response(error.status_code, str(error), error.headers)
    message = f"{error.detail}: {request.method} {request.url.path}"
    return error_response(error.status_code, message, error.headers)


async def _validation_error(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):
        raise error
    described = validation_error(error.errors())
    return error_response(described.status_code, str(described))


def validation_error(problems: Sequence[Mapping[str, Any]]) -> ServingError:
    """What Pydantic found wrong with a body: the first few problems, each with its field."""
    message = "; ".join(_described(problem) for problem in problems[:3])
    malformed = any(problem["type"] == "json_invalid" for problem in problems)
    return BadRequest(message) if malformed else Unprocessable(message)


def _described(problem: Mapping[str, Any]) -> str:
    parts = [part for part in problem["loc"] if part != "body"]
    where = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in parts).lstrip(".") or "body"
    came = problem.get("input")
    # A missing field's input is the whole body, a malformed body's is the body: neither helps.
    got = "" if problem["type"] in ("missing", "json_invalid") else f", got {_short(came)}"
    return f"{where}: {problem['msg']}{got}"


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
