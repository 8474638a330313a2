"""From a picture of a digit to the 64 greys that the model takes: decode, grey, resize, normalise.

The model was trained on 8x8 greys from 0 (paper) to 16 (ink), row by row; each step brings a picture closer to that.
"""

import numpy as np
from PIL import Image, ImageOps

from services.preprocess.decoding import decoded
from serving.tensors import Array, TensorSpec

TENSOR = TensorSpec(name="image", datatype="FP32", shape=(-1, 64))
SIDE = 8
INK = 16


def prepare(encoded: bytes, *, max_pixels: int) -> Array:
    """One encoded image as one row of `TENSOR`.

    Raises:
        UnsupportedContent, BodyTooLarge, Unprocessable: it cannot be decoded; see `decoded`.
    """
    image = decoded(encoded, max_pixels=max_pixels)
    return normalised(resized(grey(image))).reshape(-1)


def grey(image: Image.Image) -> Image.Image:
    """Without colours, dark ink on light paper: a picture that is mostly dark is light ink on a dark ground."""
    greys = image.convert("L")
    return greys if np.asarray(greys).mean() > 255 / 2 else ImageOps.invert(greys)


def resized(image: Image.Image) -> Image.Image:
    """8x8, each the mean of its part of the picture, as the training images were made; paper is added for a square."""
    return ImageOps.pad(image, (SIDE, SIDE), Image.Resampling.BOX, color=255)


def normalised(image: Image.Image) -> Array:
    """From 255 (paper) down to 0 (ink) to 0 (paper) up to 16 (ink)."""
    return (255 - np.asarray(image, TENSOR.numpy)) * np.float32(INK / 255)
