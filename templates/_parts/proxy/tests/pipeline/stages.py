"""The whole project as processes: every model service, and the proxy in front of them."""

import contextlib
import json
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import msgspec
import numpy as np
import tritonclient.http as triton

from serving.tensors import NUMPY, Array, Signature
from tests.support import Answer, ModelService, Process, model_services, running, wire

CALLERS = 4
LENGTH = "Inference-Header-Content-Length"
Answering = Callable[[BaseHTTPRequestHandler], None]


def urls(stages: Mapping[str, Process]) -> str:
    """The proxy's setting that says where these processes are."""
    return json.dumps({name: f"http://127.0.0.1:{process.port}" for name, process in stages.items()})


@contextlib.contextmanager
def proxy(
    folder: Path, where: str, *, ready: bool = True, package: str = "proxy", **settings: object
) -> Iterator[Process]:
    """The service in front as a process; `where` are its stages' addresses as JSON."""
    process = Process(package, folder / f"{package}.log", {"urls": where, **settings})
    try:
        path = "/v2/health/ready" if ready else "/v2/health/live"
        process.wait_until(lambda: process.status(path) == 200, path)
        yield process
    finally:
        process.stop()


def sample_of(folder: Path) -> dict[str, Array]:
    """The sample request that lies in a service's folder."""
    tensors = json.loads((folder / "sample-v2.json").read_bytes())["inputs"]
    return {
        tensor["name"]: np.array(tensor["data"], NUMPY[tensor["datatype"]]).reshape(tensor["shape"])
        for tensor in tensors
    }


def asked(front: Process, name: str, signature: Signature, feeds: Mapping[str, Array]) -> triton.InferResult:
    """What the field's client is answered."""
    inputs = []
    for spec in signature.inputs:
        inputs.append(triton.InferInput(spec.name, feeds[spec.name].shape, spec.datatype))
        inputs[-1].set_data_from_numpy(feeds[spec.name])
    return triton.InferenceServerClient(f"127.0.0.1:{front.port}").infer(name, inputs)


def service_of(model: str) -> ModelService:
    """The service that holds this model."""
    return next(service for service in model_services() if service.model == model)


@contextlib.contextmanager
def stages(folder: Path) -> Iterator[dict[str, Process]]:
    """Every model service as a process, by its model's name."""
    with contextlib.ExitStack() as stack:
        yield {service.model: stack.enter_context(running(service, folder)) for service in model_services()}


def replace_under_load(
    ask: Callable[[], Answer], service: ModelService, replicas: Sequence[Process], folder: Path
) -> list[Answer]:
    """Ask from several threads while the replicas are replaced one after the other; all the answers.

    Each replica is told to end and finishes what it has begun; requests go on being answered before the next one.
    """
    answers: list[Answer] = []
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            answers.append(ask())

    callers = [threading.Thread(target=keep_asking) for _ in range(CALLERS)]
    with contextlib.ExitStack() as replacements:
        for caller in callers:
            caller.start()
        try:
            for replica in replicas:
                replica.process.send_signal(signal.SIGTERM)
                assert replica.process.wait(20) == 0
                before = len(answers)
                replacements.enter_context(running(service, folder, port=replica.port))
                assert len(answers) > before
        finally:
            stop.set()
            for caller in callers:
                caller.join()
    return answers


def open_files(process: Process) -> int:
    """How many files and sockets a process holds."""
    return len(list(Path(f"/proc/{process.process.pid}/fd").iterdir()))


class Liar:
    """A stage that tells the truth about its signature and then answers as `answering` likes. It listens on `port`."""

    def __init__(self, service: ModelService, answering: Answering) -> None:
        metadata = _metadata(service.model, service.signature)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                _send(self, 200, metadata)

            def do_POST(self) -> None:
                self.rfile.read(int(self.headers["content-length"]))
                answering(self)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server: socketserver.TCPServer = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    def __enter__(self) -> "Liar":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def answer(status: int, body: bytes, headers: Mapping[str, str] | None = None) -> Answering:
    """Always this."""
    return lambda handler: _send(handler, status, body, headers or {})


def slow(service: ModelService, seconds: float) -> Answering:
    """The right answer for the service's sample, after a while."""
    results = service.bare(service.sample())
    blobs = {name: wire(array) for name, array in results.items()}
    outputs = [
        {
            "name": spec.name,
            "shape": list(results[spec.name].shape),
            "datatype": spec.datatype,
            "parameters": {"binary_data_size": len(blobs[spec.name])},
        }
        for spec in service.signature.outputs
    ]
    head = json.dumps({"model_name": service.model, "outputs": outputs}).encode()
    body = b"".join([head, *(blobs[spec.name] for spec in service.signature.outputs)])

    def answering(handler: BaseHTTPRequestHandler) -> None:
        time.sleep(seconds)
        with contextlib.suppress(OSError):  # who asked may have gone by then
            _send(handler, 200, body, {LENGTH: str(len(head))})

    return answering


def shapes_that_lie(service: ModelService) -> Answering:
    """Outputs of another shape than the metadata promise."""
    outputs = [{"name": spec.name, "shape": [9] * 7, "datatype": spec.datatype} for spec in service.signature.outputs]
    for output in outputs:
        output["parameters"] = {"binary_data_size": 0}
    body = json.dumps({"model_name": service.model, "outputs": outputs}).encode()
    return answer(200, body, {LENGTH: str(len(body))})


def hangs_up(handler: BaseHTTPRequestHandler) -> None:
    """Close the connection in the middle of an answer."""
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{")
    handler.wfile.flush()
    handler.connection.shutdown(socket.SHUT_RDWR)


def _send(handler: BaseHTTPRequestHandler, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    handler.send_response(status)
    for name, value in {"content-length": str(len(body)), **(headers or {})}.items():
        handler.send_header(name, value)
    handler.end_headers()
    handler.wfile.write(body)


def _metadata(name: str, signature: Signature) -> bytes:
    tensors = {
        kind: [{"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)} for spec in specs]
        for kind, specs in (("inputs", signature.inputs), ("outputs", signature.outputs))
    }
    return msgspec.json.encode({"name": name, "versions": ["1"], "platform": "onnx_onnxv1", **tensors})
