"""The bodies of Open Inference Protocol v2: JSON, and the binary tensor extension.

Binary tensors follow the JSON in the order of the inputs (or outputs), each as long as its `binary_data_size` says;
the header `Inference-Header-Content-Length` says where the JSON ends. Numbers are little-endian and in row-major order;
each string has four bytes of length before it. FP16 travels in binary only; files (BYTES that are no text) are base64
in JSON. JSON has no word for NaN and infinity: they are refused in requests and become null in answers; binary carries
them as they are.
"""

import base64
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import msgspec
import numpy as np

from serving.errors import BadRequest
from serving.tensors import NUMPY, Array, Signature, TensorSpec, all_finite, fits, plain

LENGTH_HEADER = "inference-header-content-length"
LENGTH_BYTES = 4

Parameters = dict[str, Any]
Kind = Literal["BOOL", "BYTES", "FP", "INT"]


class TensorIn(msgspec.Struct):
    """One input as it comes; its values are in `data`, or behind the JSON."""

    name: str
    shape: list[int]
    datatype: str
    parameters: Parameters = {}
    data: msgspec.Raw = msgspec.Raw()


class OutputWanted(msgspec.Struct):
    """One output that is asked for."""

    name: str
    parameters: Parameters = {}


class InferRequest(msgspec.Struct):
    """The JSON of a request."""

    inputs: list[TensorIn]
    id: str = ""
    outputs: list[OutputWanted] = []
    parameters: Parameters = {}


class TensorOut(msgspec.Struct, omit_defaults=True):
    """One output of an answer."""

    name: str
    datatype: str
    shape: list[int]
    data: Any = None
    parameters: Parameters = {}


class InferAnswer(msgspec.Struct, omit_defaults=True):
    """The JSON of an answer."""

    model_name: str
    model_version: str
    outputs: list[TensorOut]
    id: str = ""
    parameters: Mapping[str, str] | None = None


_request = msgspec.json.Decoder(InferRequest)
_answer = msgspec.json.Encoder()
_any = msgspec.json.Decoder()
_flat: dict[Kind, msgspec.json.Decoder[Any]] = {
    "BOOL": msgspec.json.Decoder(list[bool]),
    "BYTES": msgspec.json.Decoder(list[str]),
    "FP": msgspec.json.Decoder(list[float]),
    "INT": msgspec.json.Decoder(list[int]),
}


def decode_request(body: bytes, json_length: bytes | None) -> tuple[InferRequest, memoryview]:
    """The JSON of a body, and the bytes behind it.

    Raises:
        BadRequest: a wrong length, no JSON, or not the JSON of a request.
    """
    length = len(body)
    if json_length is not None:
        if not json_length.isdigit() or not 0 < int(json_length) <= len(body):
            came = json_length.decode("latin-1")
            raise BadRequest(f"{LENGTH_HEADER}: expected the length of the JSON, at most {len(body)}, got {came!r}")
        length = int(json_length)
    view = memoryview(body)
    try:
        return _request.decode(view[:length]), view[length:]
    except msgspec.ValidationError as error:
        raise BadRequest(f"not an inference request: {error}") from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"the body is not JSON: {error}") from error


def decode_inputs(request: InferRequest, binary: memoryview, signature: Signature) -> dict[str, Array]:
    """The tensors of a request by name.

    Raises:
        BadRequest: an input is missing, unknown, given twice, or of another datatype, shape or size.
    """
    specs = signature.input_named
    feeds: dict[str, Array] = {}
    start = 0
    for tensor in request.inputs:
        if (spec := specs.get(tensor.name)) is None:
            raise BadRequest(f"unknown input {tensor.name!r}: this model has {_names(signature.inputs)}")
        if tensor.name in feeds:
            raise BadRequest(f"the input {tensor.name!r} is given twice")
        _check(tensor, spec)
        size = _binary_size(tensor)
        if size is None:
            feeds[tensor.name] = _from_json(tensor, spec)
            continue
        feeds[tensor.name] = _from_binary(tensor, spec, binary[start : start + size], size)
        start += size
    if missing := [name for name in specs if name not in feeds]:
        raise BadRequest(f"missing input {', '.join(missing)}: this model has {_names(signature.inputs)}")
    if start != len(binary):
        raise BadRequest(f"{len(binary)} bytes follow the JSON, and the inputs' binary_data_size add up to {start}")
    return feeds


