"""An inference service killed, frozen, slow, lying, replaced, or another one: an answer or a clear error in time."""

import json
import os
import signal
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from services.preprocess.settings import MODEL
from tests.pipeline.lies import LIES
from tests.pipeline.pictures import SERVICE, ask, picture, preprocess
from tests.pipeline.stages import Liar, answer, open_files, replace_under_load, slow, urls
from tests.support import Process, running

PICTURE = picture()
DEADLINE_MS = 600
GRACE_MS = 50


def at(port: int) -> str:
    """The setting for an inference service on this port."""
    return json.dumps({MODEL: f"http://127.0.0.1:{port}"})


def test_a_killed_one_is_named_at_once_and_comes_back(tmp_path: Path) -> None:
    with running(SERVICE, tmp_path) as victim, preprocess(tmp_path, at(victim.port)) as front:
        assert ask(front, PICTURE).status == 200
        victim.process.kill()
        victim.process.wait()
        began = time.monotonic()
        failed = ask(front, PICTURE, DEADLINE_MS)
        assert (failed.status, failed.headers["retry-after"]) == (503, "1")
        assert f"stage {MODEL}:" in failed.error
        assert (time.monotonic() - began) * 1000 < DEADLINE_MS + GRACE_MS
        assert front.status("/v2/health/live") == 200
        assert front.ask("GET", "/stages").json[MODEL]["state"] != "ready"
        with running(SERVICE, tmp_path, port=victim.port):
            front.wait_until(lambda: ask(front, PICTURE).status == 200, "answered again")


def test_a_frozen_one_ends_at_the_deadline_and_leaves_nothing_behind(tmp_path: Path) -> None:
    with running(SERVICE, tmp_path) as victim, preprocess(tmp_path, at(victim.port)) as front:
        assert ask(front, PICTURE).status == 200
        before = open_files(front)
        os.kill(victim.process.pid, signal.SIGSTOP)
        try:
            for _ in range(3):
                began = time.monotonic()
                failed = ask(front, PICTURE, DEADLINE_MS)
                took_ms = (time.monotonic() - began) * 1000
                assert (failed.status, f"stage {MODEL}:" in failed.error) == (504, True)
                assert DEADLINE_MS - GRACE_MS < took_ms < DEADLINE_MS + GRACE_MS
        finally:
            os.kill(victim.process.pid, signal.SIGCONT)
        front.wait_until(lambda: ask(front, PICTURE).status == 200, "answered again")
        assert b"serving_inflight 0.0" in front.ask("GET", "/metrics").body
        assert open_files(front) <= before + 2


def test_a_slow_one_ends_at_the_deadline(tmp_path: Path) -> None:
    with Liar(SERVICE, slow(SERVICE, 1.5)) as liar, preprocess(tmp_path, at(liar.port)) as front:
        began = time.monotonic()
        assert ask(front, PICTURE, DEADLINE_MS).status == 504
        assert (time.monotonic() - began) * 1000 < DEADLINE_MS + GRACE_MS
        assert ask(front, PICTURE, 5000).status == 200


@pytest.mark.parametrize("kind", LIES)
def test_a_lying_one_is_named(tmp_path: Path, kind: str) -> None:
    make, status, said = LIES[kind]
    with Liar(SERVICE, make(SERVICE)) as liar, preprocess(tmp_path, at(liar.port)) as front:
        failed = ask(front, PICTURE)
        assert failed.status == status, failed.body
        assert f"stage {MODEL}:" in failed.error
        assert said in failed.error


def another(change: Callable[[dict[str, object]], None]) -> bytes:
    """The inference service's metadata, changed."""
    metadata: dict[str, object] = {
        "name": MODEL,
        **{
            kind: [{"name": spec.name, "datatype": spec.datatype, "shape": list(spec.shape)} for spec in specs]
            for kind, specs in (("inputs", SERVICE.signature.inputs), ("outputs", SERVICE.signature.outputs))
        },
    }
    change(metadata)
    return json.dumps(metadata).encode()


def set_input(key: str, value: object) -> Callable[[dict[str, object]], None]:
    """A change of the first input."""
    return lambda metadata: metadata["inputs"][0].update({key: value})  # type: ignore[index]


CHANGES: dict[str, Callable[[dict[str, object]], None]] = {
    "name": set_input("name", "pixels"),
    "datatype": set_input("datatype", "INT8"),
    "shape": set_input("shape", [-1, 3, 7, 7]),
    "outputs": lambda metadata: metadata.update(outputs=[]),
}


class Changing(Liar):
    """A service whose metadata are `metadata` from the beginning, and until they are changed."""

    def __init__(self, metadata: bytes) -> None:
        super().__init__(SERVICE, answer(500, b"{}"))
        self.metadata = metadata
        handler = self._server.RequestHandlerClass

        def get(handling: BaseHTTPRequestHandler) -> None:
            answer(200, self.metadata)(handling)

        handler.do_GET = get  # type: ignore[attr-defined]


@pytest.mark.parametrize("change", CHANGES)
def test_another_contract_keeps_the_pair_from_being_ready(tmp_path: Path, change: str) -> None:
    broken = another(CHANGES[change])
    with Changing(broken) as other, preprocess(tmp_path, at(other.port), ready=False) as front:
        front.wait_until(
            lambda: "written for" in front.ask("GET", "/v2/health/ready").body.decode(), "told why it is not ready"
        )
        assert front.status("/v2/health/ready") == 503
        assert front.status(f"/v2/models/{MODEL}/ready") == 503
        other.metadata = another(lambda _: None)
        front.wait_until(lambda: front.status("/v2/health/ready") == 200, "ready once the right one is there")


def test_a_contract_that_changes_later_ends_readiness(tmp_path: Path) -> None:
    with Changing(another(lambda _: None)) as other, preprocess(tmp_path, at(other.port)) as front:
        other.metadata = another(CHANGES["shape"])
        front.wait_until(lambda: front.status("/v2/health/ready") == 503, "not ready")
        failed = ask(front, PICTURE)
        assert (failed.status, "written for" in failed.error) == (503, True), failed.body
        other.metadata = another(lambda _: None)
        front.wait_until(lambda: front.status("/v2/health/ready") == 200, "ready again")


def test_without_an_inference_service_it_is_not_ready_and_says_so(tmp_path: Path) -> None:
    with preprocess(tmp_path, at(9), ready=False) as front:
        front.wait_until(lambda: f"stage {MODEL}:" in front.ask("GET", "/v2/health/ready").body.decode(), "told why")
        assert front.status("/v2/health/live") == 200


def test_it_is_replaced_under_load_and_no_request_fails(tmp_path: Path) -> None:
    with running(SERVICE, tmp_path) as first, running(SERVICE, tmp_path) as second:
        where = json.dumps({MODEL: f"http://127.0.0.1:{first.port},http://127.0.0.1:{second.port}"})
        with preprocess(tmp_path, where) as front:
            answers = replace_under_load(lambda: ask(front, PICTURE), SERVICE, [first, second], tmp_path)
    assert {one.status for one in answers} == {200}


def test_the_preprocess_service_is_replaced_alone(behind: dict[str, Process], tmp_path: Path) -> None:
    with preprocess(tmp_path, urls(behind)) as first:
        assert ask(first, PICTURE).status == 200
        with preprocess(tmp_path, urls(behind)) as second:
            first.process.send_signal(signal.SIGTERM)
            assert ask(second, PICTURE).status == 200
            assert first.process.wait(20) == 0
