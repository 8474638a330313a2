"""The shipped example models are what their training code makes, and as good as their cards say."""

import hashlib
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import yaml

from mlscaffold.resources import templates_folder

EXAMPLE = templates_folder() / "_parts/digits"
NAMES = sorted(path.parent.name for path in EXAMPLE.glob("models/*/model.yaml"))


def card(models: Path, name: str) -> dict:
    return yaml.safe_load((models / name / "model.yaml").read_text())


def scores(models: Path, name: str) -> np.ndarray:
    heldout = np.load(models / "heldout.npz")
    session = onnxruntime.InferenceSession(models / name / card(models, name)["version"] / "model.onnx")
    return session.run(["probabilities"], {"image": heldout["images"].astype(np.float32)})[0]


@pytest.mark.parametrize("name", NAMES)
def test_training_makes_the_shipped_model(name: str, tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "models", tmp_path / "models")
    (tmp_path / "models" / name / "1" / "model.onnx").unlink()
    command = [sys.executable, "-W", "ignore", "-m", f"models.{name}.train"]
    subprocess.run(command, cwd=tmp_path, check=True, capture_output=True)
    trained, shipped = card(tmp_path / "models", name), card(EXAMPLE / "models", name)
    assert trained["accuracy"] == shipped["accuracy"]
    np.testing.assert_allclose(scores(tmp_path / "models", name), scores(EXAMPLE / "models", name), atol=1e-3)


@pytest.mark.parametrize("name", NAMES)
def test_card_and_samples_are_those_of_the_file(name: str) -> None:
    models = EXAMPLE / "models"
    file = models / name / "1" / "model.onnx"
    assert hashlib.sha256(file.read_bytes()).hexdigest() == card(models, name)["sha256"]
    typed = json.loads((models / name / "sample.json").read_text())
    tensors = json.loads((models / name / "sample-v2.json").read_text())
    assert tensors["inputs"][0]["data"] == typed["image"]
    heldout = np.load(models / "heldout.npz")
    assert (heldout["images"] == np.array(typed["image"])).all(axis=1).any()


def test_held_out_images_are_not_those_of_the_training(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "models", tmp_path / "models")
    code = (
        "import numpy as np; from models.training import split_digits; s = split_digits(); "
        "h = np.load('models/heldout.npz'); seen = {row.tobytes() for row in s.images}; "
        "print(sum(row.astype('float32').tobytes() in seen for row in h['images']), len(h['images']), len(s.images))"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["0", "450", "1347"]


def test_their_accuracy_test_passes_and_can_fail(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLE / "models", tmp_path / "models")
    shutil.copytree(EXAMPLE / "tests", tmp_path / "tests")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/test_accuracy.py"]
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
    path = tmp_path / "models" / NAMES[0] / "model.yaml"
    path.write_text(path.read_text().replace("accuracy: 0.9", "accuracy: 0.8"))
    assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 1
