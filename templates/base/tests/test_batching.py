"""Batched equals unbatched for every caller, whatever comes together, and one bad row fails alone.

`lookup.onnx` answers row i of a table of eight rows for the index i; any other index makes the whole run fail.
"""

import asyncio
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.batching import Batching
from serving.call import call_from, current_call
from serving.engine import measure
from serving.errors import DeadlineExceeded, ServingError, Unprocessable
from serving.metrics import Metrics
from serving.sample import Feeds, varied
from serving.session import Session
from serving.tensors import Array
from serving.threads import Threads
from tests.support import ModelService, assert_same

LOOKUP = Path(__file__).parent / "lookup.onnx"
ROWS_IN_TABLE = 8
Outcome = list[Array] | BaseException


async def _one(batching: Batching, feeds: Feeds, outputs: Sequence[str], deadline_ms: float) -> list[Array]:
    current_call.set(call_from({}, longest_ms=deadline_ms))
    return await batching.run(feeds, outputs)


def _all_at_once(
    session: Session, requests: Sequence[Feeds], *, most_rows: int, threads: int = 1, deadlines_ms: Sequence[float] = ()
) -> tuple[list[Outcome], int]:
    """What each caller gets where all come at the same moment, and how many runs of the model that took."""
    metrics = Metrics()
    outputs = [spec.name for spec in session.signature.outputs]

    async def scenario() -> list[Outcome]:
        pool = Threads(session, threads, metrics)
        batching = Batching(pool, metrics, most_rows=most_rows)
        limits = deadlines_ms or [60_000.0] * len(requests)
        calls = [_one(batching, feeds, outputs, limit) for feeds, limit in zip(requests, limits, strict=True)]
        try:
            return await asyncio.gather(*calls, return_exceptions=True)
        finally:
            pool.close()

    outcomes = asyncio.run(scenario())
    (line,) = [line for line in metrics.page().decode().splitlines() if line.startswith("serving_batch_rows_count")]
    return outcomes, int(float(line.split()[1]))


@given(
    requests=st.lists(st.lists(st.integers(-12, ROWS_IN_TABLE + 3), min_size=1, max_size=5), min_size=1, max_size=12),
    most_rows=st.integers(1, 16),
    threads=st.integers(1, 3),
)
@settings(max_examples=60, deadline=None)
def test_every_caller_gets_its_own_rows_and_bad_ones_fail_alone(
    requests: list[list[int]], most_rows: int, threads: int
) -> None:
    session = Session(LOOKUP)
    feeds = [{"index": np.array(indices, dtype=np.int64)} for indices in requests]
    outcomes, _ = _all_at_once(session, feeds, most_rows=most_rows, threads=threads)
    for indices, outcome in zip(requests, outcomes, strict=True):
        if all(-ROWS_IN_TABLE <= index < ROWS_IN_TABLE for index in indices):
            assert not isinstance(outcome, BaseException), outcome
            places = [index % ROWS_IN_TABLE for index in indices]
            assert outcome[0].tolist() == [[place * 1.5, -place] for place in places]
        else:
            assert isinstance(outcome, Unprocessable)
            assert "indices" in str(outcome)


def test_those_who_come_together_share_a_run() -> None:
    feeds = [{"index": np.array([place % ROWS_IN_TABLE])} for place in range(32)]
    _, runs = _all_at_once(Session(LOOKUP), feeds, most_rows=16)
    assert runs == 2


def test_who_has_no_time_left_is_not_computed() -> None:
    feeds = [{"index": np.array([place])} for place in range(4)]
    outcomes, runs = _all_at_once(Session(LOOKUP), feeds, most_rows=1, deadlines_ms=[-1, 60_000, -1, 60_000])
    assert [isinstance(outcome, DeadlineExceeded) for outcome in outcomes] == [True, False, True, False]
    assert runs == 2


def test_this_model_s_answers_do_not_depend_on_who_else_asks(service: ModelService) -> None:
    session = Session(service.file)
    measured = measure(session, service.file.parents[1])
    if measured.batch_ms is None:
        pytest.skip("the rows of this model cannot share a run: it is never batched")
    outputs = [spec.name for spec in session.signature.outputs]

    @given(seed=st.integers(0, 2**32), count=st.integers(2, 9), most_rows=st.integers(2, 9))
    @settings(max_examples=20, deadline=None)
    def equal(seed: int, count: int, most_rows: int) -> None:
        generator = np.random.default_rng(seed)
        requests = [varied(measured.sample, generator) for _ in range(count)]
        outcomes, _ = _all_at_once(session, requests, most_rows=most_rows)
        for feeds, outcome in zip(requests, outcomes, strict=True):
            alone = _alone(session, feeds, outputs)
            if isinstance(alone, ServingError) or isinstance(outcome, BaseException):
                assert type(alone) is type(outcome)
                continue
            for together, single in zip(outcome, alone, strict=True):
                assert_same(together, single)

    equal()


def _alone(session: Session, feeds: Feeds, outputs: Sequence[str]) -> list[Array] | ServingError:
    try:
        return session.run(feeds, outputs)
    except ServingError as error:
        return error
