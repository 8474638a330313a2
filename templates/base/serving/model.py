"""A model in service: its card, its file, its engine; the backend that the routes ask."""

import asyncio
import logging
from collections.abc import Mapping, Sequence

from serving.cores import available_cores
from serving.engine import Engine, choose_mode, measure
from serving.errors import NotReady
from serving.parts import Parts
from serving.repository import ModelCard, ModelInvalid, checked_file, read_card
from serving.session import PLATFORM, Session
from serving.tensors import Array, Signature, TensorSpec
from serving.threads import Threads

LOGGER = logging.getLogger(__name__)


class ServedModel:
    """One model of the repository. `expected` is the signature that the typed route was written for."""

    platform = PLATFORM

    def __init__(self, name: str, parts: Parts, *, expected: Signature | None = None) -> None:
        self._parts = parts
        self._expected = expected
        self._engine: Engine | None = None
        self._signature: Signature | None = None
        try:
            self.card = read_card(parts.settings.models_dir, name)
        except ModelInvalid:  # `load` reads it again and reports it: the process has to stay alive to say so
            self.card = ModelCard(name=name, version="unknown", sha256="unknown")

    @property
    def name(self) -> str:
        """The name in the routes."""
        return self.card.name

    @property
    def version(self) -> str:
        """The version that is served."""
        return self.card.version

    @property
    def signature(self) -> Signature:
        """What the model takes and gives.

        Raises:
            NotReady: it is not loaded.
        """
        if self._signature is None:
            raise NotReady(self._parts.lifecycle.not_ready_because)
        return self._signature

    async def load(self) -> None:
        """Check, load, warm up and measure, in a thread: probes are answered meanwhile.

        Raises:
            ModelInvalid: it cannot be served.
        """
        self._engine = await asyncio.to_thread(self._load)

    async def close(self) -> None:
        """End the model's threads."""
        if self._engine:
            await asyncio.to_thread(self._engine.close)

    async def infer(self, feeds: Mapping[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs asked for, or all, by name.

        Raises:
            NotReady: the model is not loaded.
            DeadlineExceeded, CallerGone: nobody waits any more.
            Unprocessable: the model refuses the input.
        """
        if self._engine is None:
            raise NotReady(self._parts.lifecycle.not_ready_because)
        names = outputs or [spec.name for spec in self.signature.outputs]
        return dict(zip(names, await self._engine.run(feeds, names), strict=True))

    def _load(self) -> Engine:
        settings, metrics = self._parts.settings, self._parts.metrics
        card = read_card(settings.models_dir, self.name)
        session = Session(checked_file(settings.models_dir, card))
        _check_signature(self._expected, session.signature)
        measured = measure(session, settings.models_dir / card.name)
        mode = choose_mode(settings.engine, measured)
        threads = Threads(session, settings.threads or available_cores(), metrics)
        self._parts.admission.measured(measured.request_ms(mode), threads=threads.count)
        self._signature = session.signature
        figures = {
            "engine": mode,
            "threads": threads.count,
            "single_ms": round(measured.single_ms, 3),
            "batch_of_8_ms": None if measured.batch_ms is None else round(measured.batch_ms, 3),
            "latency_budget_ms": card.latency_budget_ms,
        }
        LOGGER.info("model is warm", extra={"fields": figures})
        return Engine(threads, metrics, measured, mode, most_rows=settings.max_batch)


def _check_signature(expected: Signature | None, found: Signature) -> None:
    if expected is None:
        return
    for kind, wanted, given in (
        ("input", expected.inputs, found.inputs),
        ("output", expected.outputs, found.outputs),
    ):
        if [_essence(spec) for spec in wanted] != [_essence(spec) for spec in given]:
            raise ModelInvalid(
                f"the model's {kind}s are not those that this service was written for: "
                f"expected {_told(wanted)}, the file has {_told(given)}"
            )


def _essence(spec: TensorSpec) -> tuple[str, str, tuple[int, ...]]:
    return spec.name, spec.datatype, spec.shape


def _told(specs: tuple[TensorSpec, ...]) -> str:
    return ", ".join(f"{spec.name} {spec.datatype} {list(spec.shape)}" for spec in specs)
