"""Open Inference Protocol v2, as the field's own client speaks it, and every way to get it wrong."""

import gzip
import json
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

from serving.tensors import Array
from tests.support import JSON, ModelService, Process, assert_same, binary_request, infer_path, running


@pytest.fixture(scope="session")
def client(process: Process) -> Iterator[triton.InferenceServerClient]:
    """tritonclient's HTTP client."""
    with triton.InferenceServerClient(f"127.0.0.1:{process.port}") as client:
        yield client


def _inputs(service: ModelService, *, binary: bool) -> list[triton.InferInput]:
    inputs = []
    for spec in service.signature.inputs:
        array = service.sample()[spec.name]
        tensor = triton.InferInput(spec.name, list(array.shape), spec.datatype)
        tensor.set_data_from_numpy(array, binary_data=binary or spec.datatype == "FP16")
        inputs.append(tensor)
    return inputs


def _outputs(service: ModelService, *, binary: bool) -> list[triton.InferRequestedOutput]:
    return [
        triton.InferRequestedOutput(spec.name, binary_data=binary or spec.datatype == "FP16")
        for spec in service.signature.outputs
    ]


def _text(array: Array) -> Array:
    """Strings arrive as bytes."""
    if array.dtype.kind not in "OS":
        return array
    texts = [value.decode() if isinstance(value, bytes) else value for value in array.reshape(-1)]
    return np.array(texts, dtype=np.object_).reshape(array.shape)


def _assert_bare(service: ModelService, result: triton.InferResult) -> None:
    in_json = {output["name"] for output in result.get_response()["outputs"] if "data" in output}
    for name, expected in service.bare(service.sample()).items():
        if name in in_json and expected.dtype.kind == "f":
            expected = np.where(np.isfinite(expected), expected, np.nan)  # null is what JSON has for them
        assert_same(_text(result.as_numpy(name)), expected)


