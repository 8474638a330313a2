"""Inputs to warm a model up with: the shipped sample where there is one, else made from the signature."""

import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from serving.repository import ModelInvalid
from serving.tensors import NUMPY, Array, Signature, TensorSpec, tensor_from_values

Feeds = dict[str, Array]

FILE = "sample-v2.json"
DOCUMENTED_BYTES = 20_000
FREE_SIZES = (1, 8, 16, 32, 64, 128, 224, 256, 512)  # tried in turn: many networks refuse images that are too small


class _Tensor(msgspec.Struct):
    name: str
    shape: list[int]
    data: list[Any]


class _Sample(msgspec.Struct):
    inputs: list[_Tensor]


def sample_candidates(signature: Signature, folder: Path) -> Iterator[Feeds]:
    """Inputs that the model may accept, the likeliest first.

    Raises:
        ModelInvalid: the shipped sample is not one of this model.
    """
    if (path := folder / FILE).exists():
        yield _shipped(path, signature)
    for size in FREE_SIZES:
        yield made_up(signature, size, np.random.default_rng(size))


def varied(like: Mapping[str, Array], generator: np.random.Generator) -> Feeds:
    """Other values in the same shapes: what tells rows apart when batches are checked against single rows."""
    return {name: _varied(array, generator) for name, array in like.items()}


def made_up(signature: Signature, size: int, generator: np.random.Generator) -> Feeds:
    """Inputs with `size` for every free dimension, but one row where the first axis is free everywhere."""
    return {
        spec.name: _values(spec, _shape(spec, size, rows=signature.has_rows), generator) for spec in signature.inputs
    }


def _shape(spec: TensorSpec, size: int, *, rows: bool) -> tuple[int, ...]:
    shape = tuple(size if length == -1 else length for length in spec.shape)
    return (1, *shape[1:]) if rows else shape


def _values(spec: TensorSpec, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    if spec.datatype == "BYTES":
        return np.full(shape, "a", dtype=np.object_)
    if spec.datatype.startswith("FP"):
        return generator.random(shape).astype(spec.numpy)
    return generator.integers(0, 2, shape).astype(spec.numpy)


def _varied(array: Array, generator: np.random.Generator) -> Array:
    if array.dtype.kind == "f":
        return (array * generator.uniform(0.5, 1.5, array.shape)).astype(array.dtype)
    if array.dtype.kind in "iub":
        # Never beyond the largest value that is known to be accepted: it may be an index.
        return generator.integers(0, int(array.max(initial=0)) + 1, array.shape).astype(array.dtype)
    return array


def _shipped(path: Path, signature: Signature) -> Feeds:
    try:
        sample = msgspec.json.decode(path.read_bytes(), type=_Sample)
    except (OSError, msgspec.DecodeError) as error:
        raise ModelInvalid(f"{path}: {error}") from error
    given = {tensor.name: tensor for tensor in sample.inputs}
    if missing := [spec.name for spec in signature.inputs if spec.name not in given]:
        raise ModelInvalid(f"{path}: no values for {', '.join(missing)}")
    return {spec.name: _tensor(path, spec, given[spec.name]) for spec in signature.inputs}


def _tensor(path: Path, spec: TensorSpec, given: _Tensor) -> Array:
    if len(given.data) != math.prod(given.shape):
        raise ModelInvalid(f"{path}: {spec.name} has {len(given.data)} values for the shape {given.shape}")
    values = np.asarray(given.data, dtype=NUMPY[spec.datatype]).reshape(given.shape)
    return tensor_from_values(spec.name, values, spec.datatype, spec.shape)


def documented(path: Path) -> object:
    """A sample request for the documentation; None where there is none, or where it is too long to be read."""
    if not path.exists() or path.stat().st_size > DOCUMENTED_BYTES:
        return None
    sample: object = msgspec.json.decode(path.read_bytes())
    return sample
