"""From the bytes of a PNG or JPEG to pixels: upright, on white paper, 8 bits a channel, never more than allowed.

What cannot be decoded to one picture is refused with the reason, before memory is spent on it.
"""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps

from serving.errors import BodyTooLarge, Unprocessable, UnsupportedContent

FORMATS = ("PNG", "JPEG")
LEVELS_OF_16_BITS = 257  # 65535 / 255

# Pillow's own limit guesses; ours is a setting, and is looked at before a pixel is decoded.
Image.MAX_IMAGE_PIXELS = None


def decoded(encoded: bytes, *, max_pixels: int) -> Image.Image:
    """The picture, in mode L (greys) or RGB.

    Phones put further pictures behind the first one of a JPEG: the first one counts. An animated PNG is refused, since
    which of its frames is meant cannot be known.

    Raises:
        UnsupportedContent: neither PNG nor JPEG.
        BodyTooLarge: more pixels than `max_pixels`.
        Unprocessable: broken, cut off, or animated.
    """
    image = _opened(encoded)
    width, height = image.size
    if width * height > max_pixels:
        raise BodyTooLarge(f"the image has {width} x {height} pixels; the limit is {max_pixels} in all")
    if image.format == "PNG" and getattr(image, "is_animated", False):
        raise Unprocessable("the PNG is animated; send one of its frames")
    try:
        image.load()
        ImageOps.exif_transpose(image, in_place=True)
    except MemoryError:
        raise
    except Exception as error:  # Pillow's decoders raise whatever they stumble over
        raise Unprocessable(f"the {image.format} is broken: {error}") from error
    return _flattened(image)


def _opened(encoded: bytes) -> Image.Image:
    try:
        with warnings.catch_warnings(action="ignore"):
            return Image.open(io.BytesIO(encoded), formats=FORMATS)
    except Image.UnidentifiedImageError:
        raise UnsupportedContent(f"expected a PNG or JPEG image, got {_named(encoded)}") from None
    except Exception as error:  # as above: a broken header
        raise Unprocessable(f"the image is broken: {error}") from error


def _named(encoded: bytes) -> str:
    return f"{len(encoded)} bytes that begin with {encoded[:12]!r}" if encoded else "an empty body"


def _flattened(image: Image.Image) -> Image.Image:
    """Greys or RGB of 8 bits; what is transparent shows white paper."""
    if image.mode.startswith("I"):  # 16 bits a pixel
        return Image.fromarray((np.asarray(image) // LEVELS_OF_16_BITS).astype(np.uint8))
    if image.has_transparency_data:
        seen = image if image.mode == "RGBA" else image.convert("RGBA")
        paper = Image.new("RGB", image.size, "white")
        paper.paste(seen, mask=seen.getchannel("A"))
        return paper
    if image.mode in ("L", "RGB"):
        return image
    return image.convert("L" if image.mode == "1" else "RGB")
