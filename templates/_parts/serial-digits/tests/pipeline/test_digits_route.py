"""The example: sure digits end at the quick model, unsure ones reach the expert; without it they are answered too."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import tritonclient.http as triton

from services.proxy.app import NAME
from tests.pipeline.stages import proxy, service_of, urls
from tests.support import MODELS, Process, running

UNSURE_BELOW = 0.8


@pytest.fixture(scope="module")
def front(behind: dict[str, Process], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The proxy before them."""
    with proxy(tmp_path_factory.mktemp("proxy"), urls(behind)) as process:
        yield process


def heldout() -> tuple[np.ndarray, np.ndarray]:
    data = np.load(MODELS / "heldout.npz")
    return data["images"].astype(np.float32), data["digits"].astype(np.int64)


def way(front: Process, image: np.ndarray) -> list[str]:
    answer = front.post("/predict", {"image": image.tolist()})
    assert answer.status == 200, answer.body
    route: list[str] = answer.json["route"]
    return route


def test_the_whole_is_better_than_the_quick_model_and_asks_the_expert_seldom(front: Process) -> None:
    images, digits = heldout()
    client = triton.InferenceServerClient(f"127.0.0.1:{front.port}")
    tensor = triton.InferInput("image", images.shape, "FP32")
    tensor.set_data_from_numpy(images)
    labels = client.infer(NAME, [tensor]).as_numpy("label")
    assert (labels == digits).mean() >= 0.98
    probes = images[:100]
    share = np.mean([way(front, image) == ["digits", "expert"] for image in probes])
    assert 0.02 < share < 0.5


def test_a_blank_image_ends_early(front: Process) -> None:
    assert way(front, np.zeros(64)) == ["digits"]


def test_without_the_expert_the_first_answer_stands(behind: dict[str, Process], tmp_path: Path) -> None:
    images, _ = heldout()
    with running(service_of("expert"), tmp_path) as expert, proxy(tmp_path, urls(behind | {"expert": expert})) as front:
        unsure = next(image for image in images if way(front, image) == ["digits", "expert"])
        expert.process.kill()
        expert.process.wait()
        answer = front.post("/predict", {"image": unsure.tolist()})
        assert answer.status == 200
        assert "stage expert:" in answer.json["failed"]["expert"]
        assert max(answer.json["probabilities"].values()) < UNSURE_BELOW
        sure = next(image for image in images if way(front, image) == ["digits"])
        assert front.post("/predict", {"image": sure.tolist()}).json["failed"] == {}
