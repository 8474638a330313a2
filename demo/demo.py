"""`make demo`: a stamped server answers real requests, and the linter finds real anti-patterns. All in a temporary folder."""

import json
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

import numpy as np
import tritonclient.http as triton

EXAMPLE = Path(__file__).parent / "helpdesk"
MLSCAFFOLD = [sys.executable, "-m", "mlscaffold"]
START_S = 60


def main() -> int:
    """Both halves; the exit code is 0 when each did what it is for."""
    with tempfile.TemporaryDirectory(prefix="mlscaffold-demo-") as folder:
        return serve(Path(folder)) or lint(Path(folder))


def serve(folder: Path) -> int:
    """Stamp, start, ask twice, stop."""
    headline("Stamp a server")
    run([*MLSCAFFOLD, "new", "digits", "--pattern", "web-single"], folder)
    project = folder / "digits"
    port = free_port()
    headline(f"Serve it on port {port}")
    log = (folder / "server.log").open("w")
    server = subprocess.Popen(
        [sys.executable, "-m", "services.digits"],
        cwd=project,
        env={**os.environ, "DIGITS_PORT": str(port)},
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        wait_until_ready(f"http://127.0.0.1:{port}/v2/health/ready", server)
        print("ready: loaded, checked and warmed up")
        heldout = np.load(project / "models/heldout.npz")
        return ask(port, heldout["images"][7], int(heldout["digits"][7]))
    finally:
        server.send_signal(signal.SIGTERM)
        print(f"stopped with exit code {server.wait(timeout=30)}")


def ask(port: int, image: np.ndarray, truth: int) -> int:
    """The same held-out image through both doors."""
    headline(f"Ask it: a handwritten {truth} that it was not trained on")
    print(picture(image))
    client = triton.InferenceServerClient(f"127.0.0.1:{port}")
    tensor = triton.InferInput("image", [1, 64], "FP32")
    tensor.set_data_from_numpy(image.reshape(1, 64).astype("float32"))
    by_client = int(client.infer("digits", [tensor]).as_numpy("label").reshape(-1)[0])
    print(f"tritonclient, POST /v2/models/digits/infer (binary tensors): {by_client}")
    body = json.dumps({"image": image.reshape(64).tolist()}).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}/predict", body, {"Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        said = json.load(answer)
    print(f"POST /predict: {json.dumps(said)}")
    return 0 if by_client == truth == int(said["label"]) else 1


def lint(folder: Path) -> int:
    """The example repository, linted as a user would."""
    headline("Lint an example repository: one server for everything")
    example = folder / "helpdesk"
    subprocess.run(["cp", "-r", str(EXAMPLE), str(example)], check=True)
    shown = subprocess.run([*MLSCAFFOLD, "lint", "helpdesk", *colour()], cwd=folder, check=False)
    report = subprocess.run(
        [*MLSCAFFOLD, "lint", "helpdesk", "--format", "json"], cwd=folder, check=False, capture_output=True, text=True
    )
    findings = json.loads(report.stdout)["findings"]
    headline("The commands that stamp the ways out")
    for command, code in {way_out(one["suggestion"]): one["code"] for one in findings if one["suggestion"]}.items():
        print(f"{code}  {command}")
    codes = {one["code"] for one in findings}
    print(f"\n{len(findings)} findings: {', '.join(sorted(codes))}")
    return 0 if shown.returncode == 1 and {"MLS101", "MLS201"} <= codes else 1


def way_out(suggestion: dict[str, str]) -> str:
    """The command that stamps it, or the one that tells about a pattern that this version does not stamp yet."""
    return suggestion["command"] if suggestion["stamped"] else f"mlscaffold patterns {suggestion['pattern']}   (not stamped yet)"


def run(command: list[str], folder: Path) -> None:
    print(f"$ mlscaffold {shlex.join(command[len(MLSCAFFOLD) :])}", flush=True)
    subprocess.run(command, cwd=folder, check=True)


def headline(text: str) -> None:
    print(f"\n── {text} {'─' * max(0, 90 - len(text))}", flush=True)


def picture(image: np.ndarray) -> str:
    """The 8 x 8 pixels as shades."""
    shades = " ░▒▓█"
    top = float(image.max()) or 1.0
    rows = image.reshape(8, 8)
    return "\n".join("   " + "".join(shades[round(pixel / top * 4)] * 2 for pixel in row) for row in rows)


def colour() -> list[str]:
    return ["--color", "always"] if sys.stdout.isatty() else []


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until_ready(url: str, server: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + START_S
    while time.monotonic() < end:
        if server.poll() is not None:
            sys.exit(f"the server ended with exit code {server.returncode}")
        try:
            with urllib.request.urlopen(url, timeout=1):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    sys.exit(f"not ready within {START_S} s")


if __name__ == "__main__":
    sys.exit(main())
