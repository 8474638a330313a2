"""A stamped project's services as real processes on free ports."""

import json
import os
import random
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryFile
from typing import TextIO
from urllib.error import URLError
from urllib.request import Request, urlopen

START_SECONDS = 30


def packages(project: Path) -> list[str]:
    return sorted(path.parent.name for path in project.glob("services/*/__main__.py"))


@contextmanager
def running(project: Path, package: str, *, cwd: Path | None = None, port: int | None = None) -> Iterator[str]:
    """The address of a service of the project, once it is ready. `cwd` is where it starts (default: the project)."""
    port = port or free_port()
    with service(project, package, cwd=cwd, port=port, grpc_port=0):
        yield f"http://127.0.0.1:{port}"


@contextmanager
def service(
    project: Path, package: str, *, port: int, cwd: Path | None = None, grpc_port: int | None = None
) -> Iterator["subprocess.Popen[str]"]:
    """The process of a service, once it is ready; `grpc_port` counts where it has one (0: any)."""
    settings = {f"{package.upper()}_HOST": "127.0.0.1", f"{package.upper()}_PORT": str(port)}
    settings |= {} if grpc_port is None else {f"{package.upper()}_GRPC_PORT": str(grpc_port)}
    with TemporaryFile("w+") as log:  # not a pipe: a full one would stop the service
        process = subprocess.Popen(
            [sys.executable, "-m", f"services.{package}"],
            cwd=cwd or project,
            env={**os.environ, **settings},
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
        try:
            _wait(process, f"http://127.0.0.1:{port}", log)
            yield process
        finally:
            process.kill()
            process.wait()


def free_port(following: int = 0) -> int:
    """A port that nobody listens on, and so many after it; below the range that the system gives to clients."""
    while True:
        first = random.randrange(12_000, 32_000)
        with ExitStack() as held:
            try:
                for port in range(first, first + following + 1):
                    held.enter_context(socket.socket()).bind(("127.0.0.1", port))
            except OSError:
                continue
            return first


def post(url: str, body: bytes) -> dict[str, object]:
    with urlopen(Request(url, body, {"Content-Type": "application/json"}), timeout=10) as answer:
        return json.load(answer)


def _wait(process: "subprocess.Popen[str]", address: str, log: TextIO) -> None:
    end = time.monotonic() + START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            log.seek(0)
            raise AssertionError(f"the service ended with {process.returncode}:\n{log.read()}")
        try:
            with urlopen(f"{address}/v2/health/ready", timeout=1):
                return
        except (URLError, ConnectionError, TimeoutError):
            time.sleep(0.05)
    raise AssertionError(f"{address}: not ready within {START_SECONDS} s")
