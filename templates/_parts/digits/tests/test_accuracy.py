"""The accuracy on each model's card is the one that it has on the held-out images, which no model saw in training."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest
import yaml

MODELS = Path(__file__).parents[1] / "models"
CARDS = sorted(MODELS.glob("*/model.yaml"))


@pytest.mark.parametrize("path", CARDS, ids=lambda path: path.parent.name)
def test_stated_accuracy_holds_on_held_out_images(path: Path) -> None:
    card = yaml.safe_load(path.read_text(encoding="utf-8"))
    heldout = np.load(MODELS / "heldout.npz")
    session = onnxruntime.InferenceSession(path.parent / card["version"] / "model.onnx")
    labels, probabilities = session.run(["label", "probabilities"], {"image": heldout["images"].astype(np.float32)})
    assert round(float((labels == heldout["digits"]).mean()), 3) == card["accuracy"]
    assert (np.argmax(probabilities, axis=1) == labels).all()
