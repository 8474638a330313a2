"""What the stamped proxies add: CPU per hop of the serial one beside a naive proxy, latency of the parallel one.

A hop is the CPU of the proxy and of the model's server together, less that of the model's server asked directly.
"""

import asyncio
import json
import statistics
import sys
from pathlib import Path

import numpy as np
from load import request_bytes, send_all
from models import DEEP_CHANNELS, conv_net
from process import free_port
from subject import JSON, READY, Bar, Starter, Subject, binary, stamp

CONNECTIONS = (1, 8)
HOP_MS, OF_NAIVE, OF_SLOWEST = 1.0, 0.5, 1.15
HERE = Path(__file__).resolve().parent
SHIPPED = HERE.parent / "templates/_parts/digits/models/digits"
ASKED_ONE_BY_ONE = 40


class Pipelines:
    """A serial project of one stage, the naive proxy before the same stage, and a parallel project of two members."""

    def __init__(self, folder: Path, start: Starter) -> None:
        self.subjects = _serial(folder, start)
        self._proxy, self._slowest = _parallel(folder, start)
        self._latency_ms: dict[str, list[float]] = {}

    def measure(self, requests: int) -> None:
        """One round."""
        for connections in CONNECTIONS:
            for subject in self.subjects:
                subject.measure(connections, requests)
        self._take_turns()

    def bars(self) -> list[Bar]:
        """The promises."""
        typed, naive = self._hop_ms("typed"), self._hop_ms("naive")
        latency = self._best_ms("all") / self._best_ms("slowest")
        return [
            Bar("hop of the serial proxy, typed, 8 connections, ms of CPU", typed, HOP_MS),
            Bar("hop of the serial proxy, v2 binary, 8 connections, ms of CPU", self._hop_ms("v2 binary"), HOP_MS),
            Bar("hop of the serial proxy, typed, 8 connections, to a naive one", typed / naive, OF_NAIVE),
            Bar("latency of the parallel proxy to its slowest member", latency, OF_SLOWEST),
        ]

    def print_latencies(self) -> None:
        """The parallel project's figures."""
        print(f"\nparallel, median of one request after the other: all members {self._best_ms('all'):.1f} ms, ", end="")
        print(f"the slowest alone {self._best_ms('slowest'):.1f} ms")

    def _take_turns(self) -> None:
        """Ask the proxy and its slowest member in turn, so that noise falls on both alike."""
        times: dict[str, list[float]] = {"all": [], "slowest": []}
        for _ in range(ASKED_ONE_BY_ONE):
            for name, subject in (("all", self._proxy), ("slowest", self._slowest)):
                times[name] += asyncio.run(send_all(subject.port, subject.request, connections=1, requests=2))[1:]
        for name, found in times.items():
            self._latency_ms.setdefault(name, []).append(statistics.median(found))

    def _best_ms(self, name: str) -> float:
        return min(self._latency_ms[name])

    def _hop_ms(self, what: str) -> float:
        cost = {subject.name: subject.best_us(8) for subject in self.subjects}
        door = "v2 binary" if what == "v2 binary" else "typed"
        through = "naive proxy, typed" if what == "naive" else f"serial, {door}"
        return (cost[through] - cost[f"its stage alone, {door}"]) / 1000


def _serial(folder: Path, start: Starter) -> list[Subject]:
    project = stamp(folder / "serial", "serial", {"one": SHIPPED / "1/model.onnx"})
    stage_port, port, naive_port = free_port(), free_port(), free_port()
    address = f"http://127.0.0.1:{stage_port}"
    stage = start([sys.executable, "-m", "services.one"], project, stage_port, READY, {"ONE_PORT": str(stage_port)})
    settings = {"PROXY_PORT": str(port), "PROXY_URLS": json.dumps({"one": address})}
    proxy = start([sys.executable, "-m", "services.proxy"], project, port, READY, settings)
    command = [sys.executable, "-m", "uvicorn", "--no-access-log", "--port", str(naive_port), "naive_proxy:app"]
    naive = start(command, HERE / "servers", naive_port, "/docs", {"STAGE": address})
    row = (SHIPPED / "sample.json").read_bytes()
    image = np.asarray(json.loads(row)["image"], dtype=np.float32)[np.newaxis]
    typed, stage_binary = request_bytes("/predict", row, JSON), binary("/v2/models/one/infer", "image", image)
    proxy_binary = binary("/v2/models/serial/infer", "image", image)
    return [
        Subject("its stage alone, typed", (stage,), stage_port, typed),
        Subject("serial, typed", (proxy, stage), port, typed),
        Subject("naive proxy, typed", (naive, stage), naive_port, typed),
        Subject("its stage alone, v2 binary", (stage,), stage_port, stage_binary),
        Subject("serial, v2 binary", (proxy, stage), port, proxy_binary),
    ]


def _parallel(folder: Path, start: Starter) -> tuple[Subject, Subject]:
    models = {"deep": conv_net(folder / "deep.onnx", DEEP_CHANNELS), "shallow": conv_net(folder / "shallow.onnx")}
    project = stamp(folder / "parallel", "parallel", models)
    ports = {name: free_port() for name in models}
    members = {
        name: start([sys.executable, "-m", f"services.{name}"], project, port, READY, {f"{name.upper()}_PORT": str(port)})
        for name, port in ports.items()
    }
    urls = {name: f"http://127.0.0.1:{port}" for name, port in ports.items()}
    port = free_port()
    settings = {"PROXY_PORT": str(port), "PROXY_URLS": json.dumps(urls)}
    proxy = start([sys.executable, "-m", "services.proxy"], project, port, READY, settings)
    tensor = np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32)
    return (
        Subject("all members", (proxy, *members.values()), port, binary("/v2/models/parallel/infer", "x", tensor)),
        Subject("the slowest member", (members["deep"],), ports["deep"], binary("/v2/models/deep/infer", "x", tensor)),
    )
