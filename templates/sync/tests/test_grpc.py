"""gRPC by the field's own client: the same answers, errors, deadlines and places as over REST."""

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import grpc
import numpy as np
import pytest
import tritonclient.grpc as triton
import tritonclient.http as triton_rest
from tritonclient.grpc import service_pb2, service_pb2_grpc

from serving.grpc_codec import CONTENTS
from serving.tensors import Array
from tests.slow_service import FOR_MINUTES, NAME, SlowProcess, grpc_address, slow_service
from tests.support import ModelService, Process, assert_same, running


@pytest.fixture(scope="module")
def door(service: ModelService, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Process, str]]:
    """The service, and the address of its gRPC door."""
    with running(service, tmp_path_factory.mktemp("logs")) as process:
        yield process, grpc_address(process)


@pytest.fixture(scope="module")
def client(door: tuple[Process, str]) -> Iterator[triton.InferenceServerClient]:
    """Triton's client."""
    with triton.InferenceServerClient(door[1]) as client:
        yield client


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlowProcess]:
    """A service whose answers take as long as they are told to."""
    with slow_service(tmp_path_factory.mktemp("slow")) as process:
        yield process


def inputs(service: ModelService, feeds: dict[str, Array], kind: type = triton.InferInput) -> list[triton.InferInput]:
    made = []
    for spec in service.signature.inputs:
        made.append(kind(spec.name, feeds[spec.name].shape, spec.datatype))
        made[-1].set_data_from_numpy(feeds[spec.name])
    return made


def steps(count: int) -> list[triton.InferInput]:
    tensor = triton.InferInput("steps", [1], "INT64")
    tensor.set_data_from_numpy(np.array([count]))
    return [tensor]


def test_health_and_metadata(service: ModelService, client: triton.InferenceServerClient) -> None:
    assert client.is_server_live()
    assert client.is_server_ready()
    assert client.is_model_ready(service.model)
    assert client.is_model_ready(service.model, str(service.card["version"]))
    assert client.get_server_metadata().name
    metadata = client.get_model_metadata(service.model)
    assert (metadata.name, list(metadata.versions)) == (service.model, [str(service.card["version"])])
    for specs, tensors in (
        (service.signature.inputs, metadata.inputs),
        (service.signature.outputs, metadata.outputs),
    ):
        assert [(one.name, one.datatype, tuple(one.shape)) for one in tensors] == [
            (spec.name, spec.datatype, spec.shape) for spec in specs
        ]


def test_raw_tensors_are_answered_as_onnxruntime_would(
    service: ModelService, client: triton.InferenceServerClient
) -> None:
    feeds = service.sample()
    answer = client.infer(service.model, inputs(service, feeds), request_id="mine")
    assert answer.get_response().id == "mine"
    assert answer.get_response().model_version == str(service.card["version"])
    for name, expected in service.bare(feeds).items():
        assert_same(_text(answer.as_numpy(name)), expected)


def test_rest_and_grpc_answer_the_same(
    service: ModelService, door: tuple[Process, str], client: triton.InferenceServerClient
) -> None:
    feeds = service.sample()
    rest = triton_rest.InferenceServerClient(f"127.0.0.1:{door[0].port}")
    by_rest = rest.infer(service.model, inputs(service, feeds, triton_rest.InferInput))
    by_grpc = client.infer(service.model, inputs(service, feeds))
    for spec in service.signature.outputs:
        assert_same(by_grpc.as_numpy(spec.name), by_rest.as_numpy(spec.name))


def _text(array: Array) -> Array:
    if array.dtype.kind != "O":
        return array
    return np.array([value.decode() for value in array.flat], dtype=np.object_).reshape(array.shape)


def typed(service: ModelService) -> service_pb2.ModelInferRequest:
    """The sample with its values in the typed fields."""
    request = service_pb2.ModelInferRequest(model_name=service.model)
    for spec in service.signature.inputs:
        array = service.sample()[spec.name]
        tensor = request.inputs.add(name=spec.name, datatype=spec.datatype, shape=array.shape)
        values = [value.encode() for value in array.flat] if spec.datatype == "BYTES" else array.reshape(-1).tolist()
        getattr(tensor.contents, CONTENTS.get(spec.datatype, "fp32_contents")).extend(values)
    return request


def ask(address: str, request: service_pb2.ModelInferRequest, **options: object) -> service_pb2.ModelInferResponse:
    with grpc.insecure_channel(address) as channel:
        return service_pb2_grpc.GRPCInferenceServiceStub(channel).ModelInfer(request, **options)


