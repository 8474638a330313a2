"""The routes of Open Inference Protocol v2 (REST), for a model or for whatever looks like one."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from typing import Any, Protocol

from fastapi import FastAPI, Response
from msgspec import json

from serving.call import Call, current_call
from serving.errors import BadRequest, ErrorBody, NotReady, UnknownModel, UnsupportedContent
from serving.lifecycle import Lifecycle
from serving.parts import Parts
from serving.protocol import (
    LENGTH_HEADER,
    InferAnswer,
    InferRequest,
    decode_inputs,
    decode_request,
    encode_answer,
    wanted_outputs,
)
from serving.tensors import Array, Signature, TensorSpec

TAGS: list[str | Enum] = ["Open Inference Protocol v2"]
EXTENSIONS = ["binary_tensor_data"]
JSON, BINARY = "application/json", "application/octet-stream"
CONTENT_TYPES = (JSON.encode(), BINARY.encode())
ERRORS: dict[int | str, dict[str, Any]] = {
    400: {"model": ErrorBody, "description": "The request is malformed."},
    404: {"model": ErrorBody, "description": "No such model or version."},
    413: {"model": ErrorBody, "description": "The body is too large."},
    415: {"model": ErrorBody, "description": "The body is of another type or encoding."},
    422: {"model": ErrorBody, "description": "The model refuses the values."},
    503: {
        "model": ErrorBody,
        "description": "Not ready, or every place is taken; see `Retry-After` (seconds).",
    },
    504: {"model": ErrorBody, "description": "The deadline has passed."},
}
PROBE_ERRORS: dict[int | str, dict[str, Any]] = {status: ERRORS[status] for status in (404, 503)}


class Backend(Protocol):
    """What stands behind the routes: a model, or a pipeline of services that looks like one."""

    platform: str

    @property
    def name(self) -> str:
        """The name in the routes."""

    @property
    def version(self) -> str:
        """The one version that is served."""

    @property
    def signature(self) -> Signature:
        """What goes in and comes out; `NotReady` before it is known."""

    async def infer(self, feeds: Mapping[str, Array], outputs: Sequence[str]) -> dict[str, Array]:
        """The outputs asked for, by name."""


class Served:
    """The models behind one server's routes."""

    def __init__(self, backends: Sequence[Backend]) -> None:
        self._backends = {backend.name: backend for backend in backends}

    def find(self, name: str, version: str | None = None) -> Backend:
        """The model of that name, and of that version where one is given.

        Raises:
            UnknownModel: there is none.
        """
        backend = self._backends.get(name)
        if backend is None:
            raise UnknownModel(f"unknown model {name!r}: served here: {', '.join(self._backends)}")
        if version not in (None, backend.version):
            raise UnknownModel(f"model {name!r} has no version {version!r} here: served: {backend.version}")
        return backend


def add_v2_routes(app: FastAPI, parts: Parts, backends: Sequence[Backend], *, example: object = None) -> None:
    """Add the protocol's routes to a service; `example` is a request body for the documentation."""
    served = Served(backends)
    _add_inference(app, served, backends, example)
    _add_metadata(app, served)
    _add_health(app, served, parts.lifecycle)


def _add_inference(app: FastAPI, served: Served, backends: Sequence[Backend], example: object) -> None:
    for backend in backends:
        endpoint = _infer_endpoint(backend)
        for path in ("infer", f"versions/{backend.version}/infer"):
            app.add_api_route(
                f"/v2/models/{backend.name}/{path}",
                endpoint,
                methods=["POST"],
                summary="Inference",
                tags=TAGS,
                responses=ERRORS,
                openapi_extra=_body_description(example),
            )

    @app.post("/v2/models/{name}/infer", include_in_schema=False)
    @app.post("/v2/models/{name}/versions/{version}/infer", include_in_schema=False)
    async def infer_unknown(name: str, version: str | None = None) -> Response:
        return await infer(served.find(name, version))


def _infer_endpoint(backend: Backend) -> Callable[[], Awaitable[Response]]:
    async def infer_here() -> Response:
        return await infer(backend)

    return infer_here


def _add_metadata(app: FastAPI, served: Served) -> None:
    @app.get("/v2", summary="What this server is", tags=TAGS)
    async def server_metadata() -> Response:
        return _json({"name": app.title, "version": app.version, "extensions": EXTENSIONS})

    @app.get("/v2/models/{name}", summary="A model's inputs and outputs", tags=TAGS, responses=PROBE_ERRORS)
    @app.get("/v2/models/{name}/versions/{version}", tags=TAGS, responses=PROBE_ERRORS)
    async def model_metadata(name: str, version: str | None = None) -> Response:
        return _json(_metadata(served.find(name, version)))


