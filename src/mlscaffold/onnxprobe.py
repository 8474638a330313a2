"""The child process of `onnxfile.read`: load a model, run it on synthetic inputs, print what was seen as JSON.

Usage: python -m mlscaffold.onnxprobe MODEL AXES-AS-JSON
"""

import hashlib
import json
import math
import os
import statistics
import sys
import time
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

MEMORY_FLOOR = 8 << 30  # bytes of address space that onnxruntime's arenas and libraries may take besides the weights
MEASURE_S = 1.0
MEASURE_RUNS = 200
ROWS = 2
GUESSES = (16, 224, 1, 32, 64, 128, 512)  # sizes of dynamic axes after the first, tried in this order

DATATYPES = {  # onnxruntime's type -> (Open Inference Protocol v2 datatype, numpy dtype)
    "tensor(float)": ("FP32", "float32"),
    "tensor(double)": ("FP64", "float64"),
    "tensor(float16)": ("FP16", "float16"),
    "tensor(int8)": ("INT8", "int8"),
    "tensor(int16)": ("INT16", "int16"),
    "tensor(int32)": ("INT32", "int32"),
    "tensor(int64)": ("INT64", "int64"),
    "tensor(uint8)": ("UINT8", "uint8"),
    "tensor(uint16)": ("UINT16", "uint16"),
    "tensor(uint32)": ("UINT32", "uint32"),
    "tensor(uint64)": ("UINT64", "uint64"),
    "tensor(bool)": ("BOOL", "bool"),
    "tensor(string)": ("BYTES", "object"),
}


class Unservable(Exception):
    """The model cannot be served; the text says why and what to do."""


def main(path: str, axes: str) -> dict[str, object]:
    _limit_memory(Path(path))
    try:
        return _probe(Path(path), json.loads(axes))
    except Unservable as error:
        return {"error": str(error)}
    except MemoryError:
        return {"error": "needs more memory than its size explains; it is not served as it is"}


def _limit_memory(path: Path) -> None:
    if sys.platform == "win32":
        return
    import resource

    weights = sum(entry.stat().st_size for entry in path.parent.iterdir() if entry.is_file())
    limit = MEMORY_FLOOR + 6 * weights
    hard = resource.getrlimit(resource.RLIMIT_AS)[1]
    resource.setrlimit(resource.RLIMIT_AS, (limit if hard == resource.RLIM_INFINITY else min(limit, hard), hard))


def _probe(path: Path, axes: dict[str, int]) -> dict[str, object]:
    import numpy as np

    external, parameters = _structure(path)
    session = _session(path)
    for kind, values in (("input", session.get_inputs()), ("output", session.get_outputs())):
        for value in values:
            _check_type(kind, value)
    if not session.get_inputs():
        raise Unservable("has no inputs; a model is served by what it is asked")
    feeds, sizes = _first_feeds(session, axes)
    answers = session.run(None, feeds)
    rows, batchable = _batches(session, feeds, answers)
    files = [path, *(path.parent / name for name in external)]
    return {
        "sha256": _sha256(path),
        "bytes": sum(file.stat().st_size for file in files),
        "parameters": parameters,
        **_latency_ms(session, feeds),
        "rows": rows,
        "batchable": batchable,
        "external": {name: _sha256(path.parent / name) for name in external},
        "axes": sizes,
        "inputs": [_tensor(value, np.shape(feeds[value.name])) for value in session.get_inputs()],
        "outputs": [
            _tensor(value, np.shape(answer), rows=rows) for value, answer in zip(session.get_outputs(), answers, strict=True)
        ],
    }


def _structure(path: Path) -> tuple[list[str], int]:
    """(external data files relative to the model, number of parameters)."""
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(path, load_external_data=False)
    except (DecodeError, ValueError, UnicodeDecodeError):
        raise Unservable(
            "is not an ONNX file, or only part of one; expected the output of torch.onnx.export, skl2onnx or tf2onnx"
        ) from None
    if not model.graph.node:
        raise Unservable("is not an ONNX model, or only part of one: it holds no operators")
    external: set[str] = set()
    parameters = 0
    for tensor in _initializers(model.graph):
        parameters += math.prod(tensor.dims)
        for entry in tensor.external_data:
            if entry.key == "location":
                external.add(entry.value)
    for name in sorted(external):
        _check_external(path, name)
    return sorted(external), parameters


def _initializers(graph: Any) -> Iterator[Any]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            for inner in (*([attribute.g] if attribute.HasField("g") else ()), *attribute.graphs):
                yield from _initializers(inner)


def _check_external(path: Path, name: str) -> None:
    pure = PurePosixPath(name)
    if pure.is_absolute() or ".." in pure.parts or "\\" in name:
        raise Unservable(f"keeps weights at {name!r}, outside its own folder; expected a file beside the model")
    file = path.parent / name
    if file.is_symlink():
        raise Unservable(f"keeps weights in {name!r}, which is a link; expected a file beside the model")
    if not file.is_file():
        raise Unservable(f"keeps its weights in {name!r}, which is missing; put that file beside the model")


def _session(path: Path) -> Any:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base that it documents
        text = _one_line(error)
        version = onnxruntime.__version__
        if "NOT_IMPLEMENTED" in text or "is not a registered" in text or "No Op registered" in text:
            raise Unservable(
                f"needs an operator that onnxruntime {version} does not have on the CPU; "
                f"export with another opset or without the custom operator ({text})"
            ) from None
        if "opset" in text.lower() or "ir_version" in text.lower() or "IR version" in text:
            raise Unservable(f"is newer than onnxruntime {version}; upgrade it or export with an older opset ({text})") from None
        raise Unservable(f"cannot be loaded by onnxruntime {version}: {text}") from None


