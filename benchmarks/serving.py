"""Server CPU per request of the stamped server, beside FastAPI doing nothing, bare onnxruntime, MLServer and LitServe.

    python benchmarks/serving.py [--rounds 3] [--requests 2000] [--quick]

All servers run at the same time and are asked in turn (interleaved), so that what else the machine does falls on all of
them alike; the best of the rounds counts, since noise only adds. CPU is utime + stime of each server's process tree.
What proxies add (`pipelines.py`) is measured in the same rounds. MLServer and LitServe get environments of their own
below `.venvs/`, from the pinned files in `benchmarks/requirements/`.
Exits with 1 where a bar is missed.
"""

import argparse
import contextlib
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from load import request_bytes
from models import MIDDLE, SMALL, WIDE, conv_net, perceptron
from pipelines import Pipelines
from process import free_port
from subject import CONNECTIONS, JSON, READY, Bar, Starter, Subject, binary, stamp, starter

HERE = Path(__file__).resolve().parent
VENVS = HERE.parent / ".venvs"
PERCEPTRONS = {"small": ("23 MB", SMALL), "middle": ("47 MB", MIDDLE), "wide": ("80 MB", WIDE)}
BATCHED_FROM_US = 1000  # a faster model is one for the event loop: its batches are measured, and held to nothing


def main() -> int:
    """Measure, print, and answer the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=2000, help="per round and number of connections")
    parser.add_argument("--quick", action="store_true", help="leave MLServer and LitServe out")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch, contextlib.ExitStack() as running:
        folder = Path(scratch)
        start = starter(folder, running)
        subjects, bare = _subjects(folder, start, quick=options.quick)
        pipelines = Pipelines(folder, start)
        for round_ in range(options.rounds):
            for connections in CONNECTIONS:
                for subject in subjects:
                    if connections in subject.connections:
                        subject.measure(connections, options.requests)
            for cost in bare.values():
                cost.run()
            pipelines.measure(options.requests)
            print(f"round {round_ + 1} of {options.rounds} is done", file=sys.stderr)
    named = {subject.name: subject for subject in subjects}
    _print_table([*subjects, *pipelines.subjects], bare)
    pipelines.print_latencies()
    bars = _bars(named, {name: cost.best_us for name, cost in bare.items()}) + pipelines.bars()
    _print_bars(bars)
    return 0 if all(bar.held for bar in bars if bar.binding) else 1


@dataclass
class Bare:
    """onnxruntime alone on one model."""

    model: Path
    shape: str
    cost_us: list[float] = field(default_factory=list)

    @property
    def best_us(self) -> float:
        """The least of the rounds."""
        return min(self.cost_us)

    def run(self) -> None:
        """One round, in a process of its own."""
        command = [sys.executable, str(HERE / "servers/bare.py"), str(self.model), self.shape]
        self.cost_us.append(float(subprocess.run(command, check=True, capture_output=True, text=True).stdout))


def _subjects(folder: Path, start: Starter, *, quick: bool) -> tuple[list[Subject], dict[str, Bare]]:
    conv = conv_net(folder / "conv.onnx")
    perceptrons = {name: perceptron(folder / f"{name}.onnx", widths) for name, (_, widths) in PERCEPTRONS.items()}
    digits = stamp(folder / "digits", "web-single", {})
    port = free_port()
    server = start([sys.executable, "-m", "services.digits"], digits, port, READY, {"DIGITS_PORT": str(port)})
    noop_port = free_port()
    noop = start(
        [sys.executable, "-m", "uvicorn", "--no-access-log", "--port", str(noop_port), "noop:app"],
        HERE / "servers",
        noop_port,
        "/docs",
    )
    row = (digits / "models/digits/sample.json").read_bytes()
    v2 = (digits / "models/digits/sample-v2.json").read_bytes()
    image = np.asarray(json.loads(row)["image"], dtype=np.float32)[np.newaxis]
    infer = "/v2/models/digits/infer"
    subjects = [
        Subject("FastAPI, nothing", (noop,), noop_port, request_bytes("/nothing", row, JSON)),
        Subject("FastAPI, same types, no model", (noop,), noop_port, request_bytes("/predict", row, JSON)),
        Subject("stamped, typed", (server,), port, request_bytes("/predict", row, JSON)),
        Subject("stamped, v2 JSON", (server,), port, request_bytes(infer, v2, JSON)),
        Subject("stamped, v2 binary", (server,), port, binary(infer, "image", image)),
    ]
    model = digits / "models/digits/1/model.onnx"
    if not quick:
        subjects += _others(start, folder, model, row, v2)
    for name, path, tensor, connections in (
        ("conv", conv, np.random.default_rng(0).random((1, 3, 64, 64), dtype=np.float32), (1, 8)),
        *((name, path, np.random.default_rng(0).random((1, 784), dtype=np.float32), (64,)) for name, path in perceptrons.items()),
    ):
        project = stamp(folder / name, "web-single", {name: path})
        port = free_port()
        server = start([sys.executable, "-m", f"services.{name}"], project, port, READY, {f"{name.upper()}_PORT": str(port)})
        request = binary(f"/v2/models/{name}/infer", "x", tensor)
        subjects.append(Subject(f"stamped, {name}, v2 binary", (server,), port, request, slow=2, connections=connections))
    bare = {
        "digits": Bare(model, "1,64"),
        "conv": Bare(conv, "1,3,64,64"),
        **{name: Bare(path, "1,784") for name, path in perceptrons.items()},
    }
    return subjects, bare


def _others(start: Starter, folder: Path, model: Path, row: bytes, v2: bytes) -> Iterator[Subject]:
    python = _environment("mlserver")
    port, grpc, metrics = free_port(), free_port(), free_port()
    home = folder / "mlserver"
    home.mkdir()
    (home / "mlserver_digits.py").write_text((HERE / "servers/mlserver_digits.py").read_text())
    ports = {"http_port": port, "grpc_port": grpc, "metrics_port": metrics, "debug": False}
    (home / "settings.json").write_text(json.dumps({"host": "127.0.0.1", **ports}))
    runtime = {"name": "digits", "implementation": "mlserver_digits.Digits", "parameters": {"uri": str(model)}}
    (home / "model-settings.json").write_text(json.dumps(runtime))
    server = start([str(python.parent / "mlserver"), "start", "."], home, port, "/v2/models/digits/ready")
    yield Subject("MLServer, v2 JSON", (server,), port, request_bytes("/v2/models/digits/infer", v2, JSON), slow=2)
    python, port = _environment("litserve"), free_port()
    server = start([str(python), str(HERE / "servers/lit.py"), str(model), str(port)], folder, port, "/health")
    yield Subject("LitServe", (server,), port, request_bytes("/predict", row, JSON), slow=4)


def _environment(name: str) -> Path:
    """The Python of a competitor's environment, made where it is missing."""
    folder, pins = VENVS / name, HERE / "requirements" / f"{name}.txt"
    python, done = folder / "bin/python", folder / "pins.txt"
    if not done.exists() or done.read_text() != pins.read_text():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--clear", "--python", sys.executable, str(folder)], check=True)
        install = [*uv, "pip", "install", "-q", "--python", str(python), "--require-hashes", "-r", str(pins)]
        subprocess.run(install, check=True)
        done.write_text(pins.read_text())
    return python


