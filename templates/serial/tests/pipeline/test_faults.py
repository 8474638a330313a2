"""Stages killed, frozen, lying, refusing or replaced: an answer or a clear error in time, and nothing left behind."""

import json
import os
import signal
import time
from pathlib import Path

import pytest

from services.proxy.route import read_route
from services.proxy.settings import HERE
from tests.pipeline.lies import LIES
from tests.pipeline.stages import Liar, answer, open_files, proxy, replace_under_load, service_of, urls
from tests.support import Answer, Process, running

ROUTE = read_route(HERE / "route.yaml")
FIRST = ROUTE.first
MODEL = service_of(ROUTE.stages[FIRST].model)
SAMPLE = json.loads((HERE / "sample.json").read_bytes())
DEADLINE_MS = 600
GRACE_MS = 50


def ask(front: Process, deadline_ms: int = DEADLINE_MS) -> Answer:
    return front.post("/predict", SAMPLE, {"x-deadline-ms": str(deadline_ms)})


def test_a_killed_stage_is_named_at_once_and_comes_back(behind: dict[str, Process], tmp_path: Path) -> None:
    with running(MODEL, tmp_path) as victim, proxy(tmp_path, urls(behind | {FIRST: victim})) as front:
        assert ask(front, 5000).status == 200
        victim.process.kill()
        victim.process.wait()
        began = time.monotonic()
        failed = ask(front)
        assert (failed.status, failed.headers["retry-after"]) == (503, "1")
        assert f"stage {FIRST}:" in failed.error
        assert (time.monotonic() - began) * 1000 < DEADLINE_MS + GRACE_MS
        assert front.status("/v2/health/live") == 200
        assert front.ask("GET", "/stages").json[FIRST]["state"] != "ready"
        with running(MODEL, tmp_path, port=victim.port):
            front.wait_until(lambda: ask(front, 5000).status == 200, "answered again")


def test_a_frozen_stage_ends_at_the_deadline(behind: dict[str, Process], tmp_path: Path) -> None:
    with running(MODEL, tmp_path) as victim, proxy(tmp_path, urls(behind | {FIRST: victim})) as front:
        assert ask(front, 5000).status == 200
        os.kill(victim.process.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            failed = ask(front)
            took_ms = (time.monotonic() - began) * 1000
            assert failed.status == 504
            assert f"stage {FIRST}:" in failed.error
            assert DEADLINE_MS - GRACE_MS < took_ms < DEADLINE_MS + GRACE_MS
        finally:
            os.kill(victim.process.pid, signal.SIGCONT)
        front.wait_until(lambda: ask(front, 5000).status == 200, "answered again")


def test_after_failures_a_stage_is_left_alone_for_a_moment(behind: dict[str, Process], tmp_path: Path) -> None:
    asked = 0

    def failing(handler: object) -> None:
        nonlocal asked
        asked += 1
        answer(500, b'{"error": "out of luck"}')(handler)  # type: ignore[arg-type]

    with Liar(MODEL, failing) as liar:
        where = json.loads(urls(behind)) | {FIRST: f"http://127.0.0.1:{liar.port}"}
        with proxy(tmp_path, json.dumps(where)) as front:
            statuses = [ask(front).status for _ in range(8)]
            assert statuses == [502] * 5 + [503] * 3
            assert asked == 5
            assert front.ask("GET", "/stages").json[FIRST]["breaker"] == "open"


@pytest.mark.parametrize("kind", LIES)
def test_a_lying_stage_is_named(behind: dict[str, Process], tmp_path: Path, kind: str) -> None:
    make, status, said = LIES[kind]
    with Liar(MODEL, make(MODEL)) as liar:
        where = json.loads(urls(behind)) | {FIRST: f"http://127.0.0.1:{liar.port}"}
        with proxy(tmp_path, json.dumps(where)) as front:
            failed = ask(front)
            assert failed.status == status, failed.body
            assert f"stage {FIRST}:" in failed.error
            assert said in failed.error
            if status == 503:
                assert failed.headers["retry-after"] == "7"


def test_a_stage_with_another_signature_keeps_the_proxy_from_being_ready(
    behind: dict[str, Process], tmp_path: Path
) -> None:
    metadata = {"name": "x", "inputs": [{"name": "other", "datatype": "INT8", "shape": [1]}], "outputs": []}
    with Liar(MODEL, answer(200, b"")) as liar:
        liar_handler = liar._server.RequestHandlerClass
        liar_handler.do_GET = lambda self: answer(200, json.dumps(metadata).encode())(self)  # type: ignore[attr-defined]
        where = json.loads(urls(behind)) | {FIRST: f"http://127.0.0.1:{liar.port}"}
        with proxy(tmp_path, json.dumps(where), ready=False) as front:
            front.wait_until(lambda: "route.yaml:" in front.ask("GET", "/v2/health/ready").body.decode(), "told why")
            assert front.status("/v2/health/ready") == 503


def test_a_stage_is_replaced_under_load_and_no_request_fails(behind: dict[str, Process], tmp_path: Path) -> None:
    with running(MODEL, tmp_path) as first, running(MODEL, tmp_path) as second:
        replicas = f"http://127.0.0.1:{first.port},http://127.0.0.1:{second.port}"
        with proxy(tmp_path, json.dumps(json.loads(urls(behind)) | {FIRST: replicas})) as front:
            answers = replace_under_load(lambda: ask(front, 5000), MODEL, [first, second], tmp_path)
    assert {one.status for one in answers} == {200}


def test_faults_leave_nothing_behind(behind: dict[str, Process], tmp_path: Path) -> None:
    with running(MODEL, tmp_path) as victim, proxy(tmp_path, urls(behind | {FIRST: victim})) as front:
        assert ask(front, 5000).status == 200
        before = open_files(front)
        os.kill(victim.process.pid, signal.SIGSTOP)
        try:
            for _ in range(4):
                assert ask(front, 100).status == 504
        finally:
            os.kill(victim.process.pid, signal.SIGCONT)
        time.sleep(0.2)
        assert b"serving_inflight 0.0" in front.ask("GET", "/metrics").body
        assert open_files(front) <= before + 2
