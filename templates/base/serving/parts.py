"""What the layers of one service share, made once per process."""

from dataclasses import dataclass

from serving.admission import Admission
from serving.lifecycle import Lifecycle
from serving.metrics import Metrics
from serving.settings import ServingSettings


@dataclass(frozen=True, slots=True)
class Parts:
    """Settings, readiness, metrics and places of one service."""

    settings: ServingSettings
    lifecycle: Lifecycle
    metrics: Metrics
    admission: Admission

    @classmethod
    def of(cls, settings: ServingSettings) -> "Parts":
        """Fresh parts for these settings."""
        metrics = Metrics()
        admission = Admission(metrics, max_inflight=settings.max_inflight, queue_ms=settings.queue_ms)
        return cls(settings, Lifecycle(), metrics, admission)
