"""Which signatures are images, and of which size; and what is said of those that are none."""

from pathlib import Path

import pytest
from onnx import TensorProto

from mlscaffold import onnxfile
from mlscaffold.errors import AnswersInvalid
from mlscaffold.new import new
from mlscaffold.new.answers import Answers, ModelAnswer
from mlscaffold.new.context import _tensors
from mlscaffold.new.image import image_input
from tests import onnx_models

FLOAT, BYTE, INT = TensorProto.FLOAT, TensorProto.UINT8, TensorProto.INT64


def read(tmp_path: Path, kind: int, shape: onnx_models.Shape, axes: dict[str, int] | None = None) -> object:
    path = onnx_models.save(onnx_models.unary("Identity", kind, shape), tmp_path / "model.onnx")
    file = onnxfile.read(path, axes=axes)
    return image_input(_tensors(file.inputs, rows=file.rows))


@pytest.mark.parametrize(
    ("kind", "shape", "layout", "size"),
    [
        (FLOAT, ["n", 3, 20, 30], "CHW", (3, 20, 30)),
        (FLOAT, [1, 1, 20, 30], "CHW", (1, 20, 30)),
        (BYTE, ["n", 20, 30, 3], "HWC", (3, 20, 30)),
        (BYTE, [1, 20, 30, 1], "HWC", (1, 20, 30)),
        (FLOAT, ["n", 64], "flat", (1, 8, 8)),
        (FLOAT, [1, 784], "flat", (1, 28, 28)),
    ],
)
def test_images(tmp_path: Path, kind: int, shape: list[int | str], layout: str, size: tuple[int, int, int]) -> None:
    channels, height, width = size
    assert read(tmp_path, kind, shape) == {"layout": layout, "channels": channels, "height": height, "width": width}


def test_a_free_size_is_the_one_that_is_asked_for(tmp_path: Path) -> None:
    found = read(tmp_path, FLOAT, ["n", 3, "height", "width"], {"height": 48, "width": 32})
    assert found == {"layout": "CHW", "channels": 3, "height": 48, "width": 32}


@pytest.mark.parametrize(
    ("kind", "shape", "said"),
    [
        (FLOAT, ["n", 65], "a square"),
        (FLOAT, ["n", 1], "a square"),
        (FLOAT, ["n", 4, 20, 30], "1 or 3"),
        (FLOAT, ["n", 20, 30], "1 or 3"),
        (FLOAT, [2, 3, 20, 30], "free or 1"),
        (FLOAT, [], "free or 1"),
        (INT, ["n", 64], "expected one of UINT8"),
    ],
)
def test_no_images(tmp_path: Path, kind: int, shape: list[int | str], said: str) -> None:
    assert said in str(read(tmp_path, kind, shape))


def test_a_model_without_images_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    path = onnx_models.save(onnx_models.two_by_two(), tmp_path / "model.onnx")
    answers = Answers(pattern="prep-pred", models=(ModelAnswer("pairs", path),))
    with pytest.raises(AnswersInvalid, match="'pairs' takes none: it has 2 inputs; one is expected"):
        new(answers, tmp_path / "shop")
    assert not (tmp_path / "shop").exists()
