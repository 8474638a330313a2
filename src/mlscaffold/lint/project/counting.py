"""How many models a deployable really holds: one model loaded twice is one, alternatives are one, a loop over a registry
is several."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable

from mlscaffold.light import dataclass
from mlscaffold.lint.project.deployable import Load

_TOGETHER = {"torchvision": "torch", "torch.hub": "torch", "timm": "torch", "optimum": "transformers", "peft": "transformers"}


_TWO_PARTS = re.compile("clip|encoder|decoder")
_HALF = re.compile(r"(?<![a-z])(?:vision|visual|image|text|textual|encoder|decoder)(?![a-z])")
_STEP_OF_OCR = re.compile(r"(?<![a-z])(?:det|rec|cls|detection|recognition|detector|recogni[sz]er|classifier)(?![a-z])")


@dataclass(frozen=True, slots=True)
class Holding:
    """The models that are in the process at once. `many` are loads that bring in one model per name or entry."""

    loads: tuple[Load, ...]
    many: tuple[Load, ...]

    @property
    def several(self) -> bool:
        return len(self.loads) > 1 or bool(self.many)


def holding(loads: Iterable[Load]) -> Holding:
    """What a set of loads comes to."""
    distinct = _distinct(tuple(load for load in loads if not load.model.helper and not load.state.guessed))
    together = _together(distinct, 0)
    many = tuple(load for load in together if is_many(load))
    return Holding(tuple(together), many)


def is_many(load: Load) -> bool:
    """Whether one call site stands for several models."""
    numbered = load.state.repeat == "numbered" and any("*" in name for name in load.model.names)
    each = load.state.repeat == "config" or numbered
    return load.model.several or (not load.replaced and (load.model.by_request or each))


def _distinct(loads: tuple[Load, ...]) -> list[Load]:
    found: list[Load] = []
    for load in loads:
        if not any(same(load, other) or _are_halves(load, other) for other in found):
            found.append(load)
    return found


def same(one: Load, other: Load) -> bool:
    """Whether two loads bring in one model."""
    if _bundle(one) and _bundle(one) == _bundle(other) and family(one) == family(other):
        return True
    if one.model.names and other.model.names:
        # Alternatives of one setting appear on both sides; a name of its own on each tells two models apart.
        if _short(one) <= _short(other) or _short(other) <= _short(one):
            return True
        return _at_one_place(one, other) and one.variant == other.variant
    if _at_one_place(one, other):
        return True
    if one.model.names != other.model.names and (one.variant or other.variant) and one.inner == other.inner:
        return False
    # One variable that is filled at two places: a start-up path and a lazy one.
    place, where = _place(one), _place(other)
    return bool(place) and place == where and one.inner.path == other.inner.path and family(one) == family(other)


def _at_one_place(one: Load, other: Load) -> bool:
    return one.inner == other.inner and one.site == other.site


def _bundle(load: Load) -> str:
    """Files of one folder that a parameter names (`f"{model_dir}/encoder.onnx"`) are the parts of one model."""
    folders = {name.lstrip("/").partition("/")[0] for name in load.model.names if name.lstrip("/").count("/") == 1}
    return "parameter" if load.model.holder and folders and folders <= {"*", "{}"} else ""


def family(load: Load) -> str:
    """The framework, or the one that it is a part of."""
    return _TOGETHER.get(load.model.framework, load.model.framework)


def _short(load: Load) -> frozenset[str]:
    return frozenset(name.rstrip("/").rpartition("/")[2].lower() for name in load.model.names)


def _are_halves(one: Load, other: Load) -> bool:
    """Whether two loads are the towers of one CLIP, encoder and decoder of one network, or what finds and what reads text in one
    OCR."""
    return family(one) == family(other) and not _halves(one).isdisjoint(_halves(other))


def _halves(load: Load) -> frozenset[str]:
    """What the names say besides the half that they are of."""
    named = (name for name in _short(load) if _HALF.search(name) and _TWO_PARTS.search(name))
    place = _place(load).replace("_", " ") if "ocr" in load.inner.path.lower() else ""
    steps = [_STEP_OF_OCR.sub(load.inner.path, place)] if _STEP_OF_OCR.search(place) else []
    return frozenset((*(_HALF.sub("", name) for name in named), *steps))


def _place(load: Load) -> str:
    words = [word for word in load.state.words if not word.startswith("<")]
    return words[-1] if words else ""


def _together(loads: list[Load], depth: int) -> list[Load]:
    """The biggest set that no choice rules out: of the arms of one condition only the fullest counts."""
    here: list[Load] = []
    chosen: dict[str, dict[int, list[Load]]] = defaultdict(lambda: defaultdict(list))
    for load in loads:
        if len(load.state.arms) <= depth:
            here.append(load)
        else:
            block, arm = load.state.arms[depth]
            chosen[block][arm].append(load)
    for arms in chosen.values():
        best = max(
            (_together(inner, depth + 1) for inner in arms.values()), key=lambda inner: (any(map(is_many, inner)), len(inner))
        )
        here += best
    return sorted(here, key=loads.index)
