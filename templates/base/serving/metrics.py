"""Prometheus metrics of one service, in a registry of its own, with children bound once."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    GCCollector,
    Histogram,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

REQUEST_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
BATCH_ROWS = (1, 2, 4, 8, 16, 32, 64, 128, 256)

CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """What is counted. A label's child is looked up once and kept: looking it up costs more than counting."""

    def __init__(self) -> None:
        registry = self.registry = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=registry)
        self._requests = Counter(
            "serving_requests_total", "Requests answered.", ("method", "route", "status"), registry=registry
        )
        self._seconds = Histogram(
            "serving_request_seconds",
            "Time from the request's head to the answer's end.",
            ("route",),
            buckets=REQUEST_SECONDS,
            registry=registry,
        )
        self.inference_seconds = Histogram(
            "serving_inference_seconds", "Time in the model, per run.", buckets=REQUEST_SECONDS, registry=registry
        )
        self.batch_rows = Histogram(
            "serving_batch_rows", "Rows in one run of the model.", buckets=BATCH_ROWS, registry=registry
        )
        self.inflight = Gauge("serving_inflight", "Requests that hold a place.", registry=registry)
        self.places = Gauge("serving_places", "Places there are.", registry=registry)
        self.ready = Gauge("serving_ready", "1 where the service is ready.", registry=registry)
        self._bound_requests: dict[tuple[str, str, int], Counter] = {}
        self._bound_seconds: dict[str, Histogram] = {}

    def count(self, method: str, route: str, status: int, seconds: float) -> None:
        """One request answered."""
        key = (method, route, status)
        if (requests := self._bound_requests.get(key)) is None:
            requests = self._bound_requests[key] = self._requests.labels(method, route, str(status))
        if (histogram := self._bound_seconds.get(route)) is None:
            histogram = self._bound_seconds[route] = self._seconds.labels(route)
        requests.inc()
        histogram.observe(seconds)

    def page(self) -> bytes:
        """The text that Prometheus scrapes."""
        return generate_latest(self.registry)
