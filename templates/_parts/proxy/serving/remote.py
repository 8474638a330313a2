"""A model behind another service: one pooled client, deadline and trace handed on, a breaker, latency by stage."""

import asyncio
import contextlib
import itertools
import logging
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import aiohttp
import msgspec

from serving.breaker import Breaker
from serving.call import current_call
from serving.errors import DeadlineExceeded, NotReady, ServingError
from serving.remote_codec import AnswerInvalid, decode_answer, decode_signature, encode_request
from serving.remote_metrics import RemoteMetrics
from serving.repository import ModelInvalid
from serving.tensors import Array, Signature, TensorSpec

LOGGER = logging.getLogger(__name__)

LENGTH_HEADER = "Inference-Header-Content-Length"
CONNECT_S = 1.0
PROBE_S = 1.0
PATIENCE_S = 0.1  # between two looks at a stage that is not there yet
LARGEST_ERROR = 2000  # characters of another service's error that are handed on


class StageFailed(ServingError):
    """A stage answered with an error of its own, or not as its metadata promise."""

    status = 502


class StageUnavailable(ServingError):
    """A stage is not there, is full, or is left alone after failures; come again after `Retry-After` seconds."""

    status = 503


class StageTooSlow(DeadlineExceeded):
    """A stage did not answer within its budget, or within what was left of the request's deadline."""


class StageRefused(ServingError):
    """A stage refuses what it was sent: the caller's input, or the output of the stage before it."""

    status = 422


@dataclass(frozen=True, slots=True)
class Target:
    """Which model to ask, and where.

    `urls` are its replicas, `budget_ms` bounds one answer within the request's deadline; `expected` is the signature
    that the caller was written for, where there is one.
    """

    stage: str
    model: str
    urls: tuple[str, ...]
    budget_ms: float
    expected: Signature | None = None