def wanted_outputs(request: InferRequest, signature: Signature) -> dict[str, bool]:
    """The names of the outputs to answer, in that order, each with whether it goes in binary.

    Raises:
        BadRequest: an unknown output, one asked for twice, or an extension that is not offered.
    """
    default = _flag(request.parameters, "binary_data_output", default=False)
    if not request.outputs:
        return {spec.name: default for spec in signature.outputs}
    wanted: dict[str, bool] = {}
    for output in request.outputs:
        if output.name not in signature.output_named:
            raise BadRequest(f"unknown output {output.name!r}: this model has {_names(signature.outputs)}")
        if output.name in wanted:
            raise BadRequest(f"the output {output.name!r} is asked for twice")
        if output.parameters.get("classification"):
            raise BadRequest(f"output {output.name!r}: the classification extension is not offered; ask for the scores")
        _refuse_shared_memory(output.name, output.parameters)
        wanted[output.name] = _flag(output.parameters, "binary_data", default=default)
    return wanted


def encode_answer(
    results: Mapping[str, Array],
    wanted: Mapping[str, bool],
    signature: Signature,
    answer: InferAnswer,
) -> tuple[bytes, int | None]:
    """The body of an answer, and the length of its JSON where binary tensors follow it. `answer.outputs` is filled.

    Raises:
        BadRequest: an output cannot be written as JSON.
    """
    blobs: list[bytes | memoryview] = []
    for name, binary in wanted.items():
        array, datatype = results[name], signature.output_named[name].datatype
        tensor = TensorOut(name, datatype, list(array.shape))
        if binary:
            blobs.append(to_binary(array, datatype))
            tensor.parameters = {"binary_data_size": len(blobs[-1])}
        else:
            tensor.data = _to_json(name, array, datatype)
        answer.outputs.append(tensor)
    head = _answer.encode(answer)
    return (b"".join([head, *blobs]), len(head)) if blobs else (head, None)


def _check(tensor: TensorIn, spec: TensorSpec) -> None:
    if tensor.datatype != spec.datatype:
        raise BadRequest(f"input {spec.name!r}: expected datatype {spec.datatype}, got {tensor.datatype!r}")
    if not fits(spec.shape, tuple(tensor.shape)) or min(tensor.shape, default=0) < 0:
        raise BadRequest(f"input {spec.name!r}: expected shape {list(spec.shape)}, got {tensor.shape}")
    _refuse_shared_memory(spec.name, tensor.parameters)


def _refuse_shared_memory(name: str, parameters: Parameters) -> None:
    if any(key.startswith("shared_memory") for key in parameters):
        raise BadRequest(f"{name!r}: shared memory is not offered; send the tensor in the body")


def _binary_size(tensor: TensorIn) -> int | None:
    size = tensor.parameters.get("binary_data_size")
    if size is None:
        return None
    if type(size) is not int or size < 0:
        raise BadRequest(f"input {tensor.name!r}: binary_data_size: expected a number of bytes, got {size!r}")
    if bytes(tensor.data):
        raise BadRequest(f"input {tensor.name!r}: both data and binary_data_size are given; one is enough")
    return size


def _from_binary(tensor: TensorIn, spec: TensorSpec, blob: memoryview, size: int) -> Array:
    if len(blob) != size:
        raise BadRequest(f"input {tensor.name!r}: binary_data_size says {size} bytes, only {len(blob)} are left")
    count = math.prod(tensor.shape)
    if tensor.datatype == "BYTES":
        return _strings(tensor, spec, blob, count)
    dtype = NUMPY[tensor.datatype]
    if size != (expected := count * dtype.itemsize):
        raise BadRequest(
            f"input {tensor.name!r}: {tensor.datatype} of shape {tensor.shape} has {expected} bytes, got {size}"
        )
    array = np.frombuffer(blob, dtype).reshape(tensor.shape)
    # JSON of any length goes before it, so it may lie askew in memory, which onnxruntime does not expect.
    return array if array.flags.aligned else array.copy()


