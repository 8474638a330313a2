"""What is read from users' model files, and what is said of those that cannot be served."""

import hashlib
from pathlib import Path

import pytest
from onnx import TensorProto

from mlscaffold import onnxfile
from mlscaffold.errors import ModelUnreadable
from tests import onnx_models as models


@pytest.mark.parametrize(
    ("name", "rows", "batchable", "shapes"),
    [
        ("linear", True, True, [(-1, 4), (-1, 3)]),
        ("static-batch", False, False, [(2, 4), (2, 3)]),
        ("two-by-two", True, True, [(-1, -1)] * 4),
        ("half", True, True, [(-1, 3), (-1, 3)]),
        ("boolean", True, True, [(-1, 3), (-1, 3)]),
        ("strings", True, True, [(-1, 1), (-1, 1)]),
        ("scalar", False, False, [(), ()]),
        ("rows-depend", True, False, [(-1, 3), (-1, 3)]),
        ("convolution", True, True, [(-1, 3, -1, -1), (-1, 5)]),
    ],
)
def test_signature(tmp_path: Path, name: str, rows: bool, batchable: bool, shapes: list[tuple[int, ...]]) -> None:
    path = models.save(models.SERVABLE[name](), tmp_path / "model.onnx")
    file = onnxfile.read(path)
    assert (file.rows, file.batchable) == (rows, batchable)
    assert [tensor.shape for tensor in (*file.inputs, *file.outputs)] == shapes
    assert file.bytes == path.stat().st_size
    assert file.latency_ms > 0


def test_datatypes_are_those_of_the_protocol(tmp_path: Path) -> None:
    kinds = {
        "FP32": TensorProto.FLOAT,
        "FP64": TensorProto.DOUBLE,
        "FP16": TensorProto.FLOAT16,
        "INT8": TensorProto.INT8,
        "INT16": TensorProto.INT16,
        "INT32": TensorProto.INT32,
        "INT64": TensorProto.INT64,
        "UINT8": TensorProto.UINT8,
        "UINT16": TensorProto.UINT16,
        "UINT32": TensorProto.UINT32,
        "UINT64": TensorProto.UINT64,
        "BOOL": TensorProto.BOOL,
        "BYTES": TensorProto.STRING,
    }
    made = models.model(
        [models.helper.make_node("Identity", [name], [f"{name}-out"]) for name in kinds],
        [models.value(name, kind, ["n", 2]) for name, kind in kinds.items()],
        [models.value(f"{name}-out", kind, ["n", 2]) for name, kind in kinds.items()],
    )
    file = onnxfile.read(models.save(made, tmp_path / "model.onnx"))
    assert [tensor.datatype for tensor in file.inputs] == list(kinds)
    assert [tensor.datatype for tensor in file.outputs] == list(kinds)


def test_sizes_of_dynamic_axes_can_be_given(tmp_path: Path) -> None:
    path = models.save(models.convolution(), tmp_path / "model.onnx")
    file = onnxfile.read(path, axes={"height": 48, "width": 40})
    assert file.inputs[0].sample_shape == (1, 3, 48, 40)


def test_external_weights_count(tmp_path: Path) -> None:
    file = onnxfile.read(models.save_external(tmp_path))
    assert file.external == {"weights.bin": hashlib.sha256((tmp_path / "weights.bin").read_bytes()).hexdigest()}
    assert file.parameters == 512 * 512
    assert file.bytes > 512 * 512 * 4


def write(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda f: f / "nowhere.onnx", "no such file"),
        (lambda f: f, "is a folder"),
        (lambda f: write(f / "m.onnx", b""), "empty"),
        (lambda f: write(f / "m.onnx", b"hello, this is text\n" * 9), "not an ONNX file"),
        (lambda f: write(f / "m.onnx", models.linear().SerializeToString()[:60]), "only part of one"),
        (lambda f: write(f / "m.onnx", b"\x80\x04K\x01."), "pickle"),
        (lambda f: models.save(models.sequence_output(), f / "m.onnx"), "zipmap"),
        (lambda f: models.save(models.unknown_operator(), f / "m.onnx"), "operator that onnxruntime"),
        (lambda f: models.save(models.memory_eater(), f / "m.onnx"), "does not run"),
        (lambda f: models.move_external(models.save_external(f), "gone.bin"), "missing"),
        (lambda f: models.move_external(models.save_external(f), "../../etc/passwd"), "outside its own folder"),
        (lambda f: models.move_external(models.save_external(f), "/etc/passwd"), "outside its own folder"),
    ],
    ids=[
        "absent", "folder", "empty", "text", "cut", "pickle", "sequence output", "unknown operator", "memory",
        "external data missing", "external data above", "external data absolute",
    ],
)  # fmt: skip
def test_what_cannot_be_served_is_said(tmp_path: Path, make: object, said: str) -> None:
    path = make(tmp_path)  # type: ignore[operator]
    with pytest.raises(ModelUnreadable) as caught:
        onnxfile.read(path)
    assert said in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_external_weights_behind_a_link_are_refused(tmp_path: Path) -> None:
    path = models.save_external(tmp_path / "model")
    (tmp_path / "model/weights.bin").rename(tmp_path / "elsewhere.bin")
    (tmp_path / "model/weights.bin").symlink_to(tmp_path / "elsewhere.bin")
    with pytest.raises(ModelUnreadable, match="is a link"):
        onnxfile.read(path)


def test_a_model_that_never_ends_is_ended(tmp_path: Path) -> None:
    path = models.save(models.endless_loop(), tmp_path / "model.onnx")
    with pytest.raises(ModelUnreadable, match="no answer within 5 s"):
        onnxfile.read(path, time_limit_s=5)
