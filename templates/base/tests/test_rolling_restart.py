"""Replicas are alike, and replacing them one after the other under load drops no request."""

import contextlib
import http.client
import signal
import threading
import time
from pathlib import Path

from tests.balancer import Balancer
from tests.support import Answer, ModelService, Process, binary_request, infer_path, running

CALLERS = 4
DRAIN_S = 0.5


class Caller(threading.Thread):
    """Asks over one kept connection, again and again, and keeps what went wrong."""

    def __init__(self, port: int, service: ModelService, stop: threading.Event) -> None:
        super().__init__()
        self.answered = 0
        self.failures: list[str] = []
        self._port, self._stop_asking = port, stop
        self._path = infer_path(service)
        self._body, self._headers = binary_request(service.sample(), service.signature)

    def run(self) -> None:
        """Ask until told to stop."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=10)) as connection:
            while not self._stop_asking.is_set():
                try:
                    connection.request("POST", self._path, self._body, self._headers)
                    response = connection.getresponse()
                    body = response.read()
                except (OSError, http.client.HTTPException) as error:
                    self.failures.append(repr(error))
                    connection.close()
                    continue
                self.answered += 1
                if response.status != 200:
                    self.failures.append(f"{response.status}: {body[:200]!r}")


def _ask(process: Process, service: ModelService) -> Answer:
    body, headers = binary_request(service.sample(), service.signature)
    return process.ask("POST", infer_path(service), body, headers)


def test_replicas_give_the_same_answers(service: ModelService, tmp_path: Path) -> None:
    with running(service, tmp_path) as one, running(service, tmp_path) as other:
        assert _ask(one, service).body == _ask(other, service).body


def test_a_rolling_restart_under_load_drops_no_request(service: ModelService, tmp_path: Path) -> None:
    with contextlib.ExitStack() as stack:
        replicas = [stack.enter_context(running(service, tmp_path, drain_seconds=DRAIN_S)) for _ in range(2)]
        balancer = stack.enter_context(Balancer([replica.port for replica in replicas]))
        replicas[0].wait_until(lambda: _through(balancer.port) == 200, "reached through the balancer")
        stop = threading.Event()
        callers = [Caller(balancer.port, service, stop) for _ in range(CALLERS)]
        for caller in callers:
            caller.start()
        try:
            for replica in replicas:
                before = sum(caller.answered for caller in callers)
                replica.process.send_signal(signal.SIGTERM)
                assert replica.process.wait(20) == 0
                stack.enter_context(running(service, tmp_path, drain_seconds=DRAIN_S, port=replica.port))
                during = sum(caller.answered for caller in callers) - before
                assert during > CALLERS
                time.sleep(0.3)  # the balancer has to see the new one before the next one goes
        finally:
            stop.set()
            for caller in callers:
                caller.join()
        assert [failure for caller in callers for failure in caller.failures] == []


def _through(port: int) -> int:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", port, timeout=5)) as connection:
        try:
            connection.request("GET", "/v2/health/ready")
            return connection.getresponse().status
        except (OSError, http.client.HTTPException):
            return 0
