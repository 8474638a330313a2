"""`lint --measure`: how long the repository's own ONNX files take, run in a process of their own with limits of time and memory.

The models are somebody else's: one that cannot be run, or should not be, is noted and never the end of the run. What was
measured is remembered under the file's hash.
"""

from __future__ import annotations

import hashlib
from pathlib import Path

from mlscaffold.errors import ModelUnreadable
from mlscaffold.light import dataclass
from mlscaffold.lint.finding import SkippedFile
from mlscaffold.store import read_value, write_value

TIME_LIMIT_S = 60.0
MOST_MODELS = 20  # in one run
MOST_BYTES = 2_000_000_000


@dataclass(frozen=True, slots=True)
class Latency:
    """Milliseconds of one answer to a synthetic input, on one thread of this machine."""

    median_ms: float
    p95_ms: float


class Meter:
    """Measures the models of one repository, each when it is first asked for. `notes` say what could not be measured."""

    def __init__(self, root: Path, *, time_limit_s: float = TIME_LIMIT_S) -> None:
        self._root = root.resolve()
        self._time_limit_s = time_limit_s
        self._known: dict[str, Latency | None] = {}
        self._left = MOST_MODELS
        self.notes: list[SkippedFile] = []

    def of(self, path: str) -> Latency | None:
        """The latency of a model, by its path in the repository; None where there is none, with a note why."""
        if path not in self._known:
            try:
                self._known[path] = self._measured(path)
            except (ModelUnreadable, OSError) as error:
                reason = str(error).replace(f"{self._root}/", "").removeprefix(f"{path}: ")
                self.notes.append(SkippedFile(path, f"not measured: {reason}"))
                self._known[path] = None
        return self._known[path]

    def _measured(self, path: str) -> Latency:
        file = (self._root / path).resolve()
        if not file.is_relative_to(self._root):
            raise ModelUnreadable("is a link that leaves the repository")
        if file.stat().st_size > MOST_BYTES:
            raise ModelUnreadable(f"has more than {MOST_BYTES // 1_000_000_000} GB")
        with file.open("rb") as stream:
            name = f"latency-{hashlib.file_digest(stream, 'sha256').hexdigest()}"
        return _kept(name) or self._run(file, name)

    def _run(self, file: Path, name: str) -> Latency:
        if self._left <= 0:
            raise ModelUnreadable(f"{MOST_MODELS} models were measured before it; the next run goes on")
        self._left -= 1
        from mlscaffold.onnxfile import read  # starts the process that imports onnxruntime; this one never does

        said = read(file, time_limit_s=self._time_limit_s)
        found = Latency(said.latency_ms, said.latency_p95_ms)
        write_value(name, (found.median_ms, found.p95_ms))
        return found


def _kept(name: str) -> Latency | None:
    match read_value(name):
        case (float() as median, float() as p95):
            return Latency(median, p95)
    return None