def _check_type(kind: str, value: Any) -> None:
    if value.type in DATATYPES:
        return
    if value.type.startswith(("seq(", "map(", "optional(")):
        raise Unservable(
            f"{kind} {value.name!r} is a {value.type}, not a tensor; for scikit-learn models convert with "
            "options={'zipmap': False} (skl2onnx), otherwise add a node that makes it a tensor"
        )
    raise Unservable(f"{kind} {value.name!r} is a {value.type}; expected one of {', '.join(sorted(DATATYPES))}")


def _first_feeds(session: Any, axes: dict[str, int]) -> tuple[dict[str, Any], dict[str, int]]:
    """The first synthetic input that the model accepts, and the sizes of its dynamic axes."""
    names = {axis for value in session.get_inputs() for axis in _axes(value)[1:] if isinstance(axis, str)}
    unknown = sorted(
        set(axes) - names - {axis for value in session.get_inputs() for axis in _axes(value)[:1] if isinstance(axis, str)}
    )
    if unknown:
        raise Unservable(f"has no dynamic axis {unknown[0]!r}; it has: {', '.join(sorted(names)) or 'none'}")
    refusal = ""
    for guess in GUESSES if names - set(axes) else GUESSES[:1]:
        sizes = {name: axes.get(name, guess) for name in sorted(names)}
        feeds = {value.name: _synthetic(value, sizes, index) for index, value in enumerate(session.get_inputs())}
        try:
            session.run(None, feeds)
        except Exception as error:  # as above: the next guess may fit
            refusal = _one_line(error)
            continue
        return feeds, sizes
    hint = f"; give the sizes of its dynamic axes ({', '.join(sorted(names))}) with --set axes=NAME:SIZE,…" if names else ""
    raise Unservable(f"loads, but does not run on a synthetic input{hint} ({refusal})")


def _synthetic(value: Any, sizes: dict[str, int], seed: int, rows: int = 1) -> Any:
    import numpy as np

    axes = _axes(value)
    shape = [axis if isinstance(axis, int) else sizes.get(axis, rows) for axis in axes]
    if axes and isinstance(axes[0], str):
        shape[0] = rows
    numpy_type = DATATYPES[value.type][1]
    if numpy_type == "object":
        return np.full(shape, "a", dtype=object)
    if numpy_type == "bool":
        return np.ones(shape, dtype=bool)
    if numpy_type.startswith("float"):
        values = np.asarray(np.random.default_rng(seed).random(shape))
        return np.asarray(np.round(values, 2), dtype=numpy_type)
    return np.ones(shape, dtype=numpy_type)  # token ids, counts, flags: 1 is valid nearly everywhere


def _batches(session: Any, feeds: dict[str, Any], answers: list[Any]) -> tuple[bool, bool]:
    import numpy as np

    if not all(_axes(value) and isinstance(_axes(value)[0], str) for value in session.get_inputs()):
        return False, False
    if not all(np.shape(answer)[:1] == (1,) for answer in answers):
        return False, False
    other = {name: value if value.dtype == object else value[..., ::-1].copy() for name, value in feeds.items()}
    try:
        alone = session.run(None, other)
        both = session.run(None, {name: np.concatenate([feeds[name], other[name]]) for name in feeds})
    except Exception:  # a model that cannot take two rows is served one by one
        return False, False
    if not all(np.shape(answer)[:1] == (ROWS,) for answer in both):
        return False, False
    same = all(
        _close(batch[0], first[0]) and _close(batch[1], second[0])
        for batch, first, second in zip(both, answers, alone, strict=True)
    )
    return True, same


def _close(one: Any, two: Any) -> bool:
    import numpy as np

    if np.shape(one) != np.shape(two):
        return False
    if np.asarray(one).dtype.kind == "f":
        return bool(np.allclose(one, two, rtol=1e-3, atol=1e-4, equal_nan=True))
    return bool(np.array_equal(one, two))


def _tensor(value: Any, seen: tuple[int, ...], *, rows: bool = False) -> dict[str, object]:
    datatype, numpy_type = DATATYPES[value.type]
    axes = _axes(value)
    if len(axes) != len(seen):  # exporters often leave an output's shape out: what a run gave is the truth
        axes = [*(["batch"] if rows else []), *seen[1 if rows else 0 :]]
    elif rows and isinstance(axes[0], int):
        axes = ["batch", *axes[1:]]
    return {
        "name": value.name,
        "datatype": datatype,
        "numpy": numpy_type,
        "shape": [axis if isinstance(axis, int) else -1 for axis in axes],
        "axes": axes,
        "sample_shape": list(seen),
    }


def _axes(value: Any) -> list[str | int]:
    """Static sizes as numbers, dynamic axes by their name, or by place where they have none."""
    return [
        axis if isinstance(axis, int) and axis >= 0 else str(axis or ("batch" if place == 0 else f"axis{place}"))
        for place, axis in enumerate(value.shape)
    ]


def _latency_ms(session: Any, feeds: dict[str, Any]) -> dict[str, float]:
    """Median and 95th percentile of a bounded number of runs."""
    taken: list[float] = []
    end = time.perf_counter() + MEASURE_S
    while not taken or (len(taken) < MEASURE_RUNS and time.perf_counter() < end):
        began = time.perf_counter()
        session.run(None, feeds)
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    return {
        "latency_ms": round(statistics.median(taken), 4),
        "latency_p95_ms": round(taken[math.ceil(0.95 * len(taken)) - 1], 4),
    }


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:300]


if __name__ == "__main__":
    answer = json.dumps(main(*sys.argv[1:]))
    os.write(1, answer.encode())
