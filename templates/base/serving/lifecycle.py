"""Truthful health: ready is loaded, warm and not draining; live is a loop that turns."""

from collections.abc import Callable

STARTING = "starting: the model is being loaded and warmed up"
DRAINING = "draining: the service has been asked to stop"


class Lifecycle:
    """The one place that knows why a service is not ready."""

    def __init__(self) -> None:
        self._reason = STARTING
        self._draining = False
        self._checks: list[Callable[[], str]] = []

    def started(self) -> None:
        """Everything is loaded and warm."""
        self._reason = ""

    def failed(self, reason: str) -> None:
        """The service cannot become ready; it stays alive and says why."""
        self._reason = reason

    def drain(self) -> None:
        """Say not ready from now on; work goes on."""
        self._draining = True

    def add_check(self, check: Callable[[], str]) -> None:
        """Ask `check` at every readiness probe: it answers a reason, or nothing where all is well."""
        self._checks.append(check)

    @property
    def draining(self) -> bool:
        """Whether the service has been asked to stop."""
        return self._draining

    @property
    def not_ready_because(self) -> str:
        """Why the service is not ready; empty where it is."""
        if self._draining:
            return DRAINING
        if self._reason:
            return self._reason
        return next((reason for check in self._checks if (reason := check())), "")
