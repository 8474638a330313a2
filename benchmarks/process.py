"""A server under measurement: its process, with all that it starts, and the CPU time that they have used."""

import os
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path

START_S = 120.0


class Server:
    """Started in a session of its own, so that all of it can be ended."""

    def __init__(self, command: Sequence[str], folder: Path, log: Path, settings: Mapping[str, str] | None = None) -> None:
        self._log = log
        with log.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                cwd=folder,
                env={**os.environ, **(settings or {})},
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def wait_for(self, address: str) -> None:
        """Wait until a GET of the address, its readiness probe, is answered with 200."""
        ends_at = time.monotonic() + START_S
        while True:
            try:
                with urllib.request.urlopen(address, timeout=1):
                    return
            except OSError:  # nobody listens, or another status
                if self._process.poll() is not None or time.monotonic() > ends_at:
                    raise RuntimeError(f"did not start:\n{self._log.read_text()[-3000:]}") from None
                time.sleep(0.1)

    def cpu_s(self) -> float:
        """utime + stime of the process and of all its descendants that live, in seconds."""
        return sum(_spent_s(pid) for pid in _tree(self._process.pid))

    def stop(self) -> None:
        """End it and all that it has started."""
        try:
            os.killpg(self._process.pid, signal.SIGTERM)
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        except ProcessLookupError:
            pass


def free_port() -> int:
    """A port that nobody listens on right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def _spent_s(pid: int) -> float:
    """By the process's own clock, as clock_getcpuclockid(3) numbers it: to the nanosecond, where /proc counts in 10 ms."""
    try:
        return time.clock_gettime(~pid << 3 | 2)
    except OSError:  # it has ended
        return 0.0


def _tree(root: int) -> set[int]:
    parents = {int(entry.name): _stat(int(entry.name))[1:2] for entry in Path("/proc").iterdir() if entry.name.isdigit()}
    tree = {root}
    while grown := {pid for pid, parent in parents.items() if parent and int(parent[0]) in tree} - tree:
        tree |= grown
    return tree