def _print_table(subjects: list[Subject], bare: dict[str, Bare]) -> None:
    print(f"\n{'server CPU per request (µs)':34}" + "".join(f"{count:>8} conn" for count in CONNECTIONS))
    for subject in subjects:
        cells = [f"{subject.best_us(count):13.0f}" if count in subject.cost_us else " " * 13 for count in CONNECTIONS]
        print(f"{subject.name:34}" + "".join(cells))
    for name, cost in bare.items():
        print(f"{'bare onnxruntime, ' + name:34}{cost.best_us:13.1f}")


def _bars(named: dict[str, Subject], bare: dict[str, float]) -> list[Bar]:
    bars: list[Bar] = []
    nothing, typed = named["FastAPI, nothing"], named["FastAPI, same types, no model"]
    for door in ("typed", "v2 JSON", "v2 binary"):
        for count in CONNECTIONS:
            ours = named[f"stamped, {door}"].best_us(count)
            against = f"{door}, {count} connections, to FastAPI"
            bars.append(Bar(f"{against} with the same types", ours / typed.best_us(count), 1.5))
            bars.append(Bar(f"{against} reading nothing", ours / nothing.best_us(count), 1.5, binding=False))
    if mlserver := named.get("MLServer, v2 JSON"):
        for count in CONNECTIONS:
            ratio = named["stamped, v2 JSON"].best_us(count) / mlserver.best_us(count)
            bars.append(Bar(f"v2 JSON, {count} connections, to MLServer", ratio, 1 / 3))
    for count in (1, 8):
        ratio = named["stamped, conv, v2 binary"].best_us(count) / bare["conv"]
        bars.append(Bar(f"large binary input, {count} connections, to bare onnxruntime", ratio, 1.3))
    for name, (size, _) in PERCEPTRONS.items():
        ratio = named[f"stamped, {name}, v2 binary"].best_us(64) / bare[name]
        what = f"batched MLP of {size}, 64 connections, to unbatched bare onnxruntime"
        bars.append(Bar(what, ratio, 0.4, binding=bare[name] >= BATCHED_FROM_US))
    return bars


def _print_bars(bars: list[Bar]) -> None:
    print(f"\n{'bar':68}{'ratio':>8}{'most':>8}")
    for bar in bars:
        verdict = ("pass" if bar.held else "FAIL") if bar.binding else ("(would pass)" if bar.held else "(would fail)")
        print(f"{bar.what:68}{bar.ratio:8.2f}{bar.most:8.2f}  {verdict}")


if __name__ == "__main__":
    sys.exit(main())
