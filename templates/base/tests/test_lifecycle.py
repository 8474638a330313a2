"""Truthful health: never ready before warm-up or with another file, at once not ready at SIGTERM, and no work lost."""

import os
import signal
import socket
import threading
import time
from pathlib import Path

from msgspec import yaml

from tests.support import Answer, ModelService, Process, binary_request, copied_models, infer_path, running

PROMISED_S = 0.1


def _ask(process: Process, service: ModelService) -> Answer:
    body, headers = binary_request(service.sample(), service.signature)
    return process.ask("POST", infer_path(service), body, headers)


def test_live_and_not_ready_until_the_model_is_warm(service: ModelService, tmp_path: Path) -> None:
    models = copied_models(tmp_path)
    file = models / service.file.relative_to(service.file.parents[2])
    content = file.read_bytes()
    file.unlink()
    os.mkfifo(file)  # a disk as slow as we like: reading it takes until we write
    with running(service, tmp_path, wait=False, models_dir=models) as process:
        for path in ("/v2/health/ready", f"/v2/models/{service.model}/ready", f"/v2/models/{service.model}"):
            answer = process.ask("GET", path)
            assert (answer.status, "starting" in answer.error) == (503, True)
        refused = _ask(process, service)
        assert refused.status == 503
        assert int(refused.headers["retry-after"]) >= 1
        assert process.status("/v2/health/live") == 200
        with file.open("wb") as pipe:
            file.unlink()
            file.write_bytes(content)  # what is opened after the checksum
            pipe.write(content)
        process.wait_until(lambda: process.status("/v2/health/ready") == 200, "ready")
        assert _ask(process, service).status == 200


def test_another_file_than_promised_is_never_ready(service: ModelService, tmp_path: Path) -> None:
    models = copied_models(tmp_path)
    file = models / service.file.relative_to(service.file.parents[2])
    file.write_bytes(file.read_bytes() + b"\0")
    with running(service, tmp_path, wait=False, models_dir=models) as process:
        process.wait_until(lambda: "checksum" in process.ask("GET", "/v2/health/ready").error, "checked")
        assert process.status("/v2/health/live") == 200
        assert process.status("/v2/health/ready") == 503
        assert _ask(process, service).status == 503


def test_other_weights_beside_the_model_than_promised_are_never_ready(service: ModelService, tmp_path: Path) -> None:
    models = copied_models(tmp_path)
    (models / service.file.relative_to(service.file.parents[2])).with_name("weights.bin").write_bytes(b"others")
    path = models / service.model / "model.yaml"
    card = yaml.decode(path.read_bytes())
    path.write_bytes(yaml.encode({**card, "external_data": {"weights.bin": "0" * 64}}))
    with running(service, tmp_path, wait=False, models_dir=models) as process:
        process.wait_until(
            lambda: "weights.bin: wrong checksum" in process.ask("GET", "/v2/health/ready").error, "checked"
        )
        assert _ask(process, service).status == 503


def test_a_missing_model_is_told_and_does_not_kill_the_process(service: ModelService, tmp_path: Path) -> None:
    with running(service, tmp_path, wait=False, models_dir=tmp_path) as process:
        process.wait_until(lambda: "cannot be read" in process.ask("GET", "/v2/health/ready").error, "told")
        assert process.status("/v2/health/live") == 200


def test_at_sigterm_not_ready_at_once_and_work_goes_on(service: ModelService, tmp_path: Path) -> None:
    with running(service, tmp_path, drain_seconds=1.5) as process:
        signalled = time.monotonic()
        process.process.send_signal(signal.SIGTERM)
        process.wait_until(lambda: process.status("/v2/health/ready") == 503, "draining")
        assert time.monotonic() - signalled < PROMISED_S
        assert process.status("/v2/health/live") == 200
        answer = _ask(process, service)
        assert answer.status == 200
        assert answer.headers["connection"] == "close"
        assert process.process.wait(10) == 0
        assert time.monotonic() - signalled >= 1.5


def test_a_request_in_flight_is_finished_after_the_drain(service: ModelService, tmp_path: Path) -> None:
    body, headers = binary_request(service.sample(), service.signature)
    with running(service, tmp_path, drain_seconds=0.2) as process:
        head = [f"POST {infer_path(service)} HTTP/1.1", "Host: service", f"Content-Length: {len(body)}"]
        head += [f"{name}: {value}" for name, value in headers.items()]
        with socket.create_connection(("127.0.0.1", process.port)) as connection:
            connection.sendall("\r\n".join([*head, "", ""]).encode() + body[:10])
            time.sleep(0.1)
            process.process.send_signal(signal.SIGTERM)
            time.sleep(0.6)  # the drain is over, the listening socket is closed
            assert process.status("/v2/health/live") == 0
            connection.sendall(body[10:])
            assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        assert process.process.wait(10) == 0


def test_ctrl_c_ends_without_the_drain(service: ModelService, tmp_path: Path) -> None:
    with running(service, tmp_path, drain_seconds=30) as process:
        asked = threading.Thread(target=_ask, args=(process, service))
        asked.start()
        asked.join()
        started = time.monotonic()
        process.process.send_signal(signal.SIGINT)
        process.process.wait(10)
        assert time.monotonic() - started < 5
