"""What an ONNX file says about itself: signature, size, latency. Read in a process of its own.

A model of somebody else's can crash onnxruntime, loop for ever or ask for all memory, so `read` never loads it here: it starts
`python -m mlscaffold.onnxprobe` with a time limit and a memory limit and takes its answer.
"""

import json
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from mlscaffold.errors import ModelUnreadable

TIME_LIMIT_S = 180
EXAMPLE_ELEMENTS = 256  # a larger example is no help to a reader


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output of a model.

    `shape` has -1 for each dynamic axis; `axes` names them ("batch", "axis1") and repeats the static sizes; `sample_shape` is the
    concrete shape that one synthetic run used (inputs) or gave (outputs).
    """

    name: str
    datatype: str
    numpy: str
    shape: tuple[int, ...]
    axes: tuple[str | int, ...]
    sample_shape: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class OnnxFile:
    """A model file that onnxruntime loads and runs.

    `external` are the files of external data beside it and their SHA-256; `bytes` counts them too. `latency_ms` is the median
    of single runs on one thread of this machine, `latency_p95_ms` their 95th percentile. `rows` says that the first axis of
    every input and output is a free batch axis, shown by running 1 and 2 rows; `batchable` that the rows of a batch also get
    the answers that they get alone.
    """

    path: Path
    sha256: str
    bytes: int
    parameters: int
    latency_ms: float
    rows: bool
    batchable: bool
    inputs: tuple[Tensor, ...]
    outputs: tuple[Tensor, ...]
    external: dict[str, str] = field(default_factory=dict)
    axes: dict[str, int] = field(default_factory=dict)
    latency_p95_ms: float = 0.0


def read(path: Path, *, axes: dict[str, int] | None = None, time_limit_s: float = TIME_LIMIT_S) -> OnnxFile:
    """Load, check and run the model once in a child process.

    `axes` gives sizes to dynamic axes by name where the synthetic input should not guess them.

    Raises:
        ModelUnreadable: no file, not ONNX, cut, missing or unsafe external data, operators or types that cannot be served.
    """
    _check_file(path)
    command = [sys.executable, "-P", "-m", "mlscaffold.onnxprobe", str(path.resolve()), json.dumps(axes or {})]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=time_limit_s, stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        raise ModelUnreadable(f"{path}: gave no answer within {time_limit_s:.0f} s; it is not served as it is") from None
    if done.returncode:
        cause = f"signal {-done.returncode}" if done.returncode < 0 else f"exit {done.returncode}"
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise ModelUnreadable(f"{path}: onnxruntime ended while reading it ({cause}): {last}")
    said = json.loads(done.stdout)
    if "error" in said:
        raise ModelUnreadable(f"{path}: {said['error']}")
    return OnnxFile(
        path=path,
        inputs=_tensors(said.pop("inputs")),
        outputs=_tensors(said.pop("outputs")),
        **said,
    )


def _check_file(path: Path) -> None:
    if path.is_dir():
        raise ModelUnreadable(f"{path}: is a folder; expected an ONNX file (…/model.onnx)")
    if not path.is_file():
        raise ModelUnreadable(f"{path}: there is no such file; expected the path of an ONNX file")
    try:
        with path.open("rb") as stream:
            head = stream.read(8)
    except OSError as error:
        raise ModelUnreadable(f"{path}: cannot be read: {error.strerror}") from error
    if not head:
        raise ModelUnreadable(f"{path}: the file is empty; export the model again")
    if head.startswith(b"\x80") or head.startswith(b"PK\x03\x04"):
        raise ModelUnreadable(
            f"{path}: looks like a pickle or a zip (PyTorch, joblib, Keras), not ONNX; export it first: "
            "torch.onnx.export, skl2onnx.to_onnx or tf2onnx"
        )


def _tensors(raw: list[dict[str, object]]) -> tuple[Tensor, ...]:
    return tuple(Tensor(**{key: tuple(v) if isinstance(v, list) else v for key, v in one.items()}) for one in raw)  # type: ignore[arg-type]