def test_health_and_metadata(service: ModelService, client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(service.model)
    assert client.is_model_ready(service.model, str(service.card["version"]))
    assert client.get_server_metadata()["extensions"] == ["binary_tensor_data"]
    signature = service.signature
    assert client.get_model_metadata(service.model) == {
        "name": service.model,
        "versions": [str(service.card["version"])],
        "platform": "onnx_onnxv1",
        "inputs": [
            {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)} for spec in signature.inputs
        ],
        "outputs": [
            {"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)} for spec in signature.outputs
        ],
    }


@pytest.mark.parametrize("inputs_binary", [True, False], ids=["binary in", "json in"])
@pytest.mark.parametrize("outputs", ["default", "binary", "json"])
def test_answers_equal_bare_onnxruntime(
    service: ModelService, client: triton.InferenceServerClient, inputs_binary: bool, outputs: str
) -> None:
    wanted = None if outputs == "default" else _outputs(service, binary=outputs == "binary")
    result = client.infer(service.model, _inputs(service, binary=inputs_binary), outputs=wanted, request_id="seven")
    _assert_bare(service, result)
    answer = result.get_response()
    assert answer["id"] == "seven"
    assert answer["model_name"] == service.model
    assert answer["model_version"] == str(service.card["version"])


def test_only_the_outputs_asked_for_in_their_order(service: ModelService, client: triton.InferenceServerClient) -> None:
    names = [spec.name for spec in service.signature.outputs][::-1]
    wanted = [triton.InferRequestedOutput(name) for name in names]
    result = client.infer(service.model, _inputs(service, binary=True), outputs=wanted)
    assert [output["name"] for output in result.get_response()["outputs"]] == names
    _assert_bare(service, result)
    alone = client.infer(service.model, _inputs(service, binary=True), outputs=wanted[:1])
    assert [output["name"] for output in alone.get_response()["outputs"]] == names[:1]


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_compressed_both_ways(service: ModelService, tmp_path: Path, coding: str) -> None:
    with (
        running(service, tmp_path, compress_from_bytes=1) as process,
        triton.InferenceServerClient(f"127.0.0.1:{process.port}") as client,
    ):
        result = client.infer(
            service.model,
            _inputs(service, binary=True),
            request_compression_algorithm=coding,
            response_compression_algorithm=coding,
        )
        _assert_bare(service, result)
        body, headers = binary_request(service.sample(), service.signature)
        answer = process.ask("POST", infer_path(service), body, {**headers, "Accept-Encoding": coding})
        assert answer.headers["content-encoding"] == coding
        plain = gzip.decompress(answer.body) if coding == "gzip" else zlib.decompress(answer.body)
        assert json.loads(plain[: int(answer.headers["inference-header-content-length"])])["outputs"]


def test_the_client_sees_errors_as_errors(service: ModelService, client: triton.InferenceServerClient) -> None:
    with pytest.raises(InferenceServerException, match="unknown model 'nobody'"):
        client.infer("nobody", _inputs(service, binary=True))
    with pytest.raises(InferenceServerException, match="has no version '999'"):
        client.infer(service.model, _inputs(service, binary=True), model_version="999")
    with pytest.raises(InferenceServerException, match="404"):
        client.get_model_repository_index()
    with pytest.raises(InferenceServerException, match="404"):
        client.get_inference_statistics(service.model)


def test_no_rows_are_an_answer_or_an_error_of_the_caller(service: ModelService, process: Process) -> None:
    signature = service.signature
    if not signature.has_rows:
        pytest.skip("this model has no batch axis")
    none = {name: array[:0] for name, array in service.sample().items()}
    body, headers = binary_request(none, signature)
    answer = process.ask("POST", infer_path(service), body, headers)
    assert answer.status in (200, 422), answer.body
    if answer.status == 200:
        head = json.loads(answer.body[: int(answer.headers["inference-header-content-length"])])
        assert [output["shape"][0] for output in head["outputs"]] == [0] * len(signature.outputs)


Request = dict[str, Any]


def _json_request(service: ModelService) -> Request:
    """A request whose first tensor is in JSON where it can be; the cases below spoil it."""
    inputs = []
    for spec in service.signature.inputs:
        array = service.sample()[spec.name]
        inputs.append(
            {
                "name": spec.name,
                "shape": list(array.shape),
                "datatype": spec.datatype,
                "data": array.reshape(-1).tolist(),
            }
        )
    return {"inputs": inputs}


def _spoiled(request: Request, case: str) -> Request:
    first = request["inputs"][0]
    match case:
        case "unknown input":
            first["name"] = "nobody"
        case "input twice":
            request["inputs"].append(dict(first))
        case "missing input":
            request["inputs"] = request["inputs"][1:]
        case "datatype":
            first["datatype"] = "BOOL" if first["datatype"] != "BOOL" else "FP32"
        case "rank":
            first["shape"] = [*first["shape"], 1, 1]
        case "negative dimension":
            first["shape"] = [-1 for _ in first["shape"]] or [-1]
        case "too few values":
            first["data"] = first["data"][1:]
        case "values of another type":
            first["data"] = [None for _ in first["data"]]
        case "no values":
            del first["data"]
        case "unknown output":
            request["outputs"] = [{"name": "nobody"}]
        case "classification":
            request["outputs"] = [_first_output(request, classification=3)]
        case "shared memory in":
            first["parameters"] = {"shared_memory_region": "region"}
        case "shared memory out":
            request["outputs"] = [_first_output(request, shared_memory_region="region")]
        case "sequence":
            request["parameters"] = {"sequence_id": 5, "sequence_start": True}
        case "timeout of another type":
            request["parameters"] = {"timeout": "soon"}
        case "binary flag of another type":
            request["parameters"] = {"binary_data_output": "yes"}
        case "binary size of another type":
            first["parameters"] = {"binary_data_size": "many"}
        case "binary size and data":
            first["parameters"] = {"binary_data_size": 4}
        case "binary size and nothing behind":
            del first["data"]
            first["parameters"] = {"binary_data_size": 4}
        case "no inputs":
            request = {}
    return request


def _first_output(request: Request, **parameters: object) -> Request:
    return {"name": request.pop("output"), "parameters": parameters}


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("unknown input", "unknown input 'nobody'"),
        ("input twice", "given twice"),
        ("missing input", "missing input"),
        ("datatype", "expected datatype"),
        ("rank", "expected shape"),
        ("negative dimension", "expected shape"),
        ("too few values", "expected"),
        ("values of another type", "expected values of"),
        ("no values", "neither data nor binary_data_size"),
        ("unknown output", "unknown output 'nobody'"),
        ("classification", "classification"),
        ("shared memory in", "shared memory"),
        ("shared memory out", "shared memory"),
        ("sequence", "sequence_id"),
        ("timeout of another type", "microseconds"),
        ("binary flag of another type", "expected true or false"),
        ("binary size of another type", "expected a number of bytes"),
        ("binary size and data", "both data and binary_data_size"),
        ("binary size and nothing behind", "only 0 are left"),
        ("no inputs", "inputs"),
    ],
)
def test_wrong_requests_name_what_is_wrong(service: ModelService, process: Process, case: str, says: str) -> None:
    if service.signature.inputs[0].datatype == "FP16" and case in (
        "input twice",
        "too few values",
        "values of another type",
        "no values",
    ):
        says = "FP16 travels in binary only"
    request = {**_json_request(service), "output": service.signature.outputs[0].name}
    request = _spoiled(request, case)
    request.pop("output", None)
    answer = process.post(infer_path(service), request)
    assert answer.status == 400
    assert says in answer.error


