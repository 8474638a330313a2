"""The whole over real processes: it answers as the same steps in one process do, and looks like one model."""

import json
from collections.abc import Iterator, Mapping

import numpy as np
import pytest
import tritonclient.http as triton

from services.proxy.app import NAME
from services.proxy.route import END, REQUEST, Stage, read_route
from services.proxy.schemas import SIGNATURE
from services.proxy.settings import HERE
from serving.tensors import Array
from tests.pipeline.stages import asked, proxy, sample_of, urls
from tests.support import Process, assert_same, model_services

ROUTE = read_route(HERE / "route.yaml")
ROWS = 7


@pytest.fixture(scope="module")
def front(behind: dict[str, Process], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The proxy, with every stage behind it."""
    with proxy(tmp_path_factory.mktemp("proxy"), urls(behind)) as process:
        yield process


def several_rows() -> dict[str, Array]:
    """Rows that differ, where the stages take rows; else the sample."""
    if not SIGNATURE.has_rows:
        return sample_of(HERE)
    generator = np.random.default_rng(3)
    scales = generator.uniform(0, 1, ROWS).round(2)
    return {name: _scaled(np.repeat(array[:1], ROWS, axis=0), scales) for name, array in sample_of(HERE).items()}


def _scaled(array: Array, scales: Array) -> Array:
    if array.dtype.kind != "f":
        return array
    return (array * scales.reshape(-1, *[1] * (array.ndim - 1))).astype(array.dtype)


def step_by_step(feeds: Mapping[str, Array]) -> dict[str, Array]:
    """What the route means, row by row in one process with onnxruntime alone."""
    bare = {service.model: service.bare for service in model_services()}
    stage: Stage = ROUTE.stages[ROUTE.first]
    said: dict[str, dict[str, Array]] = {REQUEST: dict(feeds)}
    while True:
        said[stage.name] = bare[stage.model](
            {name: said[place][tensor] for name, (place, tensor) in stage.feeds.items()}
        )
        go = next(branch.go for branch in stage.branches if branch.when is None or branch.when(said, 1)[0])
        if go == END:
            return {spec.name: said[stage.name][spec.name] for spec in SIGNATURE.outputs}
        stage = ROUTE.stages[go]


def test_it_looks_like_one_model(front: Process) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{front.port}")
    assert client.is_server_ready()
    assert client.is_model_ready(NAME)
    metadata = client.get_model_metadata(NAME)
    assert [tensor["name"] for tensor in metadata["inputs"]] == [spec.name for spec in SIGNATURE.inputs]


def test_the_answer_is_that_of_the_steps_in_one_process(front: Process) -> None:
    feeds = several_rows()
    answer = asked(front, NAME, SIGNATURE, feeds)
    assert answer.get_response()["parameters"]["route"].split(", ")[0] == ROUTE.first
    found = {spec.name: answer.as_numpy(spec.name) for spec in SIGNATURE.outputs}
    if not SIGNATURE.has_rows:
        for name, array in step_by_step(feeds).items():
            assert_same(found[name], array)
        return
    for row in range(ROWS):
        one = {name: array[row : row + 1] for name, array in feeds.items()}
        for name, array in step_by_step(one).items():
            assert_same(found[name][row : row + 1], array)


def test_the_typed_route_says_which_way_it_went(front: Process) -> None:
    answer = front.post("/predict", json.loads((HERE / "sample.json").read_bytes()))
    assert answer.status == 200, answer.body
    assert answer.json["route"][0] == ROUTE.first
    assert answer.json["failed"] == {}


def test_each_stage_is_shown(front: Process) -> None:
    shown = front.ask("GET", "/stages").json
    assert set(shown) == set(ROUTE.stages)
    assert {state["state"] for state in shown.values()} == {"ready"}


def test_one_trace_goes_through_all(front: Process, behind: dict[str, Process]) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x-request-id": "one-of-mine"}
    assert front.post("/predict", json.loads((HERE / "sample.json").read_bytes()), headers).status == 200
    both = (front, behind[ROUTE.stages[ROUTE.first].model])

    def seen() -> set[tuple[str, str]]:
        lines = [line for process in both for line in process.log_lines if line.get("request_id") == "one-of-mine"]
        return {(line["service"], line["trace_id"]) for line in lines}

    front.wait_until(lambda: len(seen()) == len(both), "logged by both")  # a line is written after its answer
    assert {trace_id for _, trace_id in seen()} == {trace}


def test_latency_is_counted_by_stage(front: Process) -> None:
    front.post("/predict", json.loads((HERE / "sample.json").read_bytes()))
    text = front.ask("GET", "/metrics").body.decode()
    assert f'serving_stage_seconds_count{{outcome="answered",stage="{ROUTE.first}"}}' in text
