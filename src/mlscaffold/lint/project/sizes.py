"""How big a model is, and how we know."""

from __future__ import annotations

import re
from collections.abc import Callable

from mlscaffold.light import dataclass
from mlscaffold.lint.catalog import Catalog
from mlscaffold.lint.project.values import ModelValue
from mlscaffold.lint.service import SizeEvidence, Weight

LARGE_BYTES = 300_000_000  # the line of the definition: 300 MB of weights ...
LARGE_PARAMETERS = 100_000_000  # ... or 100 M parameters
BYTES_PER_PARAMETER = 4  # float32, how weights are published unless said otherwise

_BILLIONS = r"(?<![a-z0-9.])(\d{1,3}(?:\.\d+)?)\s?b(?![a-z0-9])"
_MILLIONS = r"(?<![a-z0-9.])(\d{2,4})m(?![a-z0-9])"
_WORDS: tuple[tuple[str, Weight], ...] = (
    ("xxl", "huge"),
    ("xlarge", "huge"),
    ("-xl", "huge"),
    ("large", "large"),
    ("nano", "tiny"),
    ("tiny", "tiny"),
    ("mini", "small"),
)


@dataclass(frozen=True, slots=True)
class Size:
    """Bytes of the weights, number of parameters, class; None and "" where nothing is known."""

    bytes: int | None = None
    parameters: int | None = None
    weight: Weight = ""
    evidence: SizeEvidence | None = None

    @property
    def large(self) -> bool:
        """At or above the line of the definition."""
        known = (self.bytes or 0) >= LARGE_BYTES or (self.parameters or 0) >= LARGE_PARAMETERS
        return known or (self.bytes is None and self.parameters is None and self.weight in ("large", "huge"))

    @property
    def small(self) -> bool:
        """Known to be under 15 MB: an answer takes a millisecond or so."""
        return (self.bytes is not None and self.bytes < 15_000_000) or (self.bytes is None and self.weight == "tiny")


class Sizes:
    """Sizes of one repository's models. `weigh` gives the bytes of the weights in a file (or behind its pointer), or None."""

    def __init__(self, catalog: Catalog, weigh: Callable[[str], tuple[int, SizeEvidence] | None]) -> None:
        self._catalog = catalog
        self._weigh = weigh

    def of(self, model: ModelValue) -> Size:
        """The biggest that its names stand for."""
        known = [size for name in model.names if (size := self._named(name, model))]
        if known:
            return max(known, key=lambda size: (size.bytes or 0, size.parameters or 0))
        return Size(weight=model.weight)

    def _named(self, name: str, model: ModelValue) -> Size | None:
        weighed = self._weigh(name)
        if weighed is not None:
            return Size(bytes=weighed[0], evidence=weighed[1])
        lowered = name.lower().replace("pipeline:", "pipeline-")
        if model.framework in ("openai-whisper", "faster-whisper") and "whisper" not in lowered:
            lowered = f"whisper-{lowered}"
        billions = re.search(_BILLIONS, lowered)
        if billions:
            return Size(parameters=int(float(billions[1]) * 1_000_000_000), evidence="name")
        millions = re.search(_MILLIONS, lowered)
        if millions:
            return Size(parameters=int(millions[1]) * 1_000_000, evidence="name")
        entry = self._catalog.size_of(lowered) if model.kind not in ("trees", "classic") or model.framework == "spacy" else None
        if entry is not None:
            parameters = None if entry.parameters is None else int(entry.parameters * 1_000_000)
            size = int(entry.megabytes * 1_000_000) if entry.megabytes is not None else (parameters or 0) * BYTES_PER_PARAMETER
            return Size(bytes=size, parameters=parameters, evidence="published")
        weight: Weight = next((found for word, found in _WORDS if word in lowered), "")
        return Size(weight=weight, evidence="name") if weight else None