@pytest.mark.parametrize(
    ("body", "headers", "status", "says"),
    [
        (b"{", JSON, 400, "not JSON"),
        (b"", JSON, 400, "not JSON"),
        (b"\xff\xfe", JSON, 400, "not JSON"),
        (b"[]", JSON, 400, "not an inference request"),
        (b'{"inputs": 3}', JSON, 400, "inputs"),
        (b"{}", {**JSON, "Inference-Header-Content-Length": "many"}, 400, "inference-header-content-length"),
        (b"{}", {**JSON, "Inference-Header-Content-Length": "900"}, 400, "inference-header-content-length"),
        (b"a=1", {"Content-Type": "application/x-www-form-urlencoded"}, 415, "content type"),
        (b"{}", {**JSON, "Content-Encoding": "br"}, 415, "content-encoding"),
        (b"{}", {**JSON, "Content-Encoding": "gzip"}, 400, "not gzip"),
        (gzip.compress(b'{"inputs": []}')[:-4], {**JSON, "Content-Encoding": "gzip"}, 400, "cut short"),
    ],
)
def test_wrong_bodies_are_refused(
    service: ModelService, process: Process, body: bytes, headers: dict[str, str], status: int, says: str
) -> None:
    answer = process.ask("POST", infer_path(service), body, headers)
    assert (answer.status, says in answer.error) == (status, True), answer.body


def test_bytes_that_nobody_announced_are_refused(service: ModelService, process: Process) -> None:
    body, headers = binary_request(service.sample(), service.signature)
    assert process.ask("POST", infer_path(service), body, headers).status == 200
    answer = process.ask("POST", infer_path(service), body + b"more", headers)
    assert answer.status == 400
    assert "add up to" in answer.error


def test_bodies_beyond_the_limit_are_refused(service: ModelService, tmp_path: Path) -> None:
    with running(service, tmp_path, max_body_bytes=4096) as process:
        assert process.ask("POST", infer_path(service), b" " * 4096, JSON).status == 400
        assert process.ask("POST", infer_path(service), b" " * 4097, JSON).status == 413
        packed = gzip.compress(b" " * 1_000_000)
        assert len(packed) < 4096
        answer = process.ask("POST", infer_path(service), packed, {**JSON, "Content-Encoding": "gzip"})
        assert answer.status == 413
        assert "4096" in answer.error


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/v2/nothing", 404),
        ("GET", "/v2/models/nobody", 404),
        ("GET", "/v2/models/nobody/ready", 404),
        ("POST", "/v2/repository/index", 404),
        ("DELETE", "/v2", 405),
    ],
)
def test_errors_have_one_shape_at_every_status(process: Process, method: str, path: str, status: int) -> None:
    answer = process.ask(method, path)
    assert answer.status == status
    assert list(answer.json) == ["error"]
    assert answer.headers["model-sha256"]
    assert answer.headers["x-request-id"]
