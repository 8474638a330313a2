"""Between gRPC's messages and the protocol's own requests and tensors: both doors check with the same code."""

from collections.abc import Mapping

import numpy as np

from serving.errors import BadRequest
from serving.grpc_messages import Message, message
from serving.protocol import LENGTH_BYTES, InferRequest, OutputWanted, Parameters, TensorIn, to_binary
from serving.tensors import NUMPY, Array, Signature
from serving.v2 import Backend

ModelInferResponse = message("ModelInferResponse")

# Where the values lie that do not come raw, by datatype. FP16 has no place there.
CONTENTS = {
    "BOOL": "bool_contents",
    "INT8": "int_contents",
    "INT16": "int_contents",
    "INT32": "int_contents",
    "INT64": "int64_contents",
    "UINT8": "uint_contents",
    "UINT16": "uint_contents",
    "UINT32": "uint_contents",
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}


def decode_request(request: Message) -> tuple[InferRequest, memoryview]:
    """A request in the words of the REST door, and its tensors one after the other.

    Raises:
        BadRequest: raw and typed contents are mixed, are missing, or cannot be of their datatype.
    """
    raw = list(request.raw_input_contents)
    if raw and len(raw) != len(request.inputs):
        raise BadRequest(
            f"raw_input_contents: expected one for each of the {len(request.inputs)} inputs, got {len(raw)}"
        )
    if raw and any(tensor.HasField("contents") for tensor in request.inputs):
        raise BadRequest("raw_input_contents and contents are both given; one is enough")
    blobs = raw or [_typed(tensor) for tensor in request.inputs]
    inputs = [
        TensorIn(
            tensor.name,
            list(tensor.shape),
            tensor.datatype,
            {**_parameters(tensor.parameters), "binary_data_size": len(blob)},
        )
        for tensor, blob in zip(request.inputs, blobs, strict=True)
    ]
    outputs = [OutputWanted(output.name, _parameters(output.parameters)) for output in request.outputs]
    asked = InferRequest(inputs, request.id, outputs, _parameters(request.parameters))
    return asked, memoryview(b"".join(blobs))


def encode_answer(backend: Backend, request_id: str, results: Mapping[str, Array], signature: Signature) -> Message:
    """The answer, every tensor raw."""
    answer = ModelInferResponse(model_name=backend.name, model_version=backend.version, id=request_id)
    for name, array in results.items():
        datatype = signature.output_named[name].datatype
        answer.outputs.add(name=name, datatype=datatype, shape=array.shape)
        answer.raw_output_contents.append(bytes(to_binary(array, datatype)))
    return answer


def _parameters(given: Message) -> Parameters:
    return {
        name: getattr(value, value.WhichOneof("parameter_choice") or "string_param") for name, value in given.items()
    }


def _typed(tensor: Message) -> bytes:
    place = CONTENTS.get(tensor.datatype)
    if place is None:
        raise BadRequest(f"input {tensor.name!r}: {tensor.datatype!r} travels in raw_input_contents only")
    filled = [field.name for field, _ in tensor.contents.ListFields()]
    if filled not in ([], [place]):
        raise BadRequest(f"input {tensor.name!r}: expected {tensor.datatype} in {place}, got {', '.join(filled)}")
    values = getattr(tensor.contents, place)
    if tensor.datatype == "BYTES":
        return b"".join(len(value).to_bytes(LENGTH_BYTES, "little") + value for value in values)
    try:
        return np.array(values, NUMPY[tensor.datatype]).tobytes()
    except OverflowError as error:
        raise BadRequest(f"input {tensor.name!r}: a value does not fit {tensor.datatype}: {error}") from error
