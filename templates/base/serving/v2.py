"""The routes of Open Inference Protocol v2 (REST), for a model or for whatever looks like one."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from fastapi import APIRouter, Request, Response
from msgspec import json

from serving.call import current_call
from serving.errors import BadRequest, ErrorBody, NotReady, UnknownModel, UnsupportedContent
from serving.lifecycle import Lifecycle
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

EXTENSIONS = ["binary_tensor_data"]
JSON, BINARY = "application/json", "application/octet-stream"
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


def v2_router(
    backends: Sequence[Backend],
    lifecycle: Lifecycle,
    *,
    server: str,
    version: str,
    example: Mapping[str, Any] | None = None,
) -> APIRouter:
    """The protocol's routes; `example` is a request body for the documentation."""
    router = APIRouter(tags=["Open Inference Protocol v2"])
    served = {backend.name: backend for backend in backends}

    def backend_of(name: str, version: str | None = None) -> Backend:
        backend = served.get(name)
        if backend is None:
            raise UnknownModel(f"unknown model {name!r}: served here: {', '.join(served)}")
        if version not in (None, backend.version):
            raise UnknownModel(f"model {name!r} has no version {version!r} here: served: {backend.version}")
        return backend

    @router.get("/v2", summary="What this server is")
    async def server_metadata() -> Response:
        return _json({"name": server, "version": version, "extensions": EXTENSIONS})

    @router.get("/v2/health/live", summary="Whether the process answers")
    async def live() -> Response:
        return _json({"live": True})

    @router.get("/v2/health/ready", summary="Whether requests should be sent here", responses={503: ERRORS[503]})
    async def ready() -> Response:
        return _readiness(lifecycle, {"ready": True})

    @router.get("/v2/models/{name}/versions/{version}/ready", responses=PROBE_ERRORS)
    @router.get(
        "/v2/models/{name}/ready", summary="Whether a model is ready", responses={404: ERRORS[404], 503: ERRORS[503]}
    )
    async def model_ready(name: str, version: str | None = None) -> Response:
        return _readiness(lifecycle, {"name": backend_of(name, version).name, "ready": True})

    @router.get("/v2/models/{name}/versions/{version}", responses={404: ERRORS[404]})
    @router.get("/v2/models/{name}", summary="A model's inputs and outputs", responses={404: ERRORS[404]})
    async def model_metadata(name: str, version: str | None = None) -> Response:
        return _json(_metadata(backend_of(name, version)))

    body = _body_description(example)

    @router.post("/v2/models/{name}/versions/{version}/infer", responses=ERRORS, openapi_extra=body)
    @router.post("/v2/models/{name}/infer", summary="Inference", responses=ERRORS, openapi_extra=body)
    async def infer(request: Request) -> Response:
        path = request.path_params
        return await _infer(backend_of(path["name"], path.get("version")), request)

    return router


async def _infer(backend: Backend, request: Request) -> Response:
    headers = request.headers
    content_type = headers.get("content-type", JSON).partition(";")[0].strip().lower()
    if content_type not in (JSON, BINARY):
        raise UnsupportedContent(f"expected the content type {JSON} or {BINARY}, got {content_type[:80]!r}")
    asked, binary = decode_request(await request.body(), headers.get(LENGTH_HEADER))
    _read_parameters(asked)
    signature = backend.signature
    feeds = decode_inputs(asked, binary, signature)
    wanted = wanted_outputs(asked, signature)
    results = await backend.infer(feeds, list(wanted))
    answer = InferAnswer(backend.name, backend.version, [], asked.id)
    content, json_length = encode_answer(results, wanted, signature.outputs, answer)
    if json_length is None:
        return Response(content, media_type=JSON)
    return Response(content, media_type=BINARY, headers={LENGTH_HEADER: str(json_length)})


def _read_parameters(asked: InferRequest) -> None:
    """Honour or refuse Triton's parameters; none is silently dropped where that would change the answer."""
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
        current_call.get().shorten(timeout_us / 1000)


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
