"""The parts compose: a service without a model has the same errors, headers and probes."""

import asyncio
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import FastAPI
from pydantic import BaseModel

from serving.app import create_app
from serving.parts import Parts
from serving.settings import ServingSettings
from tests.support import Answer


class Question(BaseModel):
    """A body."""

    number: int


class Reply(BaseModel):
    """An answer."""

    double: int


@pytest.fixture
def app() -> Iterator[FastAPI]:
    """An application with routes of its own; the test run keeps its own logging."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield _modelless()
    root.handlers[:] = handlers
    root.setLevel(level)


def _modelless() -> FastAPI:
    parts = Parts.of(ServingSettings(log_requests=False, max_body_bytes=64))
    words = {"name": "doubler", "title": "Doubler", "summary": "It doubles.", "version": "1"}
    app = create_app(parts, **words, identity={"who": "doubler"})

    @app.post("/double")
    async def double(question: Question) -> Reply:
        if question.number == 13:
            raise RuntimeError("an accident")
        return Reply(double=2 * question.number)

    @app.post("/double/{times}")
    async def double_often(times: int, question: Question) -> Reply:
        return Reply(double=2**times * question.number)

    return app


def _post(app: FastAPI, path: str, body: object) -> Answer:
    """One request without a socket."""
    content = json.dumps(body).encode()
    messages: list[dict[str, Any]] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        messages.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
    }
    asyncio.run(app(scope, receive, send))
    headers = {name.decode(): value.decode() for name, value in messages[0]["headers"]}
    return Answer(messages[0]["status"], headers, b"".join(message.get("body", b"") for message in messages[1:]))


@pytest.mark.parametrize(
    ("path", "body", "status", "says"),
    [
        ("/double", {"number": 13}, 500, "unexpected error"),
        ("/double", {"number": "many"}, 422, "number"),
        ("/double/2", {"number": "many"}, 422, "number"),
        ("/double/twice", {"number": 1}, 422, "times"),
        ("/double", {"number": 1, "more": "x" * 64}, 413, "64"),
        ("/triple", {"number": 1}, 404, "/triple"),
    ],
)
def test_every_error_has_the_one_shape(app: FastAPI, path: str, body: object, status: int, says: str) -> None:
    answer = _post(app, path, body)
    assert (answer.status, list(answer.json), says in answer.error) == (status, ["error"], True), answer.body
    assert "accident" not in answer.error
    assert answer.headers["who"] == "doubler"
    assert answer.headers["x-request-id"]


def test_both_ways_to_an_endpoint_answer(app: FastAPI) -> None:
    for path, double in (("/double", 6), ("/double/2", 12)):
        answer = _post(app, path, {"number": 3})
        assert (answer.status, answer.json) == (200, {"double": double})
