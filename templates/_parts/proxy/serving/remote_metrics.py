"""Latency by stage, in the service's own registry."""

from prometheus_client import CollectorRegistry, Histogram

from serving.metrics import REQUEST_SECONDS


class RemoteMetrics:
    """A histogram with a child for each stage and outcome, looked up once."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._seconds = Histogram(
            "serving_stage_seconds",
            "Time in one stage, as its caller sees it.",
            ("stage", "outcome"),
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self._bound: dict[tuple[str, str], Histogram] = {}

    def observe(self, stage: str, outcome: str, seconds: float) -> None:
        """One call of a stage: answered, refused, failed, too slow or abandoned."""
        if (child := self._bound.get((stage, outcome))) is None:
            child = self._bound[stage, outcome] = self._seconds.labels(stage, outcome)
        child.observe(seconds)
