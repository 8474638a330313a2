"""Pictures as they come: every kind of PNG and JPEG, and what is none."""

import io
import struct
import zlib
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from PIL import Image

from services.preprocess.decoding import decoded
from serving.errors import BodyTooLarge, ServingError, Unprocessable, UnsupportedContent

MAX_PIXELS = 1_000_000
RED, WHITE = (255, 0, 0), (255, 255, 255)


def encoded(image: Image.Image, format: str = "PNG", **options: Any) -> bytes:  # noqa: A002, ANN401 - Pillow's words
    file = io.BytesIO()
    image.save(file, format, **options)
    return file.getvalue()


def pixels(content: bytes) -> np.ndarray:
    return np.asarray(decoded(content, max_pixels=MAX_PIXELS))


def plain(mode: str, colour: object, size: tuple[int, int] = (6, 4)) -> Image.Image:
    return Image.new(mode, size, colour)  # type: ignore[arg-type]


def transparent_palette() -> bytes:
    image = plain("RGB", RED).quantize(4)
    return encoded(image, transparency=image.getpixel((0, 0)))


KINDS: dict[str, tuple[Callable[[], bytes], object]] = {
    "RGB": (lambda: encoded(plain("RGB", RED)), RED),
    "greys": (lambda: encoded(plain("L", 77)), 77),
    "black and white": (lambda: encoded(plain("1", 1)), 255),
    "16 bits, white": (lambda: encoded(Image.fromarray(np.full((4, 6), 65535, np.uint16))), 255),
    "16 bits, grey": (lambda: encoded(Image.fromarray(np.full((4, 6), 100 * 257, np.uint16))), 100),
    "palette": (lambda: encoded(plain("RGB", RED).quantize(4)), RED),
    "opaque": (lambda: encoded(plain("RGBA", (*RED, 255))), RED),
    "transparent": (lambda: encoded(plain("RGBA", (*RED, 0))), WHITE),
    "half transparent": (lambda: encoded(plain("RGBA", (*RED, 51))), (255, 204, 204)),
    "greys with alpha": (lambda: encoded(plain("LA", (0, 51))), (204, 204, 204)),
    "transparent palette": (transparent_palette, WHITE),
    "transparent colour": (lambda: encoded(plain("RGB", RED), transparency=RED), WHITE),
}


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_png(kind: str) -> None:
    make, colour = KINDS[kind]
    found = pixels(make())
    assert found.shape[:2] == (4, 6)
    assert found.dtype == np.uint8
    assert (found == colour).all(), found[0, 0]


JPEGS: dict[str, tuple[str, object, tuple[int, ...]]] = {
    "RGB": ("RGB", RED, RED),
    "greys": ("L", 77, (77,)),
    "CMYK": ("CMYK", (0, 255, 255, 0), RED),
    "CMYK, paper": ("CMYK", (0, 0, 0, 0), WHITE),
}


@pytest.mark.parametrize("kind", JPEGS)
def test_every_kind_of_jpeg(kind: str) -> None:
    mode, colour, expected = JPEGS[kind]
    found = pixels(encoded(plain(mode, colour), "JPEG", quality=95))
    assert np.abs(found.astype(int) - expected).max() <= 3


def two_halves() -> Image.Image:
    """Black on the left, white on the right."""
    image = plain("L", 0, (8, 4))
    image.paste(255, (4, 0, 8, 4))
    return image


@pytest.mark.parametrize(
    ("orientation", "turned"),
    [
        (1, lambda array: array),
        (2, np.fliplr),
        (3, lambda array: np.rot90(array, 2)),
        (4, np.flipud),
        (6, lambda array: np.rot90(array, -1)),
        (8, np.rot90),
    ],
)
def test_a_photo_is_turned_upright(orientation: int, turned: Callable[[np.ndarray], np.ndarray]) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    original = np.asarray(two_halves())
    for content in (
        encoded(two_halves(), "PNG", exif=exif),
        encoded(two_halves(), "JPEG", exif=exif, quality=100),
    ):
        found = pixels(content)
        assert found.shape == turned(original).shape
        assert np.abs(found.astype(int) - turned(original)).max() < 20


def test_the_first_picture_of_a_phone_s_jpeg_counts() -> None:
    more = [plain("RGB", (0, 255, 0))]
    found = pixels(encoded(plain("RGB", RED), "MPO", save_all=True, append_images=more, quality=95))
    assert np.abs(found.astype(int) - RED).max() <= 3


def animated() -> bytes:
    return encoded(plain("RGB", RED), save_all=True, append_images=[plain("RGB", WHITE)])


def bomb(side: int = 60_000) -> bytes:
    """A PNG of a few hundred bytes that says it has `side` x `side` pixels."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )


PNG, JPEG = encoded(two_halves()), encoded(two_halves(), "JPEG")
NOISE = np.random.default_rng(0).integers(0, 255, (64, 64, 3)).astype(np.uint8)
REFUSED: dict[str, tuple[bytes, type[ServingError], str]] = {
    "nothing": (b"", UnsupportedContent, "an empty body"),
    "text": (b"hello there", UnsupportedContent, "PNG or JPEG"),
    "another format": (encoded(plain("RGB", RED), "GIF"), UnsupportedContent, "GIF8"),
    "only the first bytes": (PNG[:12], UnsupportedContent, "PNG or JPEG"),
    "a cut PNG": (encoded(Image.fromarray(NOISE))[:-3000], Unprocessable, "broken"),
    "a cut JPEG": (encoded(Image.fromarray(NOISE), "JPEG")[:-600], Unprocessable, "broken"),
    "a wrong checksum": (PNG.replace(b"IDAT", b"IDAT\x00", 1), Unprocessable, "broken"),
    "animated": (animated(), Unprocessable, "animated"),
    "a bomb": (bomb(), BodyTooLarge, "60000 x 60000"),
    "too large": (encoded(plain("1", 0, (1001, 1000))), BodyTooLarge, "1001 x 1000"),
}


@pytest.mark.parametrize("kind", REFUSED)
def test_what_is_refused_and_why(kind: str) -> None:
    content, error, said = REFUSED[kind]
    with pytest.raises(error, match=said):
        decoded(content, max_pixels=MAX_PIXELS)


def test_the_largest_one_is_taken() -> None:
    assert pixels(encoded(plain("1", 0, (1000, 1000)))).shape == (1000, 1000)


def test_no_damage_goes_further_than_a_refusal() -> None:
    generator = np.random.default_rng(1)
    for original in (PNG, JPEG, encoded(Image.fromarray(NOISE), "JPEG"), encoded(plain("RGBA", (*RED, 9)))):
        for _ in range(150):
            damaged = bytearray(original)
            for place in generator.integers(0, len(damaged), 3):
                damaged[place] = generator.integers(0, 256)
            try:
                decoded(bytes(damaged), max_pixels=MAX_PIXELS)
            except ServingError as error:
                assert 400 <= error.status < 500
