"""The messages of Open Inference Protocol v2 over gRPC, built from the protocol's published field numbers.

Source: kserve/open-inference-protocol, specification/protocol/open_inference_grpc.proto. No code is generated; the
descriptors lie in a pool of their own, so that a client's generated ones can live in the same process.
"""

from typing import Any

from google.protobuf import descriptor_pool, message_factory
from google.protobuf.descriptor_pb2 import DescriptorProto, FieldDescriptorProto, FileDescriptorProto

Message = Any  # protobuf makes the classes at runtime

PACKAGE = "inference"
SERVICE = f"{PACKAGE}.GRPCInferenceService"

# Message -> its fields as "number name type"; "*" before the type: any number of them; "Outer.Inner" is nested.
MESSAGES = {
    "ServerLiveRequest": "",
    "ServerLiveResponse": "1 live bool",
    "ServerReadyRequest": "",
    "ServerReadyResponse": "1 ready bool",
    "ModelReadyRequest": "1 name string, 2 version string",
    "ModelReadyResponse": "1 ready bool",
    "ServerMetadataRequest": "",
    "ServerMetadataResponse": "1 name string, 2 version string, 3 extensions *string",
    "ModelMetadataRequest": "1 name string, 2 version string",
    "ModelMetadataResponse": "1 name string, 2 versions *string, 3 platform string, 4 inputs *.TensorMetadata, "
    "5 outputs *.TensorMetadata",
    "ModelMetadataResponse.TensorMetadata": "1 name string, 2 datatype string, 3 shape *int64",
    "InferParameter": "1 bool_param bool, 2 int64_param int64, 3 string_param string, 4 double_param double, "
    "5 uint64_param uint64",
    "InferTensorContents": "1 bool_contents *bool, 2 int_contents *int32, 3 int64_contents *int64, "
    "4 uint_contents *uint32, 5 uint64_contents *uint64, 6 fp32_contents *float, 7 fp64_contents *double, "
    "8 bytes_contents *bytes",
    "ModelInferRequest": "1 model_name string, 2 model_version string, 3 id string, 4 parameters map, "
    "5 inputs *.InferInputTensor, 6 outputs *.InferRequestedOutputTensor, 7 raw_input_contents *bytes",
    "ModelInferRequest.InferInputTensor": "1 name string, 2 datatype string, 3 shape *int64, 4 parameters map, "
    "5 contents InferTensorContents",
    "ModelInferRequest.InferRequestedOutputTensor": "1 name string, 2 parameters map",
    "ModelInferResponse": "1 model_name string, 2 model_version string, 3 id string, 4 parameters map, "
    "5 outputs *.InferOutputTensor, 6 raw_output_contents *bytes",
    "ModelInferResponse.InferOutputTensor": "1 name string, 2 datatype string, 3 shape *int64, 4 parameters map, "
    "5 contents InferTensorContents",
}
ONE_OF = {"InferParameter": "parameter_choice"}
SCALARS = {
    name: getattr(FieldDescriptorProto, f"TYPE_{name.upper()}")
    for name in ("bool", "int32", "int64", "uint32", "uint64", "float", "double", "string", "bytes")
}


def _file() -> FileDescriptorProto:
    file = FileDescriptorProto(name="open_inference.proto", package=PACKAGE, syntax="proto3")
    made: dict[str, DescriptorProto] = {}
    for name, fields in MESSAGES.items():
        outer, _, inner = name.rpartition(".")
        message = made[name] = made[outer].nested_type.add(name=inner) if outer else file.message_type.add(name=name)
        for text in filter(None, fields.split(", ")):
            number, field, kind = text.split()
            _add_field(message, name, int(number), field, kind)
        if name in ONE_OF:
            message.oneof_decl.add(name=ONE_OF[name])
            for added in message.field:
                added.oneof_index = 0
    return file


def _add_field(message: DescriptorProto, owner: str, number: int, name: str, kind: str) -> None:
    many = kind.startswith("*") or kind == "map"
    field = message.field.add(name=name, number=number)
    field.label = FieldDescriptorProto.LABEL_REPEATED if many else FieldDescriptorProto.LABEL_OPTIONAL
    kind = kind.lstrip("*")
    if kind in SCALARS:
        field.type = SCALARS[kind]
        return
    field.type = FieldDescriptorProto.TYPE_MESSAGE
    if kind == "map":  # string -> InferParameter, which travels as entries of a nested message
        entry = message.nested_type.add(name="ParametersEntry")
        entry.options.map_entry = True
        _add_field(entry, owner, 1, "key", "string")
        _add_field(entry, owner, 2, "value", "InferParameter")
        kind = ".ParametersEntry"
    field.type_name = f".{PACKAGE}.{owner}{kind}" if kind.startswith(".") else f".{PACKAGE}.{kind}"


_pool = descriptor_pool.DescriptorPool()
_pool.Add(_file())


def message(name: str) -> Message:
    """The class of a message: `message("ModelInferRequest")`."""
    return message_factory.GetMessageClass(_pool.FindMessageTypeByName(f"{PACKAGE}.{name}"))
