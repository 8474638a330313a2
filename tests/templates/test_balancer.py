"""The load balancer that a stamped project ships: with it, replicas are replaced one by one and nobody notices."""

import re
import shutil
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

import pytest

from tests.templates.conftest import Stamp
from tests.templates.processes import free_port, post, service

pytestmark = [pytest.mark.slow, pytest.mark.skipif(not shutil.which("haproxy"), reason="needs haproxy")]


@contextmanager
def balancer(project: Path, replicas: list[int], folder: Path) -> Iterator[str]:
    """The shipped configuration, on free ports and with replicas that are named instead of found by Docker's DNS."""
    public, health = free_port(), free_port()
    text = (project / "deploy/compose/haproxy.cfg").read_text()
    servers = "".join(f"    server replica-{port} 127.0.0.1:{port}\n" for port in replicas)
    for pattern, new in (
        (r":8080$", f"127.0.0.1:{public}"),
        (r":8404$", f"127.0.0.1:{health}"),
        (r" resolvers docker init-addr none$", ""),
        (r"^    server-template .*\n", servers),
    ):
        text, changes = re.subn(pattern, new, text, count=1, flags=re.MULTILINE)
        assert changes == 1, pattern
    file = folder / "haproxy.cfg"
    file.write_text(text)
    process = subprocess.Popen(["haproxy", "-f", file], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield f"http://127.0.0.1:{public}"
    finally:
        process.terminate()
        process.wait()


def test_a_rolling_restart_under_load_fails_no_request(stamped: Stamp, tmp_path: Path) -> None:
    project = stamped("web-single")
    sample = (project / "models/digits/sample.json").read_bytes()
    ports = [free_port(), free_port()]
    answers: Counter[str] = Counter()
    done = threading.Event()
    with ExitStack() as running:
        replicas = [running.enter_context(service(project, "digits", port=port)) for port in ports]
        address = running.enter_context(balancer(project, ports, tmp_path))
        _wait_until_it_answers(address)

        def ask() -> None:
            while not done.is_set():
                try:
                    answers[str(post(f"{address}/predict", sample)["label"])] += 1
                except OSError as error:
                    answers[repr(error)] += 1

        callers = [threading.Thread(target=ask) for _ in range(4)]
        for caller in callers:
            caller.start()
        for replica, port in zip(replicas, ports, strict=True):
            replica.send_signal(signal.SIGTERM)
            assert replica.wait(20) == 0
            running.enter_context(service(project, "digits", port=port))
            time.sleep(1.5)  # until the balancer has seen it: it asks once a second
        done.set()
        for caller in callers:
            caller.join()
    assert set(answers) == {"7"}
    assert answers["7"] > 500


def _wait_until_it_answers(address: str) -> None:
    for _ in range(100):
        try:
            with urlopen(f"{address}/v2/health/ready", timeout=1):
                return
        except URLError:
            time.sleep(0.1)
    raise AssertionError("the balancer does not answer within 10 s")
