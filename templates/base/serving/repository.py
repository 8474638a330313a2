"""The model repository: `models/NAME/model.yaml` says which version is served and what its file must be.

The layout is that of Triton and KServe: `NAME/VERSION/model.onnx`.
"""

import hashlib
from pathlib import Path
from typing import Annotated

import msgspec

CARD = "model.yaml"
FILE = "model.onnx"
CHUNK_BYTES = 1 << 20

Sha256 = Annotated[str, msgspec.Meta(pattern="^[0-9a-f]{64}$")]


class ModelInvalid(Exception):
    """The model cannot be served: its card or its file is missing, unreadable, or not what was promised."""


class ModelCard(msgspec.Struct, frozen=True):
    """What `model.yaml` says.

    `external_data` are the files of weights beside the model with their checksums; `labels` the classes in the order of
    the model's scores.
    """

    name: str
    version: str
    sha256: Sha256
    external_data: dict[str, Sha256] = {}
    labels: list[str] = []
    latency_budget_ms: float | None = None
    description: str = ""

    @property
    def identity(self) -> dict[str, str]:
        """What goes into every header and every log line."""
        return {"model-name": self.name, "model-version": self.version, "model-sha256": self.sha256}


def read_card(repository: Path, name: str) -> ModelCard:
    """The card of a model.

    Raises:
        ModelInvalid: there is none, or it lacks something.
    """
    path = repository / name / CARD
    try:
        card = msgspec.yaml.decode(path.read_bytes(), type=ModelCard, strict=False)
    except OSError as error:
        raise ModelInvalid(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.DecodeError as error:
        raise ModelInvalid(f"{path}: {error}") from error
    if card.name != name:
        raise ModelInvalid(f"{path}: expected the name {name!r}, found {card.name!r}")
    return card


def checked_file(repository: Path, card: ModelCard) -> Path:
    """The model's file, once its checksum and those of the weights beside it are found right.

    Raises:
        ModelInvalid: one is missing, or is another file than the card promises.
    """
    folder = repository / card.name / card.version
    for name, promised in {FILE: card.sha256, **card.external_data}.items():
        _check(folder / name, promised)
    return folder / FILE


def _check(path: Path, promised: str) -> None:
    digest = hashlib.sha256()
    try:
        with path.open("rb") as file:
            while chunk := file.read(CHUNK_BYTES):
                digest.update(chunk)
    except OSError as error:
        raise ModelInvalid(f"{path}: cannot be read: {error.strerror}") from error
    if digest.hexdigest() != promised:
        raise ModelInvalid(f"{path}: wrong checksum: {CARD} promises {promised}, the file has {digest.hexdigest()}")
