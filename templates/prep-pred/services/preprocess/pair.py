"""The pair as one model: images are prepared here, and the inference service is asked with the tensors."""

import asyncio
import io
import logging
import time
from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from services.preprocess.schemas import CONTRACT, IMAGE, SIGNATURE
from services.preprocess.settings import Settings
from services.preprocess.steps import TENSOR, prepare
from services.preprocess.workers import Workers
from serving.call import Call
from serving.cores import available_cores
from serving.errors import NotReady, ServingError, Unprocessable
from serving.parts import Parts
from serving.remote import Remote, Target
from serving.remote_metrics import RemoteMetrics
from serving.repository import ModelInvalid
from serving.tensors import Array, fits

LOGGER = logging.getLogger(__name__)
LOOK_EVERY_S = 1.0


class Pair:
    """The backend of the service's routes: a v2 client sees one model that takes images."""

    platform = "mlscaffold_prep_pred"
    signature = SIGNATURE

    def __init__(self, name: str, version: str, settings: Settings, parts: Parts) -> None:
        self.name = name
        self.version = version
        self._max_pixels = settings.max_pixels
        self._lifecycle = parts.lifecycle
        self._metrics = RemoteMetrics(parts.metrics.registry)
        self._workers = Workers(settings.threads or available_cores())
        self.remote = Remote(Target(name, name, settings.addresses, settings.deadline_ms, CONTRACT), self._metrics)
        self._broken = ""  # why the contract does not hold
        self._watching: asyncio.Task[None] | None = None
        self._lifecycle.add_check(lambda: self._broken)

    async def open(self) -> None:
        """Be ready once the steps and the inference service keep the contract; until then readiness says why not.

        Raises:
            ModelInvalid: the steps make another tensor than they say.
        """
        await asyncio.to_thread(_check_steps)
        self.remote.connect()
        while reason := await self._not_askable_because():
            self._lifecycle.failed(reason)
            await asyncio.sleep(LOOK_EVERY_S)
        self._watching = asyncio.create_task(self._watch())

    async def close(self) -> None:
        """End the threads and the connections."""
        if self._watching:
            self._watching.cancel()
            await asyncio.gather(self._watching, return_exceptions=True)
        self._workers.close()
        await self.remote.close()

    async def infer(self, feeds: Mapping[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs asked for, or all, by name; one row for each encoded image.

        Raises:
            NotReady: the inference service does not keep the contract.
            UnsupportedContent, BodyTooLarge, Unprocessable: an image that cannot be prepared.
            ServingError: of the inference service; the message names it.
        """
        if reason := self._broken:
            raise NotReady(reason)
        encoded: list[bytes] = feeds[IMAGE].reshape(-1).tolist()
        if not encoded:
            raise Unprocessable(f"{IMAGE}: expected at least one image")
        began = time.perf_counter()
        tensor = await self._workers.run(lambda call: self._prepared(encoded, call))
        self._metrics.observe("preprocess", "answered", time.perf_counter() - began)
        return await self.remote.infer({TENSOR.name: tensor}, outputs)

    def _prepared(self, encoded: list[bytes], call: Call) -> Array:
        rows: list[Array] = []
        for place, image in enumerate(encoded):
            call.check_deadline()
            try:
                rows.append(prepare(image, max_pixels=self._max_pixels))
            except ServingError as error:
                if len(encoded) == 1:
                    raise
                raise type(error)(f"image {place}: {error}") from error
        return np.stack(rows)

    async def _not_askable_because(self) -> str:
        try:
            return "" if await self.remote.seen() else f"stage {self.name}: {self.remote.reason}"
        except ModelInvalid as error:
            return str(error)

    async def _watch(self) -> None:
        """Keep looking at the contract: the inference service is released on its own.

        One that cannot be reached leaves things as they are: callers get an error that names it, which says more than
        a connection that nobody takes.
        """
        while True:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                if not await self.remote.seen():
                    continue
                broken = ""
            except ModelInvalid as error:
                broken = str(error)
            if broken != self._broken:
                LOGGER.error("not ready: %s", broken) if broken else LOGGER.info("ready")
            self._broken = broken


def _check_steps() -> None:
    file = io.BytesIO()
    Image.new("RGB", (16, 16), "white").save(file, "PNG")
    row = prepare(file.getvalue(), max_pixels=16 * 16)
    if row.dtype != TENSOR.numpy or not fits(TENSOR.row_shape, row.shape):
        raise ModelInvalid(
            f"steps.py makes {row.dtype} {list(row.shape)}, and says {TENSOR.datatype} {list(TENSOR.row_shape)}"
        )