def _add_health(app: FastAPI, served: Served, lifecycle: Lifecycle) -> None:
    @app.get("/v2/health/live", summary="Whether the process answers", tags=TAGS)
    async def live() -> Response:
        return _json({"live": True})

    @app.get("/v2/health/ready", summary="Whether requests should be sent here", tags=TAGS, responses=PROBE_ERRORS)
    async def ready() -> Response:
        return _readiness(lifecycle, {"ready": True})

    @app.get("/v2/models/{name}/ready", summary="Whether a model is ready", tags=TAGS, responses=PROBE_ERRORS)
    @app.get("/v2/models/{name}/versions/{version}/ready", tags=TAGS, responses=PROBE_ERRORS)
    async def model_ready(name: str, version: str | None = None) -> Response:
        return _readiness(lifecycle, {"name": served.find(name, version).name, "ready": True})


async def infer(backend: Backend) -> Response:
    """The answer to the current call.

    Raises:
        ServingError: a request that is malformed, or an inference that fails.
    """
    call = current_call.get()
    content_type = call.headers.get(b"content-type", b"application/json").partition(b";")[0].strip().lower()
    if content_type not in CONTENT_TYPES:
        came = content_type[:80].decode("latin-1")
        raise UnsupportedContent(f"expected the content type {JSON} or {BINARY}, got {came!r}")
    asked, binary = decode_request(call.body, call.headers.get(LENGTH_HEADER.encode()))
    read_parameters(asked, call)
    signature = backend.signature
    wanted = wanted_outputs(asked, signature)
    feeds = decode_inputs(asked, binary, signature)
    results = await backend.infer(feeds, list(wanted))
    answer = InferAnswer(backend.name, backend.version, [], asked.id, call.parameters)
    content, json_length = encode_answer(results, wanted, signature, answer)
    if json_length is None:
        return Response(content, media_type=JSON)
    return Response(content, media_type=BINARY, headers={LENGTH_HEADER: str(json_length)})


def read_parameters(asked: InferRequest, call: Call) -> None:
    """Honour or refuse Triton's parameters; none is silently dropped where that would change the answer.

    Raises:
        BadRequest: one that cannot be honoured.
    """
    if not asked.parameters:
        return
    if asked.parameters.get("sequence_id"):
        raise BadRequest("sequence_id: this model keeps no state between requests")
    timeout_us = asked.parameters.get("timeout")
    if timeout_us is None:
        return
    if type(timeout_us) is not int or timeout_us < 0:
        raise BadRequest(f"timeout: expected a number of microseconds, got {timeout_us!r}")
    if timeout_us:  # 0 is "none" in Triton's extension
        call.shorten(timeout_us / 1000)


def _metadata(backend: Backend) -> dict[str, Any]:
    signature = backend.signature
    return {
        "name": backend.name,
        "versions": [backend.version],
        "platform": backend.platform,
        "inputs": [_described(spec) for spec in signature.inputs],
        "outputs": [_described(spec) for spec in signature.outputs],
    }


def _described(spec: TensorSpec) -> dict[str, Any]:
    return {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)}


def _readiness(lifecycle: Lifecycle, body: dict[str, Any]) -> Response:
    if reason := lifecycle.not_ready_because:
        raise NotReady(reason)
    return _json(body)


def _json(body: object) -> Response:
    return Response(json.encode(body), media_type=JSON)


def _body_description(example: object) -> dict[str, Any]:
    tensor = {
        "type": "object",
        "required": ["name", "shape", "datatype"],
        "properties": {
            "name": {"type": "string"},
            "shape": {"type": "array", "items": {"type": "integer"}},
            "datatype": {"type": "string"},
            "parameters": {"type": "object"},
            "data": {"type": "array", "items": {}},
        },
    }
    schema = {
        "type": "object",
        "required": ["inputs"],
        "properties": {
            "id": {"type": "string"},
            "inputs": {"type": "array", "items": tensor},
            "outputs": {"type": "array", "items": {"type": "object"}},
            "parameters": {"type": "object"},
        },
    }
    as_json = {"schema": schema, **({"example": example} if example else {})}
    as_binary = {"schema": {"type": "string", "format": "binary"}}
    return {"requestBody": {"required": True, "content": {JSON: as_json, BINARY: as_binary}}}
