"""The stages as one model: each row goes its own way along the route, rows on the same way go together."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from services.proxy.route import END, ERROR, REQUEST, Route, Stage, check_route
from serving.call import current_call
from serving.errors import ServingError
from serving.parts import Parts
from serving.remote import StageFailed, StageRefused, open_all
from serving.tensors import Array, Signature
from serving.whole import Whole, target

LOGGER = logging.getLogger(__name__)

Rows = npt.NDArray[np.intp]


@dataclass(slots=True)
class Walk:
    """One request on its way. `waiting` are rows on their way to a stage, with the stage that answered them last."""

    rows: int
    whole: bool
    waiting: dict[str, list[tuple[str, Rows]]]
    answers: dict[str, tuple[Rows, dict[str, Array]]] = field(default_factory=dict)
    ended: list[tuple[str, Rows]] = field(default_factory=list)
    visited: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)

    @property
    def parameters(self) -> dict[str, str]:
        """What a v2 answer says of the walk."""
        failed = "; ".join(self.failed.values())
        return {"route": ", ".join(self.visited), **({"failed": failed} if failed else {})}

    def pick(self, stage: str, tensor: str, rows: Rows) -> Array:
        """What a stage answered for these rows."""
        known, outputs = self.answers[stage]
        values = outputs[tensor]
        return values if self.whole else values[np.searchsorted(known, rows)]


class Pipeline(Whole):
    """The backend of the proxy's routes: a v2 client sees one model."""

    platform = "mlscaffold_serial"

    def __init__(
        self, name: str, version: str, signature: Signature, route: Route, urls: Mapping[str, str], parts: Parts
    ) -> None:
        stages = route.stages.values()
        targets = [target(one.name, one.model, one.url, urls, budget_ms=one.budget_ms) for one in stages]
        super().__init__(name, version, signature, targets, parts)
        self.route = route

    async def open(self) -> None:
        """Wait for every stage, and check the route against what they serve.

        Raises:
            ModelInvalid: the route does not fit the stages; the message names its line.
        """
        await open_all(list(self.remotes.values()))
        check_route(self.route, {name: remote.signature for name, remote in self.remotes.items()}, self.signature)

    async def infer(self, feeds: Mapping[str, Array], outputs: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs asked for, or all, by name; the answer's parameters say which way led there.

        Raises:
            ServingError: of the stage that failed; the message names it.
        """
        walk = await self.walk(feeds)
        current_call.get().parameters = walk.parameters
        return self.answer(walk, outputs)

    async def walk(self, feeds: Mapping[str, Array]) -> Walk:
        """Send every row along the route."""
        whole = not self.signature.has_rows
        rows = 1 if whole else len(next(iter(feeds.values())))
        walk = Walk(rows, whole, {self.route.first: [("", np.arange(rows))]})
        for name in self.route.before:  # in an order in which every stage comes after those that lead to it
            if comers := walk.waiting.pop(name, None):
                await self._visit(self.route.stages[name], comers, feeds, walk)
        return walk

    def answer(self, walk: Walk, outputs: Sequence[str] = ()) -> dict[str, Array]:
        """The outputs of a walk, the rows in the order in which they came.

        Raises:
            StageFailed: rows that went different ways got answers of different shapes.
        """
        names = list(outputs) or [spec.name for spec in self.signature.outputs]
        if len(walk.ended) == 1:
            stage, rows = walk.ended[0]
            return {name: walk.pick(stage, name, rows) for name in names}
        order = np.argsort(np.concatenate([rows for _, rows in walk.ended]))
        answer: dict[str, Array] = {}
        for name in names:
            parts = [walk.pick(stage, name, rows) for stage, rows in walk.ended]
            try:
                answer[name] = np.concatenate(parts)[order]
            except ValueError as error:
                raise StageFailed(f"{name}: rows of one request got answers of different shapes: {error}") from error
        return answer

    async def _visit(
        self, stage: Stage, comers: list[tuple[str, Rows]], feeds: Mapping[str, Array], walk: Walk
    ) -> None:
        rows = np.sort(np.concatenate([rows for _, rows in comers]))
        given = {name: _source(place, tensor, rows, feeds, walk) for name, (place, tensor) in stage.feeds.items()}
        walk.visited.append(stage.name)
        try:
            answered = await self.remotes[stage.name].infer(given)
        except StageRefused:
            raise  # the input is at fault, and another stage would not make it right
        except ServingError as error:
            if stage.on_failure == ERROR or current_call.get().remaining_ms <= 0 or not all(last for last, _ in comers):
                raise
            self._fall_back(stage, comers, error, walk)
            return
        walk.answers[stage.name] = (rows, answered)
        self._go_on(stage, rows, feeds, walk)

    def _fall_back(self, stage: Stage, comers: list[tuple[str, Rows]], error: ServingError, walk: Walk) -> None:
        LOGGER.warning("stage failed, the route goes on", extra={"fields": {"stage": stage.name, "error": str(error)}})
        walk.failed[stage.name] = str(error)
        for last, rows in comers:
            if stage.on_failure == END:
                walk.ended.append((last, rows))
            else:
                walk.waiting.setdefault(stage.on_failure, []).append((last, rows))

    def _go_on(self, stage: Stage, rows: Rows, feeds: Mapping[str, Array], walk: Walk) -> None:
        left = np.ones(len(rows), dtype=bool)
        for branch in stage.branches:
            if branch.when is None:
                chosen = left
            else:
                values = _condition_values(branch.when.uses, rows, feeds, walk)
                chosen = left & branch.when(values, len(rows))
            left = left & ~chosen
            if not chosen.any():
                continue
            going = rows[chosen]
            if branch.go == END:
                walk.ended.append((stage.name, going))
            else:
                walk.waiting.setdefault(branch.go, []).append((stage.name, going))


def _source(place: str, tensor: str, rows: Rows, feeds: Mapping[str, Array], walk: Walk) -> Array:
    if place != REQUEST:
        return walk.pick(place, tensor, rows)
    return feeds[tensor] if walk.whole or len(rows) == walk.rows else feeds[tensor][rows]


def _condition_values(
    uses: set[tuple[str, str]], rows: Rows, feeds: Mapping[str, Array], walk: Walk
) -> dict[str, dict[str, Array]]:
    values: dict[str, dict[str, Any]] = {}
    for place, tensor in uses:
        value = _source(place, tensor, rows, feeds, walk)
        values.setdefault(place, {})[tensor] = value[np.newaxis] if walk.whole else value
    return values
