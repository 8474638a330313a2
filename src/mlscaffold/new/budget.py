"""The online big-size warning at stamping time: a model too big or too slow for the pattern that was asked for."""

from collections.abc import Iterator

from mlscaffold.new.context import StampedModel
from mlscaffold.patterns import Pattern
from mlscaffold.units import human_size

LARGE_BYTES = 300_000_000  # the definition that the linter uses: 300 MB of weights or 100 M parameters
LARGE_PARAMETERS = 100_000_000
WAYS_OUT = "async, batch or time-lag"


def warnings(models: tuple[StampedModel, ...], pattern: Pattern, budget_ms: int) -> Iterator[str]:
    """One sentence with the figures for each model that is online big-size under this pattern."""
    if not pattern.online:
        return
    for model in models:
        reasons = list(_reasons(model, budget_ms))
        if reasons:
            yield (
                f"online big-size: {model.name} {' and '.join(reasons)}; callers of {pattern.name} wait for every answer. "
                f"Consider --pattern {WAYS_OUT}, or a smaller or quantised model."
            )


def _reasons(model: StampedModel, budget_ms: int) -> Iterator[str]:
    file = model.file
    if file.bytes >= LARGE_BYTES:
        yield f"has {human_size(file.bytes)} of weights (large is {human_size(LARGE_BYTES)} and more)"
    elif file.parameters >= LARGE_PARAMETERS:
        yield f"has {file.parameters / 1e6:.0f} M parameters (large is {LARGE_PARAMETERS / 1e6:.0f} M and more)"
    if file.latency_ms > budget_ms:
        yield f"took {file.latency_ms:.0f} ms for one sample here (the budget is {budget_ms} ms)"
