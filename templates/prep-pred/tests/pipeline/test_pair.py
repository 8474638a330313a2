"""The pair over real processes: it answers as the same steps in one process do, and looks like one model."""

import base64
import statistics
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as triton
from PIL import Image

from services.preprocess.schemas import IMAGE, SIGNATURE, Prediction
from services.preprocess.settings import MODEL
from tests.pipeline.pictures import ask, in_one_process, picture, png, preprocess
from tests.pipeline.stages import urls
from tests.support import Process, assert_same

MANY = SIGNATURE.inputs[0].shape == (-1,)
PICTURES = [picture(seed) for seed in range(5 if MANY else 1)]
SLOW_PICTURE = png(Image.new("RGB", (4000, 3100), "white"))


@pytest.fixture(scope="module")
def front(behind: dict[str, Process], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The preprocess service, with the inference service behind it."""
    with preprocess(tmp_path_factory.mktemp("preprocess"), urls(behind)) as process:
        yield process


def test_it_looks_like_one_model_that_takes_images(front: Process) -> None:
    client = triton.InferenceServerClient(f"127.0.0.1:{front.port}")
    assert client.is_server_ready()
    assert client.is_model_ready(MODEL)
    metadata = client.get_model_metadata(MODEL)
    assert metadata["inputs"] == [{"name": IMAGE, "datatype": "BYTES", "shape": list(SIGNATURE.inputs[0].shape)}]
    assert [tensor["name"] for tensor in metadata["outputs"]] == [spec.name for spec in SIGNATURE.outputs]


def test_the_answer_is_that_of_the_steps_in_one_process(front: Process) -> None:
    tensor = triton.InferInput(IMAGE, [len(PICTURES)], "BYTES")
    tensor.set_data_from_numpy(np.array(PICTURES, dtype=np.object_))
    answer = triton.InferenceServerClient(f"127.0.0.1:{front.port}").infer(MODEL, [tensor])
    for name, expected in in_one_process(PICTURES).items():
        assert_same(answer.as_numpy(name), expected)


def test_images_in_json_are_base64(front: Process) -> None:
    tensor = {"name": IMAGE, "shape": [1], "datatype": "BYTES"}
    path = f"/v2/models/{MODEL}/infer"
    body = {
        "inputs": [{**tensor, "data": [base64.b64encode(PICTURES[0]).decode()]}],
        "parameters": {"binary_data_output": True},
    }
    assert front.post(path, body).status == 200
    refused = front.post(path, {"inputs": [{**tensor, "data": ["no base64!"]}]})
    assert (refused.status, "base64" in refused.error) == (400, True)


def test_the_plain_route_takes_the_file_itself(front: Process) -> None:
    expected = Prediction.of(in_one_process(PICTURES[:1])).model_dump()
    answer = ask(front, PICTURES[0])
    assert answer.status == 200, answer.body
    found = Prediction.model_validate(answer.json).model_dump()
    assert found.keys() == expected.keys()
    for name, value in expected.items():
        if isinstance(value, dict):
            assert found[name] == pytest.approx(value, rel=1e-3, abs=1e-5)
        elif isinstance(value, str):
            assert found[name] == value
        else:
            np.testing.assert_allclose(np.array(found[name], float), np.array(value, float), rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("content", "content_type", "status", "said"),
    [
        (b"hello", "image/png", 415, "PNG or JPEG"),
        (b"", "image/png", 415, "an empty body"),
        (PICTURES[0], "application/x-www-form-urlencoded", 415, "image/png"),
        (PICTURES[0], "", 415, "image/png"),
        (PICTURES[0][:-900], "image/png", 422, "broken"),
        (png(Image.new("1", (4001, 4000))), "image/png", 413, "4001 x 4000"),
    ],
)
def test_what_is_refused_over_the_wire(
    front: Process, content: bytes, content_type: str, status: int, said: str
) -> None:
    answer = ask(front, content, content_type=content_type)
    assert (answer.status, said in answer.error) == (status, True), answer.body


@pytest.mark.skipif(not MANY, reason="the model takes one image a request")
def test_a_bad_image_among_others_is_told_by_its_place(front: Process) -> None:
    tensor = triton.InferInput(IMAGE, [2], "BYTES")
    tensor.set_data_from_numpy(np.array([PICTURES[0], b"hello"], dtype=np.object_))
    with pytest.raises(triton.InferenceServerException, match="image 1: expected a PNG or JPEG"):
        triton.InferenceServerClient(f"127.0.0.1:{front.port}").infer(MODEL, [tensor])


def test_probes_are_answered_while_images_are_decoded(behind: dict[str, Process], tmp_path: Path) -> None:
    with preprocess(tmp_path, urls(behind)) as front:
        began = time.monotonic()
        assert ask(front, SLOW_PICTURE).status == 200
        alone_s = time.monotonic() - began
        assert _usual_probe_s(front, seconds=3 * alone_s) < alone_s / 4, f"one image takes {alone_s:.3f} s"


def _usual_probe_s(front: Process, seconds: float) -> float:
    """What a probe takes in the middle, while one image after the other is decoded."""
    stop = threading.Event()

    def keep_asking() -> None:
        while not stop.is_set():
            ask(front, SLOW_PICTURE)

    asking = threading.Thread(target=keep_asking)
    asking.start()
    taken: list[float] = []
    ends_at = time.monotonic() + max(1.0, seconds)
    while time.monotonic() < ends_at:
        began = time.monotonic()
        assert front.status("/v2/health/live") == 200
        taken.append(time.monotonic() - began)
        time.sleep(0.01)
    stop.set()
    asking.join()
    return statistics.median(taken)


def test_a_deadline_ends_the_preparation(front: Process) -> None:
    answer = ask(front, SLOW_PICTURE, deadline_ms=5)
    assert answer.status == 504
    assert "deadline" in answer.error


def test_each_half_has_its_own_libraries(front: Process, behind: dict[str, Process]) -> None:
    loaded = {
        process: Path(f"/proc/{process.process.pid}/maps").read_text(encoding="utf-8")
        for process in (front, behind[MODEL])
    }
    assert "/PIL/" in loaded[front]
    assert "/onnxruntime/" not in loaded[front]
    assert "/onnxruntime/" in loaded[behind[MODEL]]
    assert "/PIL/" not in loaded[behind[MODEL]]
    services = Path(__file__).parents[2] / "services"
    pinned = {path.parent.name: path.read_text(encoding="utf-8") for path in services.glob("*/requirements.txt")}
    assert {name for name, text in pinned.items() if "\npillow==" in text} == {"preprocess"}
    assert {name for name, text in pinned.items() if "\nonnxruntime==" in text} == set(pinned) - {"preprocess"}


def test_one_trace_goes_through_both(front: Process, behind: dict[str, Process]) -> None:
    trace = "0af7651916cd43dd8448eb211c80319c"
    headers = {"traceparent": f"00-{trace}-b7ad6b7169203331-01", "x-request-id": "one-of-mine"}
    assert front.ask("POST", "/predict", PICTURES[0], {**headers, "content-type": "image/png"}).status == 200
    both = (front, behind[MODEL])

    def seen() -> set[tuple[str, str]]:
        lines = [line for process in both for line in process.log_lines if line.get("request_id") == "one-of-mine"]
        return {(line["service"], line["trace_id"]) for line in lines}

    front.wait_until(lambda: len(seen()) == len(both), "logged by both")  # a line is written after its answer
    assert {trace_id for _, trace_id in seen()} == {trace}


def test_the_time_in_each_half_is_counted(front: Process) -> None:
    ask(front, PICTURES[0])
    text = front.ask("GET", "/metrics").body.decode()
    for stage in ("preprocess", MODEL):
        assert f'serving_stage_seconds_count{{outcome="answered",stage="{stage}"}}' in text
