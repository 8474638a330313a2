"""Open Inference Protocol v2 from the caller's side: requests out, answers in, tensors in binary."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
import numpy as np

from serving.tensors import NUMPY, Array, Signature, TensorSpec, fits

LENGTH_BYTES = 4


class AnswerInvalid(Exception):
    """An answer that is not what the other side's metadata promise."""


class _Tensor(msgspec.Struct):
    name: str
    shape: list[int]
    datatype: str
    parameters: dict[str, Any] = {}


class _Answer(msgspec.Struct):
    outputs: list[_Tensor]


_answer = msgspec.json.Decoder(_Answer)
_encoder = msgspec.json.Encoder()


def encode_request(feeds: Mapping[str, Array], signature: Signature, outputs: Sequence[str]) -> tuple[bytes, int]:
    """The body of a request, and the length of its JSON."""
    blobs = {name: _bytes(array) for name, array in feeds.items()}
    head = _encoder.encode(
        {
            "inputs": [
                {
                    "name": name,
                    "shape": list(array.shape),
                    "datatype": signature.input_named[name].datatype,
                    "parameters": {"binary_data_size": len(blobs[name])},
                }
                for name, array in feeds.items()
            ],
            "outputs": [{"name": name, "parameters": {"binary_data": True}} for name in outputs],
        }
    )
    return b"".join([head, *blobs.values()]), len(head)


def decode_answer(body: bytes, json_length: str, signature: Signature, outputs: Sequence[str]) -> dict[str, Array]:
    """The outputs of an answer by name, every one checked against the signature.

    Raises:
        AnswerInvalid: no such answer, an output missing, of another datatype, shape or size.
    """
    if not json_length.isdecimal() or int(json_length) > len(body):
        raise AnswerInvalid(f"the length of its JSON is {json_length[:20]!r}, of {len(body)} bytes in all")
    view, start = memoryview(body), int(json_length)
    try:
        answer = _answer.decode(view[:start])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AnswerInvalid(f"it is not an inference answer: {error}") from error
    results: dict[str, Array] = {}
    for tensor in answer.outputs:
        spec = signature.output_named.get(tensor.name)
        size = tensor.parameters.get("binary_data_size")
        if spec is None or type(size) is not int:
            raise AnswerInvalid(f"its output {tensor.name[:80]!r} was not asked for, or is not in binary")
        results[tensor.name] = _tensor(tensor, spec, view[start : start + size])
        start += size
    if missing := [name for name in outputs if name not in results]:
        raise AnswerInvalid(f"it lacks the output {', '.join(missing)}")
    return results


def decode_signature(body: bytes) -> Signature:
    """The signature that a model's metadata describe.

    Raises:
        AnswerInvalid: they are no metadata.
    """
    try:
        described = msgspec.json.decode(body, type=_Metadata)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise AnswerInvalid(f"its metadata are not those of a model: {error}") from error
    inputs, outputs = (
        tuple(TensorSpec(tensor.name, tensor.datatype, tuple(tensor.shape)) for tensor in tensors)
        for tensors in (described.inputs, described.outputs)
    )
    return Signature(inputs, outputs)


class _Metadata(msgspec.Struct):
    inputs: list[_Tensor]
    outputs: list[_Tensor]


def _bytes(array: Array) -> bytes:
    if array.dtype != np.object_:
        return array.tobytes()
    encoded = [str(value).encode() for value in array.flat]
    return b"".join(len(value).to_bytes(LENGTH_BYTES, "little") + value for value in encoded)


def _tensor(tensor: _Tensor, spec: TensorSpec, blob: memoryview) -> Array:
    if tensor.datatype != spec.datatype or not fits(spec.shape, tuple(tensor.shape)):
        raise AnswerInvalid(
            f"output {spec.name!r}: promised {spec.datatype} {list(spec.shape)}, came {tensor.datatype} {tensor.shape}"
        )
    count = math.prod(tensor.shape)
    if spec.datatype == "BYTES":
        values = _strings(spec, blob)
        if len(values) != count:
            raise AnswerInvalid(f"output {spec.name!r}: {len(values)} strings for the shape {tensor.shape}")
        return np.array(values, dtype=np.object_).reshape(tensor.shape)
    dtype = NUMPY[spec.datatype]
    if len(blob) != count * dtype.itemsize:
        raise AnswerInvalid(f"output {spec.name!r}: {len(blob)} bytes for {spec.datatype} {tensor.shape}")
    return np.frombuffer(bytes(blob), dtype).reshape(tensor.shape)


def _strings(spec: TensorSpec, blob: memoryview) -> list[str]:
    values: list[str] = []
    start = 0
    while start + LENGTH_BYTES <= len(blob):
        end = start + LENGTH_BYTES + int.from_bytes(blob[start : start + LENGTH_BYTES], "little")
        try:
            values.append(str(blob[start + LENGTH_BYTES : end], "utf-8"))
        except UnicodeDecodeError as error:
            raise AnswerInvalid(f"output {spec.name!r}: a string is not UTF-8") from error
        start = end
    if start != len(blob):
        raise AnswerInvalid(f"output {spec.name!r}: its strings do not end where its bytes do")
    return values
