"""Jobs in a real Redis or Valkey: every replica of the proxy finds them, and without it only the jobs fail."""

import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.proxy.settings import HERE
from tests.pipeline.stages import proxy, urls
from tests.support import Process, free_port

SERVER = shutil.which("valkey-server") or shutil.which("redis-server")
SAMPLE = json.loads((HERE / "sample.json").read_bytes())
pytestmark = pytest.mark.skipif(not SERVER, reason="there is no valkey-server and no redis-server")


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[tuple[str, subprocess.Popen[bytes]]]:
    """The URL of a server of this test's own, and its process."""
    port = free_port()
    command = [str(SERVER), "--port", str(port), "--save", "", "--dir", str(tmp_path), "--bind", "127.0.0.1"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        time.sleep(0.5)
        yield f"redis://127.0.0.1:{port}", process
        process.kill()


def test_another_replica_finds_the_job(
    behind: dict[str, Process], redis: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    with (
        proxy(tmp_path, urls(behind), redis_url=redis[0]) as front,
        proxy(tmp_path / "other", urls(behind), redis_url=redis[0]) as other,
    ):
        path = front.post("/jobs", SAMPLE).headers["location"]
        other.wait_until(lambda: other.ask("GET", path).json.get("done"), "done, as the other replica sees it")


def test_without_redis_jobs_are_refused_and_the_rest_goes_on(
    behind: dict[str, Process], redis: tuple[str, subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    with proxy(tmp_path, urls(behind), redis_url=redis[0]) as front:
        redis[1].kill()
        redis[1].wait()
        refused = front.post("/jobs", SAMPLE)
        assert refused.status == 503
        assert "the store of the jobs does not answer" in refused.error
        assert front.post("/predict", SAMPLE).status == 200
