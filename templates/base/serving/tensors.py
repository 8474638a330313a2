"""Tensors as the Open Inference Protocol names them: datatypes, shapes, and errors that say what was expected."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from serving.errors import Unprocessable

Array = npt.NDArray[Any]

# ONNX type -> datatype of the protocol. bfloat16, complex and the 4- and 8-bit floats have no numpy type to send.
DATATYPES = {
    "tensor(bool)": "BOOL",
    "tensor(uint8)": "UINT8",
    "tensor(uint16)": "UINT16",
    "tensor(uint32)": "UINT32",
    "tensor(uint64)": "UINT64",
    "tensor(int8)": "INT8",
    "tensor(int16)": "INT16",
    "tensor(int32)": "INT32",
    "tensor(int64)": "INT64",
    "tensor(float16)": "FP16",
    "tensor(float)": "FP32",
    "tensor(double)": "FP64",
    "tensor(string)": "BYTES",
}

NUMPY: dict[str, np.dtype[Any]] = {
    "BOOL": np.dtype(np.bool_),
    "UINT8": np.dtype(np.uint8),
    "UINT16": np.dtype(np.uint16),
    "UINT32": np.dtype(np.uint32),
    "UINT64": np.dtype(np.uint64),
    "INT8": np.dtype(np.int8),
    "INT16": np.dtype(np.int16),
    "INT32": np.dtype(np.int32),
    "INT64": np.dtype(np.int64),
    "FP16": np.dtype(np.float16),
    "FP32": np.dtype(np.float32),
    "FP64": np.dtype(np.float64),
    "BYTES": np.dtype(np.object_),
}


@dataclass(frozen=True, slots=True)
class TensorSpec:
    """One input or output of a model. A dimension of -1 is free; `axes` names those that the model names, else "".

    BYTES are text, unless `raw` says that they are taken as they come (files, such as images).
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    axes: tuple[str, ...] = ()
    raw: bool = False

    @property
    def numpy(self) -> np.dtype[Any]:
        """The type of its elements; strings are Python objects."""
        return NUMPY[self.datatype]

    @property
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one row: all but the first axis."""
        return self.shape[1:]


def fits(expected: tuple[int, ...], came: tuple[int, ...]) -> bool:
    """Whether a tensor of shape `came` may stand where `expected`, with -1 for any length, is asked for."""
    if len(came) != len(expected):
        return False
    return came == expected or all(want in (-1, size) for want, size in zip(expected, came, strict=True))


@dataclass(frozen=True)
class Signature:
    """What a model takes and gives."""

    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]

    @cached_property
    def input_named(self) -> dict[str, TensorSpec]:
        """The inputs by name."""
        return {spec.name: spec for spec in self.inputs}

    @cached_property
    def output_named(self) -> dict[str, TensorSpec]:
        """The outputs by name."""
        return {spec.name: spec for spec in self.outputs}

    @cached_property
    def has_rows(self) -> bool:
        """Whether the first axis of every input and output is free: a batch of rows."""
        return all(tensor.shape[:1] == (-1,) for tensor in (*self.inputs, *self.outputs))


def feeds_from_fields(specs: Sequence[TensorSpec], fields: Mapping[str, object], *, rows: bool) -> dict[str, Array]:
    """A model's inputs from the typed route's fields, in the same order; with `rows` each gets the batch axis.

    Raises:
        Unprocessable: as `tensor_from_values`.
    """
    return {
        spec.name: tensor_from_values(field, value, spec.datatype, spec.row_shape)[np.newaxis]
        if rows
        else tensor_from_values(field, value, spec.datatype, spec.shape)
        for spec, (field, value) in zip(specs, fields.items(), strict=True)
    }


def tensor_from_values(name: str, values: object, datatype: str, shape: tuple[int, ...]) -> Array:
    """Nested lists, or a single value, as a tensor; -1 in `shape` is any length.

    Raises:
        Unprocessable: ragged, of another shape, or with a value that the datatype cannot hold.
    """
    try:
        array = np.asarray(values, dtype=NUMPY[datatype])
    except OverflowError as error:
        raise Unprocessable(f"{name}: a value does not fit {datatype}: {error}") from error
    except (ValueError, TypeError) as error:
        raise Unprocessable(f"{name}: expected {datatype} of shape {list(shape)}: {error}") from error
    if not fits(shape, array.shape):
        raise Unprocessable(f"{name}: expected shape {list(shape)}, got {list(array.shape)}")
    if datatype == "BYTES" and not all(isinstance(value, str) for value in array.flat):
        raise Unprocessable(f"{name}: expected strings, with lists of equal length")
    if datatype.startswith("FP") and not all_finite(array):
        raise Unprocessable(f"{name}: a value is not finite as {datatype}; send such values in binary (v2)")
    return array


def all_finite(array: Array) -> bool:
    """Whether there is no NaN and no infinity in it."""
    return bool(np.count_nonzero(np.isfinite(array)) == array.size)  # `.all()` takes three times as long on a row


def plain(array: Array) -> list[object]:
    """A tensor as nested lists of plain values; what is not finite becomes None, since JSON has no word for it."""
    if array.dtype.kind == "f" and not all_finite(array):
        array = array.astype(np.object_)
        array[~np.isfinite(array.astype(float))] = None
    values: list[object] = array.tolist()
    return values
