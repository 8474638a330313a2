"""The door for KServe's InferenceGraph, whose router hands the answer of one step to the next just as it came.

`POST /v2/models/NAME/after?INPUT=OUTPUT&…` takes an answer of Open Inference Protocol v2 (JSON) where `infer` takes a
request: each input of this model is the output of that name.
"""

from collections.abc import Mapping

import msgspec
from fastapi import FastAPI, Request, Response

from serving.call import current_call
from serving.errors import BadRequest
from serving.protocol import InferRequest, TensorIn
from serving.v2 import ERRORS, TAGS, Backend, infer


class AnswerBefore(msgspec.Struct):
    """The JSON of the answer of the step before."""

    outputs: list[TensorIn]
    id: str = ""


_before = msgspec.json.Decoder(AnswerBefore)
_request = msgspec.json.Encoder()


def add_after_route(app: FastAPI, backend: Backend) -> None:
    """Add the route to a service."""

    @app.post(
        f"/v2/models/{backend.name}/after",
        summary="Inference on the answer of another model",
        tags=TAGS,
        responses=ERRORS,
    )
    async def after(request: Request) -> Response:
        call = current_call.get()
        call.body = request_from(call.body, dict(request.query_params), list(backend.signature.input_named))
        return await infer(backend)


def request_from(answer: bytes, feeds: Mapping[str, str], inputs: list[str]) -> bytes:
    """The request that an answer makes; `feeds` maps inputs to outputs, of the same name where it says nothing.

    Raises:
        BadRequest: not an answer, an input that there is not, or an output that it does not hold.
    """
    if unknown := sorted(set(feeds) - set(inputs)):
        raise BadRequest(f"unknown input {unknown[0]!r} in the query: this model has {', '.join(inputs)}")
    try:
        before = _before.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"not the answer of an inference, with its outputs in JSON: {error}") from error
    given = {tensor.name: tensor for tensor in before.outputs}
    tensors: list[TensorIn] = []
    for name in inputs:
        output = feeds.get(name, name)
        if output not in given:
            raise BadRequest(f"{name} is fed from the output {output!r}; the answer has {', '.join(given) or 'none'}")
        tensor = given[output]
        tensors.append(TensorIn(name, tensor.shape, tensor.datatype, data=tensor.data))
    return _request.encode(InferRequest(tensors, before.id))