def _strings(tensor: TensorIn, spec: TensorSpec, blob: memoryview, count: int) -> Array:
    values: list[str | bytes] = []
    start = 0
    while start + LENGTH_BYTES <= len(blob):
        end = start + LENGTH_BYTES + int.from_bytes(blob[start : start + LENGTH_BYTES], "little")
        if end > len(blob):
            break
        element = blob[start + LENGTH_BYTES : end]
        try:
            values.append(bytes(element) if spec.raw else str(element, "utf-8"))
        except UnicodeDecodeError as error:
            raise BadRequest(f"input {tensor.name!r}: element {len(values)} is not UTF-8: {error.reason}") from error
        start = end
    if start != len(blob) or len(values) != count:
        raise BadRequest(
            f"input {tensor.name!r}: expected {count} strings for shape {tensor.shape}, each after its length in 4 "
            f"bytes; {len(values)} could be read, {len(blob) - start} bytes are left"
        )
    return np.array(values, dtype=np.object_).reshape(tensor.shape)


def _from_json(tensor: TensorIn, spec: TensorSpec) -> Array:
    if tensor.datatype == "FP16":
        raise BadRequest(f"input {tensor.name!r}: FP16 travels in binary only (binary_data_size)")
    values, count = _values(tensor), math.prod(tensor.shape)
    if len(values) != count:
        raise BadRequest(f"input {tensor.name!r}: expected {count} values for shape {tensor.shape}, got {len(values)}")
    if spec.raw:
        values = [_file(tensor, text) for text in values]
    try:
        array = np.array(values, dtype=NUMPY[tensor.datatype]).reshape(tensor.shape)
    except OverflowError as error:
        raise BadRequest(f"input {tensor.name!r}: a value does not fit {tensor.datatype}: {error}") from error
    if array.dtype.kind == "f" and not all_finite(array):
        raise BadRequest(
            f"input {tensor.name!r}: a value is not finite as {tensor.datatype}; send such values in binary"
        )
    return array


def _file(tensor: TensorIn, text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except ValueError as error:
        raise BadRequest(f"input {tensor.name!r}: expected base64 in JSON: {error}") from error


def _values(tensor: TensorIn) -> list[Any]:
    """The values in row-major order; the protocol allows them flat or nested as the shape is."""
    if not (raw := bytes(tensor.data)):
        raise BadRequest(f"input {tensor.name!r}: neither data nor binary_data_size is given")
    kind = _kind(tensor.datatype)
    try:
        values: list[Any] = _flat[kind].decode(raw)
    except msgspec.ValidationError:
        return _nested_values(tensor, raw, kind)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadRequest(f"input {tensor.name!r}: the data are not JSON: {error}") from error
    return values


def _nested_values(tensor: TensorIn, raw: bytes, kind: Kind) -> list[Any]:
    nested = _any.decode(raw)
    flat = not isinstance(nested, list) or not any(isinstance(part, list) for part in nested)
    leaves = nested if flat else _leaves(nested, tensor, tuple(tensor.shape))
    try:
        values: list[Any] = _flat[kind].decode(_answer.encode(leaves))
    except msgspec.ValidationError as error:
        raise BadRequest(f"input {tensor.name!r}: expected values of {tensor.datatype}: {error}") from error
    return values


def _kind(datatype: str) -> Kind:
    if datatype == "BOOL":
        return "BOOL"
    if datatype == "BYTES":
        return "BYTES"
    return "FP" if datatype.startswith("FP") else "INT"


def _leaves(value: object, tensor: TensorIn, shape: tuple[int, ...]) -> list[Any]:
    if not shape:
        return [value]
    if not isinstance(value, list) or len(value) != shape[0]:
        raise BadRequest(f"input {tensor.name!r}: the nesting of the data is not that of shape {tensor.shape}")
    return [leaf for part in value for leaf in _leaves(part, tensor, shape[1:])]


def to_binary(array: Array, datatype: str) -> bytes | memoryview:
    """A tensor as the binary extension carries it."""
    if datatype != "BYTES":
        return np.ascontiguousarray(array).reshape(-1).view(np.uint8).data
    encoded = [str(value).encode() for value in array.flat]
    return b"".join(len(value).to_bytes(LENGTH_BYTES, "little") + value for value in encoded)


def _to_json(name: str, array: Array, datatype: str) -> list[object]:
    if datatype == "FP16":
        raise BadRequest(f"output {name!r}: FP16 travels in binary only; ask with binary_data or binary_data_output")
    return plain(array.reshape(-1))


def _flag(parameters: Parameters, name: str, *, default: bool) -> bool:
    value = parameters.get(name, default)
    if not isinstance(value, bool):
        raise BadRequest(f"{name}: expected true or false, got {value!r}")
    return value


def _names(specs: Sequence[TensorSpec]) -> str:
    return ", ".join(spec.name for spec in specs)
