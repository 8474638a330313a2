"""The held-out digits as pictures: the pair reads them as well as the model reads its own tensors."""

import io
from collections.abc import Callable, Iterator

import numpy as np
import pytest
import tritonclient.http as triton
from PIL import Image

from services.preprocess.schemas import IMAGE
from services.preprocess.settings import MODEL
from services.preprocess.steps import prepare
from serving.tensors import Array
from tests.pipeline.pictures import MAX_PIXELS, SERVICE, in_one_process, preprocess
from tests.pipeline.stages import urls
from tests.support import MODELS, Process, assert_same

ENLARGED = 12
HELDOUT = np.load(MODELS / "heldout.npz")
GREYS = HELDOUT["images"].astype(np.float32)


@pytest.fixture(scope="module")
def front(behind: dict[str, Process], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """The preprocess service, with the model behind it."""
    with preprocess(tmp_path_factory.mktemp("preprocess"), urls(behind)) as process:
        yield process


def pictured(greys: Array) -> Image.Image:
    """Dark ink on white paper, 96x96."""
    light = (255 - greys * 255 / 16).round().astype(np.uint8).reshape(8, 8)
    return Image.fromarray(np.kron(light, np.ones((ENLARGED, ENLARGED), np.uint8)))


def saved(image: Image.Image, format: str) -> bytes:  # noqa: A002 - Pillow's word
    file = io.BytesIO()
    image.save(file, format)
    return file.getvalue()


@pytest.mark.parametrize(("format", "lost"), [("PNG", 0.0), ("JPEG", 0.01)])
def test_pictures_are_read_as_well_as_tensors(front: Process, format: str, lost: float) -> None:  # noqa: A002
    pictures = [saved(pictured(greys), format) for greys in GREYS]
    tensor = triton.InferInput(IMAGE, [len(pictures)], "BYTES")
    tensor.set_data_from_numpy(np.array(pictures, dtype=np.object_))
    answer = triton.InferenceServerClient(f"127.0.0.1:{front.port}").infer(MODEL, [tensor])
    for name, expected in in_one_process(pictures).items():
        assert_same(answer.as_numpy(name), expected)
    accuracy = (answer.as_numpy("label") == HELDOUT["digits"]).mean()
    assert accuracy >= SERVICE.card["accuracy"] - lost - 0.001  # the card's is rounded


OTHER_WAYS: dict[str, Callable[[Image.Image], Image.Image]] = {
    "in colour": lambda image: image.convert("RGB"),
    "light on dark": lambda image: Image.eval(image, lambda light: 255 - light),
    "much larger": lambda image: image.resize((800, 800), Image.Resampling.NEAREST),
    "on glass": lambda image: Image.merge("LA", (Image.new("L", image.size, 0), Image.eval(image, lambda v: 255 - v))),
}


@pytest.mark.parametrize("way", OTHER_WAYS)
def test_the_same_digit_drawn_otherwise(way: str) -> None:
    for greys in GREYS[:40]:
        found = prepare(saved(OTHER_WAYS[way](pictured(greys)), "PNG"), max_pixels=MAX_PIXELS)
        np.testing.assert_allclose(found, greys, atol=0.1)


def test_a_wide_picture_is_not_stretched() -> None:
    wide = Image.new("L", (300, 96), 255)
    wide.paste(pictured(GREYS[0]), (102, 0))
    rows = prepare(saved(wide, "PNG"), max_pixels=MAX_PIXELS).reshape(8, 8)
    assert rows[:2].max() == rows[-2:].max() == 0
    assert rows[3:5].max() > 4
