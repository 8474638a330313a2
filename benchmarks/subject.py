"""What is measured: servers with one request to each, and the promises that the figures are held against."""

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from load import request_bytes, send_all
from process import Server

JSON = {"Content-Type": "application/json"}
CONNECTIONS = (1, 8, 64)
WARM_UP = 200
READY = "/v2/health/ready"


@dataclass
class Subject:
    """One server and one request to it; `cost_us` holds the CPU per request of each round, by connections."""

    name: str
    servers: tuple[Server, ...]
    port: int
    request: bytes
    slow: int = 1  # send only this part of the requests
    connections: tuple[int, ...] = CONNECTIONS
    cost_us: dict[int, list[float]] = field(default_factory=dict)

    def best_us(self, connections: int) -> float:
        """The least of the rounds, in microseconds of CPU per request."""
        return min(self.cost_us[connections])

    def measure(self, connections: int, requests: int) -> None:
        """One round."""
        asyncio.run(send_all(self.port, self.request, connections=connections, requests=max(WARM_UP // self.slow, 20)))
        before = self._cpu_s()
        asyncio.run(send_all(self.port, self.request, connections=connections, requests=requests // self.slow))
        spent = (self._cpu_s() - before) / (requests // self.slow)
        self.cost_us.setdefault(connections, []).append(spent * 1e6)

    def _cpu_s(self) -> float:
        return sum(server.cpu_s() for server in self.servers)


@dataclass(frozen=True)
class Bar:
    """A promise: what, the figure that came out (a ratio where no unit is named), and the most it may be.

    `binding` is False where it is shown only.
    """

    what: str
    ratio: float
    most: float
    binding: bool = True

    @property
    def held(self) -> bool:
        """Whether it is kept."""
        return self.ratio <= self.most


Starter = Callable[..., Server]


def starter(folder: Path, running: contextlib.ExitStack) -> Starter:
    """What starts servers, their logs in `folder`, and ends them with `running`."""

    def start(command: list[str], cwd: Path, port: int, probe: str, settings: dict[str, str] | None = None) -> Server:
        server = Server(command, cwd, folder / f"{port}.log", settings)
        running.callback(server.stop)
        server.wait_for(f"http://127.0.0.1:{port}{probe}")
        return server

    return start


def stamp(folder: Path, pattern: str, models: Mapping[str, Path]) -> Path:
    """A project of that pattern, with these models by name, or with the worked example."""
    given = [part for name, path in models.items() for part in ("--model", f"{name}={path}")]
    command = [sys.executable, "-m", "mlscaffold", "new", str(folder), "--pattern", pattern, *given]
    subprocess.run(command, check=True, capture_output=True)
    return folder


def binary(path: str, name: str, array: np.ndarray) -> bytes:
    """A request of Open Inference Protocol v2 with one tensor in binary, whose answer comes in binary."""
    content = array.tobytes()
    tensor = {
        "name": name,
        "shape": list(array.shape),
        "datatype": "FP32",
        "parameters": {"binary_data_size": len(content)},
    }
    head = json.dumps({"inputs": [tensor], "parameters": {"binary_data_output": True}}).encode()
    headers = {"Content-Type": "application/octet-stream", "Inference-Header-Content-Length": str(len(head))}
    return request_bytes(path, head + content, headers)
