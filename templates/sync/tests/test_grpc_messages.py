"""The messages are wire-compatible with those that the field's client was generated from."""

import pytest
from google.protobuf.descriptor import Descriptor
from tritonclient.grpc import service_pb2

from serving.grpc_messages import MESSAGES, message

TOP = [name for name in MESSAGES if "." not in name]


def fields(descriptor: Descriptor) -> dict[str, tuple[object, ...]]:
    """Everything that decides what a field looks like on the wire, nested messages included."""
    found: dict[str, tuple[object, ...]] = {}
    for field in descriptor.fields:
        inner = fields(field.message_type) if field.message_type else None
        one_of = field.containing_oneof.name if field.containing_oneof else ""
        found[field.name] = (field.number, field.type, field.is_repeated, field.is_packed, one_of, inner)
    return found


@pytest.mark.parametrize("name", TOP)
def test_every_field_is_where_the_client_expects_it(name: str) -> None:
    assert fields(message(name).DESCRIPTOR) == fields(getattr(service_pb2, name).DESCRIPTOR)


def filled(made: type) -> bytes:
    request = made(model_name="m", model_version="1", id="7", raw_input_contents=[b"\x00\x01", b""])
    request.parameters["timeout"].int64_param = 5
    request.parameters["flag"].bool_param = True
    tensor = request.inputs.add(name="x", datatype="FP32", shape=[-1, 3])
    tensor.contents.fp32_contents.extend([1.5, -2])
    tensor.contents.bytes_contents.append(b"\xff")
    tensor.parameters["word"].string_param = "w"
    request.outputs.add(name="y")
    return request.SerializeToString(deterministic=True)


def test_both_ways_over_the_wire() -> None:
    ours, theirs = message("ModelInferRequest"), service_pb2.ModelInferRequest
    assert filled(ours) == filled(theirs)
    assert theirs.FromString(filled(ours)) == theirs.FromString(filled(theirs))
    assert ours.FromString(filled(theirs)) == ours.FromString(filled(ours))
    assert ours.FromString(filled(theirs)).parameters["timeout"].WhichOneof("parameter_choice") == "int64_param"
