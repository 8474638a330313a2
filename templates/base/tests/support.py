"""Services as real processes, and a plain HTTP client: what the tests here have in common."""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import yaml

from serving.sample import Feeds, sample_candidates
from serving.session import Session
from serving.tensors import Array, Signature

ROOT = Path(__file__).parents[1]
MODELS = ROOT / "models"
START_S = 60.0
JSON = {"Content-Type": "application/json"}


@dataclass(frozen=True)
class ModelService:
    """A service that holds a model: its package, and what its model's card and file say."""

    package: str

    @property
    def model(self) -> str:
        """The model's name."""
        return self.package if (MODELS / self.package).is_dir() else self.package.replace("_", "-")

    @property
    def card(self) -> dict[str, Any]:
        """What `model.yaml` says."""
        card: dict[str, Any] = yaml.safe_load((MODELS / self.model / "model.yaml").read_text(encoding="utf-8"))
        return card

    @property
    def file(self) -> Path:
        """The ONNX file."""
        return MODELS / self.model / str(self.card["version"]) / "model.onnx"

    @property
    def signature(self) -> Signature:
        """The file's own signature."""
        return Session(self.file).signature

    def sample(self) -> Feeds:
        """Inputs that the model accepts."""
        session = Session(self.file)
        names = [spec.name for spec in session.signature.outputs]
        for feeds in sample_candidates(session.signature, MODELS / self.model):
            with contextlib.suppress(Exception):
                session.run(feeds, names)
                return feeds
        raise AssertionError(f"no sample input of {self.model} runs")

    def bare(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """What onnxruntime alone answers."""
        session = ort.InferenceSession(self.file)
        names = [output.name for output in session.get_outputs()]
        return dict(zip(names, session.run(names, dict(feeds)), strict=True))


def model_services() -> list[ModelService]:
    """Every service of the project that holds a model."""
    found = sorted(path.parent.name for path in (ROOT / "services").glob("*/schemas.py"))
    return [service for service in map(ModelService, found) if (MODELS / service.model).is_dir()]


@dataclass
class Answer:
    """An HTTP answer, read to its end."""

    status: int
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - whatever the body holds
        """The body as JSON."""
        return json.loads(self.body)

    @property
    def error(self) -> str:
        """The message of an error's body."""
        message: str = self.json["error"]
        return message


class Process:
    """A service running on a port of its own."""

    module = "services.{}"

    def __init__(self, package: str, log: Path, settings: Mapping[str, object]) -> None:
        self.port = int(str(settings.get("port", free_port())))
        prefix = package.upper()
        given = {f"{prefix}_{name.upper()}": str(value) for name, value in {"port": self.port, **settings}.items()}
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module.format(package)],
                cwd=ROOT,
                env={**os.environ, **given},
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def log_lines(self) -> list[dict[str, Any]]:
        """What the process has logged."""
        return [json.loads(line) for line in self._log.read_text(encoding="utf-8").splitlines()]

    def ask(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """One request on a connection of its own."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
            connection.request(method, path, body, dict(headers or {}))
            response = connection.getresponse()
            names = {name.lower(): value for name, value in response.getheaders()}
            return Answer(response.status, names, response.read())

    def post(self, path: str, body: object, headers: Mapping[str, str] | None = None) -> Answer:
        """A JSON body by POST."""
        return self.ask("POST", path, json.dumps(body).encode(), {**JSON, **(headers or {})})

    def status(self, path: str) -> int:
        """The status of a GET; 0 where nobody listens."""
        try:
            return self.ask("GET", path).status
        except OSError:
            return 0

    def wait_until(self, reached: Callable[[], bool], what: str) -> None:
        """Wait for something to become true while the process lives."""
        ends_at = time.monotonic() + START_S
        while not reached():
            if self.process.poll() is not None or time.monotonic() > ends_at:
                raise AssertionError(f"not {what}:\n{self._log.read_text(encoding='utf-8')[-4000:]}")
            time.sleep(0.01)

    def stop(self) -> int:
        """End it without a drain; the exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGINT)
        try:
            return self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


@contextlib.contextmanager
def running(service: ModelService, folder: Path, *, wait: bool = True, **settings: object) -> Iterator[Process]:
    """The service as a process with these settings; ready, unless `wait` says otherwise."""
    process = Process(service.package, folder / f"{service.package}-{free_port()}.log", settings)
    try:
        path = "/v2/health/ready" if wait else "/v2/health/live"
        process.wait_until(lambda: process.status(path) == 200, path)
        yield process
    finally:
        process.stop()


def copied_models(folder: Path) -> Path:
    """A copy of the model repository that a test may damage."""
    copy = folder / "models"
    shutil.copytree(MODELS, copy)
    return copy


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def infer_path(service: ModelService) -> str:
    """The path of the protocol's inference route."""
    return f"/v2/models/{service.model}/infer"


def binary_request(
    feeds: Mapping[str, Array], signature: Signature, **parameters: object
) -> tuple[bytes, dict[str, str]]:
    """A request with every tensor in binary, and its headers."""
    blobs = [wire(feeds[spec.name]) for spec in signature.inputs]
    inputs = [
        {
            "name": spec.name,
            "shape": list(feeds[spec.name].shape),
            "datatype": spec.datatype,
            "parameters": {"binary_data_size": len(blob)},
        }
        for spec, blob in zip(signature.inputs, blobs, strict=True)
    ]
    head = json.dumps({"inputs": inputs, "parameters": {"binary_data_output": True, **parameters}}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return b"".join([head, *blobs]), headers


def wire(array: Array) -> bytes:
    """A tensor as the binary extension carries it."""
    if array.dtype.kind != "O":
        return array.tobytes()
    encoded = [str(value).encode() for value in array.flat]
    return b"".join(len(value).to_bytes(4, "little") + value for value in encoded)


def assert_same(left: Array, right: Array) -> None:
    """Equal shapes and values; floats up to the last digits, which another order of sums may change."""
    assert left.shape == right.shape
    if left.dtype.kind == "f":
        np.testing.assert_allclose(left, right, rtol=1e-3, atol=1e-5)
    else:
        assert left.tolist() == right.tolist()
