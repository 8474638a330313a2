"""Pictures for the tests here, and the same steps in one process."""

import contextlib
import io
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from services.preprocess.settings import MODEL
from services.preprocess.steps import TENSOR, prepare
from serving.tensors import Array
from tests.pipeline.stages import proxy, service_of
from tests.support import Answer, Process

SERVICE = service_of(MODEL)
MAX_PIXELS = 12_500_000


def png(image: Image.Image) -> bytes:
    """The image as a file."""
    file = io.BytesIO()
    image.save(file, "PNG")
    return file.getvalue()


def picture(seed: int = 0) -> bytes:
    """Coloured noise, large enough to be made smaller."""
    return png(Image.fromarray(np.random.default_rng(seed).integers(0, 256, (60, 80, 3)).astype(np.uint8)))


def in_one_process(pictures: list[bytes]) -> dict[str, Array]:
    """What the steps and onnxruntime alone answer."""
    return SERVICE.bare({TENSOR.name: np.stack([prepare(one, max_pixels=MAX_PIXELS) for one in pictures])})


@contextlib.contextmanager
def preprocess(folder: Path, where: str, *, ready: bool = True, **settings: object) -> Iterator[Process]:
    """The preprocess service as a process; `where` is the inference service's address as JSON."""
    with proxy(folder, where, ready=ready, package="preprocess", **settings) as process:
        yield process


def ask(front: Process, content: bytes, deadline_ms: int = 5000, content_type: str = "image/png") -> Answer:
    """A picture by the plain route."""
    headers = {"content-type": content_type, "x-deadline-ms": str(deadline_ms)}
    return front.ask("POST", "/predict", content, headers)
