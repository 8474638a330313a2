"""How a model runs, chosen by measuring it: on the event loop, in a pool of threads, or in batches."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np

from serving.batching import Batching
from serving.call import current_call
from serving.metrics import Metrics
from serving.repository import ModelInvalid
from serving.sample import Feeds, sample_candidates, varied
from serving.session import Session
from serving.tensors import Array
from serving.threads import Threads

Mode = Literal["inline", "pool", "batch"]

INLINE_MS = 1.0  # a model that takes longer would hold up everything else on the loop
HOP_MS = 0.2  # what a thread and back costs in CPU; sharing a run has to save more than that per row
BATCH_ROWS = 8
BATCH_GAIN = 0.6  # a batch of eight has to cost less than this part of eight single runs
TIMED_RUNS, TIMED_S = 20, 1.0
TOLERANCE = {"rtol": 1e-3, "atol": 1e-5}  # sums in another order differ in the last digits


@dataclass(frozen=True, slots=True)
class Measured:
    """What warm-up found. `batch_ms` is the time of a batch of eight, None where rows cannot share a run."""

    single_ms: float
    batch_ms: float | None
    sample: Feeds

    @property
    def best_mode(self) -> Mode:
        """The mode for these figures."""
        if self.batch_ms is not None:
            row_ms = self.batch_ms / BATCH_ROWS
            if row_ms < BATCH_GAIN * self.single_ms and self.single_ms - row_ms > HOP_MS:
                return "batch"
        return "inline" if self.single_ms < INLINE_MS else "pool"

    def request_ms(self, mode: Mode) -> float:
        """What one request costs in that mode, in milliseconds of one thread."""
        return self.batch_ms / BATCH_ROWS if mode == "batch" and self.batch_ms is not None else self.single_ms


class Engine:
    """Runs a model in one mode. What would hold the loop too long goes to a thread, whatever the mode."""

    def __init__(self, threads: Threads, metrics: Metrics, measured: Measured, mode: Mode, *, most_rows: int) -> None:
        self.mode = mode
        self._threads = threads
        self._batching = Batching(threads, metrics, most_rows=most_rows)
        self._inline_elements = _elements(measured.sample) * INLINE_MS / measured.single_ms

    async def run(self, feeds: Mapping[str, Array], outputs: Sequence[str]) -> list[Array]:
        """The outputs in the order asked for.

        Raises:
            DeadlineExceeded, CallerGone: nobody waits any more.
            Unprocessable: the model refuses the input.
        """
        if self.mode == "inline" and _elements(feeds) <= self._inline_elements:
            current_call.get().check_deadline()
            return self._threads.timed(feeds, outputs)
        if self.mode == "batch" and _equal_rows(feeds):
            return await self._batching.run(feeds, outputs)
        return await self._threads.run(feeds, outputs)

    def close(self) -> None:
        """End the threads."""
        self._threads.close()


def measure(session: Session, folder: Path) -> Measured:
    """Warm the model up and time it.

    Raises:
        ModelInvalid: no sample input runs.
    """
    sample = _working_sample(session, folder)
    single_ms = _time_ms(session, sample)
    return Measured(single_ms, _batch_ms(session, sample), sample)


def choose_mode(wanted: Literal["auto", "inline", "pool", "batch"], measured: Measured) -> Mode:
    """The mode that the settings ask for, or the best one.

    Raises:
        ModelInvalid: batches are asked for and change the answers of this model.
    """
    if wanted == "auto":
        return measured.best_mode
    if wanted == "batch" and measured.batch_ms is None:
        raise ModelInvalid("the settings ask for batches, and this model's rows cannot share a run")
    return wanted


def _working_sample(session: Session, folder: Path) -> Feeds:
    reason: Exception | None = None
    for feeds in sample_candidates(session.signature, folder):
        try:
            session.run(feeds, _outputs(session))
        except Exception as error:  # onnxruntime's errors have no common base
            reason = reason or error
            continue
        return feeds
    raise ModelInvalid(f"no sample input runs, so the model cannot be warmed up: {reason}")


def _batch_ms(session: Session, sample: Feeds) -> float | None:
    """The time of eight different rows in one run, where that gives the same answers as eight runs."""
    if not session.signature.has_rows or any(len(array) != 1 for array in sample.values()):
        return None
    generator = np.random.default_rng(0)
    singles = [varied(sample, generator) for _ in range(BATCH_ROWS)]
    batch = {name: np.concatenate([single[name] for single in singles]) for name in sample}
    try:
        together = session.run(batch, _outputs(session))
        alone = [session.run(single, _outputs(session)) for single in singles]
    except Exception:  # a model that cannot run them is not batched
        return None
    same = all(
        _same(output, np.concatenate(parts)) for output, parts in zip(together, zip(*alone, strict=True), strict=True)
    )
    return _time_ms(session, batch) if same else None


def _same(left: Array, right: Array) -> bool:
    if left.shape != right.shape:
        return False
    return (
        np.allclose(left, right, **TOLERANCE, equal_nan=True) if left.dtype.kind == "f" else bool((left == right).all())
    )


def _time_ms(session: Session, feeds: Feeds) -> float:
    """The median of some runs, the first of which is left out."""
    outputs = _outputs(session)
    session.run(feeds, outputs)
    times: list[float] = []
    ends_at = time.perf_counter() + TIMED_S
    while len(times) < TIMED_RUNS and (not times or time.perf_counter() < ends_at):
        started = time.perf_counter()
        session.run(feeds, outputs)
        times.append((time.perf_counter() - started) * 1000)
    return max(sorted(times)[len(times) // 2], 0.001)


def _outputs(session: Session) -> list[str]:
    return [spec.name for spec in session.signature.outputs]


def _elements(feeds: Mapping[str, Array]) -> int:
    return sum(array.size for array in feeds.values())


def _equal_rows(feeds: Mapping[str, Array]) -> bool:
    rows = {len(array) for array in feeds.values()}
    return len(rows) == 1 and rows != {0}
