"""The members over real processes: heard at once, missed when they are late or gone, kept when they come afterwards."""

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import tritonclient.http as triton

from services.proxy.app import NAME
from services.proxy.members import read_plan
from services.proxy.schemas import SIGNATURE
from services.proxy.settings import HERE
from serving.tensors import Array
from tests.pipeline.lies import LIES
from tests.pipeline.stages import (
    Liar,
    answer,
    asked,
    open_files,
    proxy,
    replace_under_load,
    sample_of,
    service_of,
    slow,
    urls,
)
from tests.support import Process, assert_same, model_services, running

PLAN = read_plan(HERE / "members.yaml")
FIRST, *OTHERS = PLAN.members
MODEL = service_of(PLAN.members[FIRST].model)
SAMPLE = json.loads((HERE / "sample.json").read_bytes())
SAMPLE_V2 = (HERE / "sample-v2.json").read_bytes()
GRACE_MS = 50


@pytest.fixture(scope="module")
def front(behind: dict[str, Process], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The proxy, with every member behind it."""
    with proxy(tmp_path_factory.mktemp("proxy"), urls(behind)) as process:
        yield process


def in_one_process() -> dict[str, Array]:
    """What the members say with onnxruntime alone, combined."""
    feeds = sample_of(HERE)
    bare = {service.model: service.bare for service in model_services()}
    said = {
        name: bare[member.model]({tensor: feeds[source] for tensor, source in member.feeds.items()})
        for name, member in PLAN.members.items()
    }
    if PLAN.combine is None:
        return {f"{name}_{key}": array for name, outputs in said.items() for key, array in outputs.items()}
    return PLAN.combine(said)


def elsewhere(behind: dict[str, Process], port: int) -> str:
    return json.dumps(json.loads(urls(behind)) | {FIRST: f"http://127.0.0.1:{port}"})


def test_the_answer_is_that_of_one_process_and_looks_like_one_model(front: Process) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{front.port}")
    assert client.is_model_ready(NAME)
    found = asked(front, NAME, SIGNATURE, sample_of(HERE))
    assert found.get_response()["parameters"] == {"answered": ", ".join(PLAN.members)}
    for name, array in in_one_process().items():
        assert_same(found.as_numpy(name), array)


def test_the_typed_route_says_who_was_heard(front: Process) -> None:
    said = front.post("/predict", SAMPLE)
    assert said.status == 200, said.body
    assert said.json["answered"] == list(PLAN.members)
    assert said.json["missing"] == {}
    assert {state["state"] for state in front.ask("GET", "/stages").json.values()} == {"ready"}


def test_members_are_asked_at_once(behind: dict[str, Process], tmp_path: Path) -> None:
    with Liar(MODEL, slow(MODEL, 0.4)) as one, Liar(service_of(OTHERS[0]), slow(service_of(OTHERS[0]), 0.4)) as two:
        where = json.loads(urls(behind))
        where |= {FIRST: f"http://127.0.0.1:{one.port}", OTHERS[0]: f"http://127.0.0.1:{two.port}"}
        with proxy(tmp_path, json.dumps(where)) as front:
            front.post("/predict", SAMPLE)
            began = time.monotonic()
            assert front.post("/predict", SAMPLE).json["missing"] == {}
            assert time.monotonic() - began < 0.7


def test_a_late_member_is_marked_and_not_waited_for(behind: dict[str, Process], tmp_path: Path) -> None:
    with Liar(MODEL, slow(MODEL, 3)) as liar, proxy(tmp_path, elsewhere(behind, liar.port)) as front:
        began = time.monotonic()
        said = front.post("/predict", SAMPLE)
        took_ms = (time.monotonic() - began) * 1000
        assert said.status == 200
        assert said.json["missing"] == {FIRST: "no answer in time"}
        assert said.json["answered"] == OTHERS
        in_v2 = front.ask("POST", f"/v2/models/{NAME}/infer", SAMPLE_V2, {"content-type": "application/json"})
        if PLAN.combine:  # else the outputs of who is missing are missing, and that is an error
            assert in_v2.json["parameters"] == {"answered": ", ".join(OTHERS), "missing": f"{FIRST}: no answer in time"}
        assert PLAN.wait_ms - GRACE_MS < took_ms < PLAN.wait_ms + 4 * GRACE_MS


def test_one_dead_member_does_not_fail_the_request(behind: dict[str, Process], tmp_path: Path) -> None:
    with running(MODEL, tmp_path) as victim, proxy(tmp_path, elsewhere(behind, victim.port)) as front:
        victim.process.kill()
        victim.process.wait()
        said = front.post("/predict", SAMPLE)
        assert said.status == 200
        assert list(said.json["missing"]) == [FIRST]


def test_a_frozen_member_ends_at_the_callers_deadline(behind: dict[str, Process], tmp_path: Path) -> None:
    with running(MODEL, tmp_path) as victim, proxy(tmp_path, elsewhere(behind, victim.port)) as front:
        os.kill(victim.process.pid, signal.SIGSTOP)
        try:
            began = time.monotonic()
            said = front.post("/predict", SAMPLE, {"x-deadline-ms": "400"})
            took_ms = (time.monotonic() - began) * 1000
        finally:
            os.kill(victim.process.pid, signal.SIGCONT)
        assert took_ms < 400 + GRACE_MS
        assert said.status in (200, 504)


@pytest.mark.parametrize("kind", LIES)
def test_a_lying_member_is_missing_and_the_others_are_heard(
    behind: dict[str, Process], tmp_path: Path, kind: str
) -> None:
    make, _, told = LIES[kind]
    with Liar(MODEL, make(MODEL)) as liar, proxy(tmp_path, elsewhere(behind, liar.port)) as front:
        said = front.post("/predict", SAMPLE)
        assert (said.status, said.json["answered"]) == (200, OTHERS)
        assert told.removeprefix("stage") in said.json["missing"][FIRST]


def test_a_member_is_replaced_under_load_and_no_request_fails(behind: dict[str, Process], tmp_path: Path) -> None:
    with running(MODEL, tmp_path) as first, running(MODEL, tmp_path) as second:
        replicas = f"http://127.0.0.1:{first.port},http://127.0.0.1:{second.port}"
        with proxy(tmp_path, json.dumps(json.loads(urls(behind)) | {FIRST: replicas}), deadline_ms=5000) as front:
            answers = replace_under_load(lambda: front.post("/predict", SAMPLE), MODEL, [first, second], tmp_path)
    assert {one.status for one in answers} == {200}


def test_faults_leave_nothing_behind(behind: dict[str, Process], tmp_path: Path) -> None:
    with running(MODEL, tmp_path) as victim, proxy(tmp_path, elsewhere(behind, victim.port)) as front:
        assert front.post("/predict", SAMPLE).status == 200
        before = open_files(front)
        os.kill(victim.process.pid, signal.SIGSTOP)
        try:
            for _ in range(4):
                front.post("/predict", SAMPLE, {"x-deadline-ms": "100"})
        finally:
            os.kill(victim.process.pid, signal.SIGCONT)
        front.wait_until(lambda: b"serving_inflight 0.0" in front.ask("GET", "/metrics").body, "all ended")
        front.wait_until(lambda: open_files(front) <= before + 2, "sockets closed")


def test_below_the_quorum_it_fails_and_says_who_is_missing(tmp_path: Path) -> None:
    with Liar(MODEL, answer(500, b'{"error": "out of luck"}')) as liar:
        liars = dict.fromkeys(PLAN.members, f"http://127.0.0.1:{liar.port}")
        if any(service_of(member.model).signature != MODEL.signature for member in PLAN.members.values()):
            pytest.skip("one liar cannot speak for members of different signatures")
        with proxy(tmp_path, json.dumps(liars)) as front:
            said = front.post("/predict", SAMPLE)
            assert said.status == 502
            assert f"0 of {len(PLAN.members)} answered, the quorum is 1" in said.error
            assert f"stage {FIRST}: " in said.error


def test_a_late_answer_arrives_afterwards(behind: dict[str, Process], tmp_path: Path) -> None:
    with Liar(MODEL, slow(MODEL, 1.5)) as liar, proxy(tmp_path, elsewhere(behind, liar.port)) as front:
        began = front.post("/jobs", SAMPLE)
        assert began.status == 202
        path = began.headers["location"]
        front.wait_until(lambda: set(front.ask("GET", path).json["answers"]) == set(OTHERS), "answered by the others")
        assert front.ask("GET", path).json["done"] is False
        front.wait_until(lambda: front.ask("GET", path).json["done"], "done")
        job = front.ask("GET", path).json
        assert set(job["answers"]) == set(PLAN.members)
        assert job["missing"] == {}


def test_a_job_says_which_member_failed(behind: dict[str, Process], tmp_path: Path) -> None:
    with (
        Liar(MODEL, answer(500, b'{"error": "out of luck"}')) as liar,
        proxy(tmp_path, elsewhere(behind, liar.port)) as front,
    ):
        path = front.post("/jobs", SAMPLE).headers["location"]
        front.wait_until(lambda: front.ask("GET", path).json["done"], "done")
        assert "out of luck" in front.ask("GET", path).json["missing"][FIRST]


def test_unknown_and_expired_jobs_are_404(behind: dict[str, Process], tmp_path: Path) -> None:
    with proxy(tmp_path, urls(behind), keep_jobs_s=0.2) as front:
        assert front.status("/jobs/unknown") == 404
        path = front.post("/jobs", SAMPLE).headers["location"]
        front.wait_until(lambda: front.status(path) == 404, "expired")
