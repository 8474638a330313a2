"""A circuit breaker: after some failures in a row nothing is sent for a while, then one request tries again."""

import time

FAILURES = 5
REST_S = 2.0


class Breaker:
    """Closed (all pass), open (none pass), half open (one passes). It is used from the event loop alone."""

    def __init__(self, *, failures: int = FAILURES, rest_s: float = REST_S) -> None:
        self._limit = failures
        self._rest_s = rest_s
        self._failures = 0
        self._opened_at = 0.0
        self._trying = False

    @property
    def state(self) -> str:
        """closed, open or half-open."""
        if self._failures < self._limit:
            return "closed"
        return "open" if time.monotonic() < self._opened_at + self._rest_s else "half-open"

    @property
    def retry_after_s(self) -> float:
        """How long it stays open."""
        return max(0.0, self._opened_at + self._rest_s - time.monotonic())

    def allows(self) -> bool:
        """Whether a request may go out now; where it may, `succeeded`, `failed` or `abandoned` has to follow."""
        if self.state == "closed":
            return True
        if self.state == "open" or self._trying:
            return False
        self._trying = True
        return True

    def succeeded(self) -> None:
        """The request was answered, be it with an error of the caller's."""
        self._failures = 0
        self._trying = False

    def failed(self) -> None:
        """The request was not answered, or not as the contract says."""
        self._failures += 1
        self._trying = False
        if self._failures >= self._limit:
            self._opened_at = time.monotonic()

    def abandoned(self) -> None:
        """Nobody waited for the answer any more: that says nothing about the other side."""
        self._trying = False
