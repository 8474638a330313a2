"""More than can be answered: who is accepted is answered fast, the rest comes again later, probes are never shed."""

import asyncio
import contextlib
import socket
import statistics
import threading
import time
from pathlib import Path

import pytest

from serving.admission import LOOK_EVERY_S, Admission
from serving.errors import Overloaded
from serving.metrics import Metrics
from tests.support import Answer, ModelService, Process, binary_request, infer_path, running

PLACES = 4
CALLERS = 24
LOAD_S = 2.0
SLACK_S = 0.25  # two busy cores, and callers in Python beside the server


def test_beyond_its_places_it_sheds_and_probes_are_exempt(service: ModelService, tmp_path: Path) -> None:
    body, headers = binary_request(service.sample(), service.signature)
    with running(service, tmp_path, max_inflight=PLACES) as process, contextlib.ExitStack() as held:
        for _ in range(PLACES):  # callers who have not sent their whole body hold a place, too
            connection = held.enter_context(socket.create_connection(("127.0.0.1", process.port)))
            connection.sendall(f"POST {infer_path(service)} HTTP/1.1\r\nHost: s\r\nContent-Length: 9\r\n\r\n".encode())
        process.wait_until(lambda: b"serving_inflight 4.0" in process.ask("GET", "/metrics").body, "full")
        for path in ("/predict", infer_path(service)):
            shed = process.ask("POST", path, body, headers)
            assert shed.status == 503
            assert int(shed.headers["retry-after"]) >= 1
            assert "places are taken" in shed.error
        for path in ("/v2/health/live", "/v2/health/ready", "/v2", f"/v2/models/{service.model}", "/metrics"):
            assert process.status(path) == 200
        held.close()
        process.wait_until(lambda: b"serving_inflight 0.0" in process.ask("GET", "/metrics").body, "free again")
        assert process.ask("POST", infer_path(service), body, headers).status == 200


def test_under_a_flood_the_accepted_stay_fast(service: ModelService, tmp_path: Path) -> None:
    body, headers = binary_request(service.sample(), service.signature)

    def timed(process: Process) -> tuple[float, Answer]:
        started = time.monotonic()
        answer = process.ask("POST", infer_path(service), body, headers)
        return time.monotonic() - started, answer

    with running(service, tmp_path, engine="pool", threads=1, max_inflight=PLACES) as process:
        alone_s = statistics.median(timed(process)[0] for _ in range(10))
        answers: list[tuple[float, Answer]] = []
        probes: list[int] = []
        ends_at = time.monotonic() + LOAD_S

        def call() -> None:
            while time.monotonic() < ends_at:
                answers.append(timed(process))

        def probe() -> None:
            while time.monotonic() < ends_at:
                probes.extend(process.status(f"/v2/health/{kind}") for kind in ("ready", "live"))
                time.sleep(0.02)

        threads = [threading.Thread(target=call) for _ in range(CALLERS)] + [threading.Thread(target=probe)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    accepted = sorted(seconds for seconds, answer in answers if answer.status == 200)
    shed = [answer for _, answer in answers if answer.status == 503]
    assert len(accepted) + len(shed) == len(answers)
    assert accepted
    assert shed
    assert all(int(answer.headers["retry-after"]) >= 1 for answer in shed)
    assert accepted[int(len(accepted) * 0.95)] < SLACK_S + 3 * (PLACES + 1) * alone_s
    assert set(probes) == {200}


def test_a_loop_that_lags_sheds_too() -> None:
    async def scenario() -> None:
        admission = Admission(Metrics(), max_inflight=8, queue_ms=100)
        watching = asyncio.create_task(admission.watch_loop())
        await asyncio.sleep(3 * LOOK_EVERY_S)
        with admission:
            time.sleep(0.3)  # what many inline runs in a row do to the loop
        for _ in range(3):  # turns of the loop: the watch has its own in one of them
            await asyncio.sleep(0)
        with pytest.raises(Overloaded, match="wait for"), admission:
            pass
        await asyncio.sleep(3 * LOOK_EVERY_S)
        with admission:
            watching.cancel()

    asyncio.run(scenario())