class Remote:
    """One stage. Create it, `open` it inside the event loop, `close` it in the end."""

    def __init__(self, target: Target, metrics: RemoteMetrics) -> None:
        self.target = target
        self.breaker = Breaker()
        self._metrics = metrics
        self._next = itertools.count()
        self._session: aiohttp.ClientSession | None = None
        self._signature: Signature | None = None
        self.reason = "not asked yet"

    @property
    def signature(self) -> Signature:
        """What the stage takes and gives, as it said when it was first seen.

        Raises:
            NotReady: it has not been seen yet.
        """
        if self._signature is None:
            raise NotReady(f"stage {self.target.stage} has not been seen yet: {self.reason}")
        return self._signature

    async def open(self) -> None:
        """Make the connection pool, wait for the stage, and read its signature.

        Raises:
            ModelInvalid: the stage serves another signature than the expected one.
        """
        self.connect()
        while not await self.seen():
            await asyncio.sleep(PATIENCE_S)

    def connect(self) -> None:
        """Make the connection pool."""
        # The number of requests is bounded where they come in; a second bound here would only hide the wait.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=30)
        timeout = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT_S)
        self._session = aiohttp.ClientSession(connector=connector, timeout=timeout)

    async def close(self) -> None:
        """End the connection pool."""
        if self._session:
            await self._session.close()

    async def infer(self, feeds: Mapping[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs asked for, or all, by name.

        Raises:
            StageFailed, StageUnavailable, StageTooSlow, StageRefused: each names the stage.
            CallerGone: nobody waits any more.
        """
        names = tuple(outputs) or tuple(spec.name for spec in self.signature.outputs)
        if not self.breaker.allows():
            raise self._error(StageUnavailable, "it failed several times in a row and is left alone for a moment")
        began, outcome = time.perf_counter(), "failed"
        call = current_call.get()
        try:
            budget_s = min(self.target.budget_ms, call.remaining_ms) / 1000
            async with asyncio.timeout(max(0.0, budget_s)):
                results = await self._ask(feeds, names)
            outcome = "answered"
            self.breaker.succeeded()
            return results
        except TimeoutError:
            self.breaker.failed()
            outcome = "too slow"
            raise self._error(StageTooSlow, f"no answer within {budget_s * 1000:.0f} ms") from None
        except (StageRefused, StageUnavailable) as error:
            outcome = "refused"
            self.breaker.succeeded() if isinstance(error, StageRefused) else self.breaker.failed()
            raise
        except StageFailed:
            self.breaker.failed()
            raise
        except BaseException:
            self.breaker.abandoned()
            outcome = "abandoned"
            raise
        finally:
            self._metrics.observe(self.target.stage, outcome, time.perf_counter() - began)

    async def seen(self) -> bool:
        """Look at the stage's metadata, once; `reason` says why it could not be seen.

        Raises:
            ModelInvalid: it serves another signature than the expected one.
        """
        try:
            url = f"{self._replicas()[0]}/v2/models/{self.target.model}"
            async with asyncio.timeout(PROBE_S), self._pool.get(url) as answer:
                content = await answer.read()
                if answer.status != 200:
                    self.reason = _said(content)
                    return False
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            self.reason = _told(error)
            return False
        self._signature = self._checked(content)
        self.reason = ""
        return True

    async def probe(self) -> str:
        """Why the stage is not ready; empty where it is."""
        try:
            async with asyncio.timeout(PROBE_S), self._pool.get(f"{self._replicas()[0]}/v2/health/ready") as answer:
                return "" if answer.status == 200 else _said(await answer.read())
        except (TimeoutError, aiohttp.ClientError, OSError) as error:
            return _told(error)

    async def _ask(self, feeds: Mapping[str, Array], names: Sequence[str]) -> dict[str, Array]:
        body, json_length = encode_request(feeds, self.signature, names)
        headers = {
            "content-type": "application/octet-stream",
            "accept-encoding": "identity",  # between neighbours packing costs more than it saves
            LENGTH_HEADER: str(json_length),
            **current_call.get().outgoing_headers(),
        }
        # Inference changes nothing on the other side, so another replica may be asked when one is going or gone. A
        # single one is asked twice: its connection may have been closed while it lay in the pool.
        replicas = self._replicas()
        tries = replicas if len(replicas) > 1 else replicas * 2
        for url in tries[:-1]:
            with contextlib.suppress(aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, StageUnavailable):
                return await self._post(f"{url}/v2/models/{self.target.model}/infer", body, headers, names)
        try:
            return await self._post(f"{tries[-1]}/v2/models/{self.target.model}/infer", body, headers, names)
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError) as error:
            raise self._error(StageUnavailable, _told(error)) from error

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str], names: Sequence[str]) -> dict[str, Array]:
        async with self._pool.post(url, data=body, headers=headers) as answer:
            try:
                content = await answer.read()
            except aiohttp.ClientPayloadError as error:
                raise self._error(StageFailed, f"its answer breaks off: {_told(error)}") from error
            if answer.status == 200:
                length = answer.headers.get(LENGTH_HEADER, str(len(content)))
                try:
                    return decode_answer(content, length, self.signature, names)
                except AnswerInvalid as error:
                    raise self._error(StageFailed, f"its answer breaks the contract: {error}") from error
            said = _said(content)
            if answer.status == 503:
                raise self._error(StageUnavailable, said, answer.headers.get("retry-after", "1"))
            if answer.status == 504:
                raise self._error(StageTooSlow, said)
            if 400 <= answer.status < 500:
                raise self._error(StageRefused, said)
            raise self._error(StageFailed, f"it answered {answer.status}: {said}")

    def _checked(self, metadata: bytes) -> Signature:
        try:
            found = decode_signature(metadata)
        except AnswerInvalid as error:
            raise ModelInvalid(f"stage {self.target.stage}: {error}") from error
        expected = self.target.expected or found
        for kind, wanted, served in (
            ("input", expected.inputs, found.inputs),
            ("output", expected.outputs, found.outputs),
        ):
            if _essence(wanted) != _essence(served):
                raise ModelInvalid(
                    f"stage {self.target.stage}: its {kind}s are not those that this service was written for: "
                    f"expected {_essence(wanted)}, it serves {_essence(served)}"
                )
        return found

    @property
    def _pool(self) -> aiohttp.ClientSession:
        if self._session is None:
            raise RuntimeError("open() comes first")
        return self._session

    def _replicas(self) -> tuple[str, ...]:
        """Every replica once, each time beginning with the next."""
        urls = self.target.urls
        first = next(self._next) % len(urls)
        return urls[first:] + urls[:first]

    def _error(self, kind: type[ServingError], why: str, retry_after: str = "1") -> ServingError:
        headers = {"retry-after": retry_after} if kind is StageUnavailable else None
        return kind(f"stage {self.target.stage}: {why}", headers)


async def open_all(remotes: Sequence[Remote]) -> None:
    """Open every stage at once, and be ready when the last one has been seen.

    Raises:
        ModelInvalid: one of them serves another signature.
    """
    opening = [asyncio.create_task(remote.open()) for remote in remotes]
    try:
        await asyncio.gather(*opening)
    finally:
        for task in opening:
            task.cancel()


async def states(remotes: Sequence[Remote]) -> dict[str, dict[str, str]]:
    """For each stage whether it is ready, and how its breaker stands."""
    reasons = await asyncio.gather(*(remote.probe() for remote in remotes))
    return {
        remote.target.stage: {"state": reason or "ready", "breaker": remote.breaker.state}
        for remote, reason in zip(remotes, reasons, strict=True)
    }


def _essence(specs: Sequence[TensorSpec]) -> str:
    return ", ".join(sorted(f"{spec.name} {spec.datatype} {list(spec.shape)}" for spec in specs))


def _said(content: bytes) -> str:
    """The message in another service's `{"error": …}`, or the beginning of whatever it sent."""
    try:
        body = msgspec.json.decode(content)
    except (msgspec.DecodeError, UnicodeDecodeError):
        body = None
    said = body.get("error") if isinstance(body, dict) else content.decode(errors="replace")
    return str(said)[:LARGEST_ERROR] or "no message"


def _told(error: BaseException) -> str:
    return str(error) or type(error).__name__
