"""Training and publishing: what the example models share.

The images are scikit-learn's bundled digits: 8x8 greys from 0 (paper) to 16 (ink), 1797 of them, written by 43 people
(E. Alpaydin, C. Kaynak: Optical Recognition of Handwritten Digits, UCI Machine Learning Repository, 1998).
A quarter of them never meets a model in training; it ships as `heldout.npz`, and the stated accuracy is the one on it.
"""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType
from sklearn.base import ClassifierMixin
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

MODELS = Path(__file__).parent
HELDOUT = MODELS / "heldout.npz"
OPSET = 17


@dataclass(frozen=True)
class Split:
    """Images of shape [n, 64] (float32, 0 to 16) and their digits, for training and held out."""

    images: NDArray[np.float32]
    digits: NDArray[np.int64]
    heldout_images: NDArray[np.float32]
    heldout_digits: NDArray[np.int64]


def split_digits() -> Split:
    """The same split each time: a quarter held out, every digit with its share."""
    images, digits = load_digits(return_X_y=True)
    train, heldout, train_digits, heldout_digits = train_test_split(
        images.astype(np.float32), digits, test_size=0.25, random_state=0, stratify=digits
    )
    return Split(train, train_digits, heldout, heldout_digits)


def publish(name: str, classifier: ClassifierMixin) -> float:
    """Train, write `NAME/VERSION/model.onnx`, and put its checksum and accuracy on its card; answers the accuracy."""
    split = split_digits()
    classifier.fit(split.images, split.digits)
    accuracy = round(float(classifier.score(split.heldout_images, split.heldout_digits)), 3)
    # Without `zipmap: False` the probabilities would be a list of maps, which no tensor protocol can carry.
    onnx = to_onnx(
        classifier,
        initial_types=[("image", FloatTensorType([None, 64]))],
        options={"zipmap": False},
        target_opset=OPSET,
    ).SerializeToString()
    card = MODELS / name / "model.yaml"
    text = card.read_text(encoding="utf-8")
    version = re.search(r'^version: "(.+)"$', text, re.MULTILINE)
    if version is None:
        raise ValueError(f'{card}: expected a line like version: "1"')
    text = re.sub(r"^sha256: .*$", f"sha256: {hashlib.sha256(onnx).hexdigest()}", text, flags=re.MULTILINE)
    text = re.sub(r"^accuracy: .*$", f"accuracy: {accuracy}", text, flags=re.MULTILINE)
    target = MODELS / name / version[1] / "model.onnx"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(onnx)
    card.write_text(text, encoding="utf-8")
    images, digits = split.heldout_images.astype(np.uint8), split.heldout_digits.astype(np.uint8)
    np.savez_compressed(HELDOUT, images=images, digits=digits)
    print(f"{target.relative_to(MODELS.parent)}: {len(onnx)} bytes, accuracy {accuracy} on {len(digits)} images")
    return accuracy