def test_typed_contents_are_as_good_as_raw_ones(service: ModelService, door: tuple[Process, str]) -> None:
    if any(spec.datatype == "FP16" for spec in service.signature.inputs):
        with pytest.raises(grpc.RpcError, match="raw_input_contents only"):
            ask(door[1], typed(service))
        return
    answer = triton.InferResult(ask(door[1], typed(service)))
    for name, expected in service.bare(service.sample()).items():
        assert_same(_text(answer.as_numpy(name)), expected)


def _no_contents(request: service_pb2.ModelInferRequest) -> None:
    for tensor in request.inputs:
        tensor.ClearField("contents")


def _twice(request: service_pb2.ModelInferRequest) -> None:
    request.inputs.append(request.inputs[0])


WRONG: dict[str, tuple[Callable[[service_pb2.ModelInferRequest], object], grpc.StatusCode, str]] = {
    "unknown model": (lambda it: setattr(it, "model_name", "nobody"), grpc.StatusCode.NOT_FOUND, "nobody"),
    "unknown version": (lambda it: setattr(it, "model_version", "99"), grpc.StatusCode.NOT_FOUND, "99"),
    "no inputs": (lambda it: it.ClearField("inputs"), grpc.StatusCode.INVALID_ARGUMENT, "missing input"),
    "given twice": (_twice, grpc.StatusCode.INVALID_ARGUMENT, "twice"),
    "unknown input": (
        lambda it: setattr(it.inputs[0], "name", "nobody"),
        grpc.StatusCode.INVALID_ARGUMENT,
        "unknown input 'nobody'",
    ),
    "another datatype": (
        lambda it: setattr(it.inputs[0], "datatype", "UINT16"),
        grpc.StatusCode.INVALID_ARGUMENT,
        "UINT16",
    ),
    "another shape": (
        lambda it: it.inputs[0].shape.extend([7, 7]),
        grpc.StatusCode.INVALID_ARGUMENT,
        "expected shape",
    ),
    "no values": (_no_contents, grpc.StatusCode.INVALID_ARGUMENT, "input"),
    "raw and typed": (
        lambda it: it.raw_input_contents.extend(b"" for _ in it.inputs),
        grpc.StatusCode.INVALID_ARGUMENT,
        "raw_input_contents",
    ),
    "raw, too many": (
        lambda it: it.raw_input_contents.extend(b"" for _ in range(9)),
        grpc.StatusCode.INVALID_ARGUMENT,
        "got 9",
    ),
    "unknown output": (
        lambda it: it.outputs.add(name="nobody"),
        grpc.StatusCode.INVALID_ARGUMENT,
        "unknown output 'nobody'",
    ),
    "a sequence": (
        lambda it: it.parameters["sequence_id"].__setattr__("int64_param", 3),
        grpc.StatusCode.INVALID_ARGUMENT,
        "sequence_id",
    ),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_requests_name_what_is_wrong(service: ModelService, door: tuple[Process, str], case: str) -> None:
    if any(spec.datatype == "FP16" for spec in service.signature.inputs):
        pytest.skip("the requests here are typed, and FP16 travels raw only")
    change, code, said = WRONG[case]
    request = typed(service)
    change(request)
    with pytest.raises(grpc.RpcError) as caught:
        ask(door[1], request)
    assert caught.value.code() == code, caught.value.details()
    assert said in caught.value.details()


def test_the_model_and_the_call_are_named_in_the_metadata(service: ModelService, door: tuple[Process, str]) -> None:
    with grpc.insecure_channel(door[1]) as channel:
        stub = service_pb2_grpc.GRPCInferenceServiceStub(channel)
        _, call = stub.ServerLive.with_call(service_pb2.ServerLiveRequest(), metadata=(("x-request-id", "one"),))
        metadata = dict(call.initial_metadata())
    assert metadata["x-request-id"] == "one"
    assert metadata["model-sha256"] == service.card["sha256"]
    text = door[0].ask("GET", "/metrics").body.decode()
    assert 'route="/inference.GRPCInferenceService/ServerLive"' in text


def test_a_deadline_ends_the_call_and_frees_the_server(slow: SlowProcess) -> None:
    with triton.InferenceServerClient(slow.grpc) as client:
        began = time.monotonic()
        with pytest.raises(triton.InferenceServerException, match=r"Deadline Exceeded|deadline"):
            client.infer(NAME, steps(FOR_MINUTES), client_timeout=0.3)
        assert time.monotonic() - began < 0.6
        assert client.infer(NAME, steps(1), client_timeout=2).as_numpy("mean") is not None
    slow.wait_until(lambda: b"serving_inflight 0.0" in slow.ask("GET", "/metrics").body, "free")


@pytest.mark.parametrize("header", ["x-deadline-ms", "timeout"])
def test_deadlines_in_the_request_are_honoured_too(slow: SlowProcess, header: str) -> None:
    options = {"headers": {"x-deadline-ms": "200"}} if header == "x-deadline-ms" else {"timeout": 200_000}
    with triton.InferenceServerClient(slow.grpc) as client:
        began = time.monotonic()
        with pytest.raises(triton.InferenceServerException) as caught:
            client.infer(NAME, steps(FOR_MINUTES), **options)
        assert "DEADLINE_EXCEEDED" in caught.value.status()
        assert time.monotonic() - began < 0.5


def test_a_caller_who_leaves_frees_the_server(slow: SlowProcess) -> None:
    with triton.InferenceServerClient(slow.grpc) as client:
        call = client.async_infer(NAME, steps(FOR_MINUTES), lambda **_: None)
        slow.wait_until(lambda: b"serving_inflight 1.0" in slow.ask("GET", "/metrics").body, "at work")
        call.cancel()
        assert client.infer(NAME, steps(1), client_timeout=2).as_numpy("mean") is not None


def test_beyond_its_places_it_sheds(tmp_path: Path) -> None:
    with slow_service(tmp_path, max_inflight=1) as process:
        address = process.grpc
        with triton.InferenceServerClient(address) as client:
            call = client.async_infer(NAME, steps(FOR_MINUTES), lambda **_: None)
            process.wait_until(lambda: b"serving_inflight 1.0" in process.ask("GET", "/metrics").body, "full")
            request = service_pb2.ModelInferRequest(model_name=NAME)
            request.inputs.add(name="steps", datatype="INT64", shape=[1]).contents.int64_contents.append(1)
            with pytest.raises(grpc.RpcError) as caught:
                ask(address, request)
            assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED
            assert "places are taken" in caught.value.details()
            assert int(dict(caught.value.trailing_metadata())["retry-after"]) >= 1
            assert client.is_server_ready()
            call.cancel()
            process.wait_until(lambda: b"serving_inflight 0.0" in process.ask("GET", "/metrics").body, "free")
            assert triton.InferResult(ask(address, request)).as_numpy("mean") is not None


def test_too_large_a_message_is_refused(tmp_path: Path) -> None:
    with slow_service(tmp_path, max_body_bytes=2000) as process:
        request = service_pb2.ModelInferRequest(model_name=NAME, raw_input_contents=[bytes(3000)])
        with pytest.raises(grpc.RpcError) as caught:
            ask(process.grpc, request)
        assert caught.value.code() == grpc.StatusCode.RESOURCE_EXHAUSTED


def test_a_draining_service_is_not_ready_and_finishes_its_work(tmp_path: Path) -> None:
    with slow_service(tmp_path, drain_seconds=0.7) as process:
        with triton.InferenceServerClient(process.grpc) as client:
            answers: list[object] = []
            count = _steps_for(client, seconds=1.5)
            caller = threading.Thread(target=lambda: answers.append(client.infer(NAME, steps(count))))
            caller.start()
            process.wait_until(lambda: b"serving_inflight 1.0" in process.ask("GET", "/metrics").body, "at work")
            process.process.send_signal(signal.SIGTERM)
            process.wait_until(lambda: not client.is_server_ready(), "draining")
            assert not client.is_model_ready(NAME)
            caller.join()
            assert len(answers) == 1
        assert process.process.wait(10) == 0


def _steps_for(client: triton.InferenceServerClient, seconds: float) -> int:
    began = time.monotonic()
    client.infer(NAME, steps(5_000))
    return int(5_000 * seconds / (time.monotonic() - began))


def test_a_port_that_is_taken_is_told(slow: SlowProcess, tmp_path: Path) -> None:
    process = SlowProcess(tmp_path, grpc_port=slow.grpc.rpartition(":")[2])
    try:
        process.wait_until(lambda: process.status("/v2/health/live") == 200, "live")
        process.wait_until(lambda: b"gRPC cannot listen" in process.ask("GET", "/v2/health/ready").body, "told")
    finally:
        process.stop()
