"""Asking now and reading later: each member's answer is kept when it comes, however late.

Answers are kept in memory, or in Redis by `PROXY_REDIS_URL`, where every replica of the proxy finds them. The asking
itself runs in the process that took the job: what must outlive a crash belongs into a queue (the `async` pattern).
"""

import asyncio
import time
import uuid
from collections import OrderedDict
from collections.abc import Mapping
from typing import Protocol

from pydantic import BaseModel, Field
from redis.asyncio import Redis
from redis.exceptions import RedisError

from services.proxy.combine import Answer
from services.proxy.ensemble import Ensemble
from services.proxy.settings import Settings
from serving.call import Call, call_from, current_call
from serving.errors import Overloaded, ServingError
from serving.tensors import Array, plain


class Job(BaseModel):
    """What is known of a job: the answers that came, in their order, and why others will not come."""

    id: str
    done: bool = Field(False, description="Whether every member has answered or failed.")
    answers: dict[str, dict[str, object]] = Field(default_factory=dict, description="Outputs by member.")
    missing: dict[str, str] = Field(default_factory=dict, description="Members that failed, with the reason.")


class Store(Protocol):
    """Where jobs are kept until they expire."""

    async def put(self, job: Job) -> None:
        """Keep the job as it is now."""

    async def get(self, job_id: str) -> Job | None:
        """The job, unless there is none or it has expired."""

    async def close(self) -> None:
        """Let go."""


class MemoryStore:
    """In this process: at most `most` jobs, the oldest go first."""

    def __init__(self, *, keep_s: float, most: int) -> None:
        self._keep_s, self._most = keep_s, most
        self._jobs: OrderedDict[str, tuple[float, bytes]] = OrderedDict()

    async def put(self, job: Job) -> None:
        """Keep the job as it is now."""
        self._jobs[job.id] = (time.monotonic() + self._keep_s, job.model_dump_json().encode())
        while len(self._jobs) > self._most:
            self._jobs.popitem(last=False)

    async def get(self, job_id: str) -> Job | None:
        """The job, unless there is none or it has expired."""
        ends_at, kept = self._jobs.get(job_id, (0.0, b""))
        if time.monotonic() > ends_at:
            self._jobs.pop(job_id, None)
            return None
        return Job.model_validate_json(kept)

    async def close(self) -> None:
        """Nothing to let go."""


class RedisStore:
    """In Redis or Valkey, with its own expiry."""

    def __init__(self, url: str, *, keep_s: float) -> None:
        self._redis = Redis.from_url(url, socket_connect_timeout=1, socket_timeout=1)
        self._keep_ms = int(keep_s * 1000)

    async def put(self, job: Job) -> None:
        """Keep the job as it is now."""
        await self._redis.set(f"job:{job.id}", job.model_dump_json(), px=self._keep_ms)

    async def get(self, job_id: str) -> Job | None:
        """The job, unless there is none or it has expired."""
        kept = await self._redis.get(f"job:{job_id}")
        return Job.model_validate_json(kept) if kept else None

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()


class StoreGone(ServingError):
    """Redis does not answer; nothing else here needs it."""

    status = 503


class Jobs:
    """The jobs of this process."""

    def __init__(self, ensemble: Ensemble, store: Store, settings: Settings) -> None:
        self._ensemble = ensemble
        self._store = store
        self._longest_ms = settings.job_ms
        self._most = settings.max_jobs
        self._running: set[asyncio.Task[None]] = set()

    async def start(self, feeds: Mapping[str, Array]) -> Job:
        """Begin to ask; return at once.

        Raises:
            Overloaded: too many jobs are running.
            StoreGone: the job cannot be kept.
        """
        if len(self._running) >= self._most:
            raise Overloaded(f"{self._most} jobs are running; come again later")
        job = Job(id=uuid.uuid4().hex)
        await self._keep(job)
        task = asyncio.create_task(self._run(job, feeds, current_call.get()))
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        return job

    async def read(self, job_id: str) -> Job | None:
        """The job, unless there is none or it has expired.

        Raises:
            StoreGone: the store does not answer.
        """
        try:
            return await self._store.get(job_id)
        except (RedisError, OSError) as error:
            raise StoreGone(f"the store of the jobs does not answer: {error}") from error

    async def close(self) -> None:
        """Stop asking, and let go of the store."""
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)
        await self._store.close()

    async def _run(self, job: Job, feeds: Mapping[str, Array], asked_by: Call) -> None:
        """Ask every member with the time that a job has, under the trace of the request that began it."""
        headers = {name.encode(): value.encode() for name, value in asked_by.outgoing_headers().items()}
        current_call.set(call_from(headers, longest_ms=self._longest_ms))
        kept: list[asyncio.Task[None]] = []

        def arrived(name: str, said: Answer | ServingError) -> None:
            if isinstance(said, ServingError):
                job.missing[name] = str(said)
            else:
                job.answers[name] = {key: plain(array) for key, array in said.items()}
            kept.append(asyncio.create_task(self._keep(job)))

        await self._ensemble.hear_all(feeds, arrived)
        await asyncio.gather(*kept, return_exceptions=True)
        job.done = True
        await self._keep(job)

    async def _keep(self, job: Job) -> None:
        try:
            await self._store.put(job)
        except (RedisError, OSError) as error:
            raise StoreGone(f"the store of the jobs does not answer: {error}") from error


def store_for(settings: Settings) -> Store:
    """Redis by its URL, else this process's memory."""
    if settings.redis_url:
        return RedisStore(settings.redis_url, keep_s=settings.keep_jobs_s)
    return MemoryStore(keep_s=settings.keep_jobs_s, most=settings.max_kept_jobs)
