"""What linting costs beside ruff: CPU seconds, the rounds interleaved so that a busy machine slows all alike.

usage: python benchmarks/lint.py FOLDER [FOLDER ...] [--rounds N]

Measured per folder: `mlscaffold lint` cold (empty cache) and warm (nothing changed), and after a change of five files; against
`ruff check --no-cache` and a bare `python -c pass`. The bars: cold at most 1.0 times ruff on a general repository of thousands of
files and 2.5 times on a small serving one, warm at most 0.3 times, five changed files at most 5 times a bare Python.
"""

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

BIN = Path(sys.executable).parent
TIME_LIMIT_S = 300


def cpu_seconds(command: list[str], cache: Path) -> float:
    """User and system time of one run and its children."""
    environment = {**os.environ, "MLSCAFFOLD_CACHE_DIR": str(cache)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=TIME_LIMIT_S, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def touch(folder: Path, number: int, mark: int) -> None:
    """Append a comment to the first Python files."""
    for path in sorted(folder.rglob("*.py"))[:number]:
        if path.is_file() and not path.is_symlink():
            with path.open("ab") as stream:
                stream.write(b"\n# %d\n" % mark)


def measure(folder: Path, rounds: int) -> dict[str, float]:
    """Medians over the rounds, on a copy: the benchmark changes files."""
    with tempfile.TemporaryDirectory() as scratch:
        copy, cache = Path(scratch) / folder.name, Path(scratch) / "cache"
        shutil.copytree(folder, copy, symlinks=True, ignore_dangling_symlinks=True)
        lint = [str(BIN / "mlscaffold"), "lint", "--format", "concise", str(copy)]
        subprocess.run([*lint, "--no-cache"], capture_output=True, timeout=TIME_LIMIT_S, check=False)  # compiles, warms the disk
        seen: dict[str, list[float]] = {name: [] for name in ("python", "ruff", "cold", "warm", "changed")}
        for mark in range(rounds):
            seen["python"].append(cpu_seconds([sys.executable, "-c", "pass"], cache))
            seen["ruff"].append(cpu_seconds([str(BIN / "ruff"), "check", "--no-cache", "--isolated", str(copy)], cache))
            for report in cache.glob("report-*"):
                report.unlink()
            seen["cold"].append(cpu_seconds(lint, cache))
            seen["warm"].append(cpu_seconds(lint, cache))
            touch(copy, 5, mark)
            seen["changed"].append(cpu_seconds(lint, cache))
        return {name: statistics.median(values) for name, values in seen.items()}


def main() -> None:
    """One line per folder."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    heads = "".join(f"{name:>8}" for name in ("python", "ruff", "cold", "warm", "5 files"))
    print(f"{'folder':32} {'files':>6}{heads}   cold/ruff warm/ruff 5/python")
    for folder in arguments.folders:
        files = sum(1 for _ in folder.rglob("*.py"))
        cpu = measure(folder.resolve(), arguments.rounds)
        ratios = (
            cpu["cold"] / max(cpu["ruff"], 1e-3),
            cpu["warm"] / max(cpu["ruff"], 1e-3),
            cpu["changed"] / max(cpu["python"], 1e-3),
        )
        cells = " ".join(f"{cpu[name]:7.3f}" for name in ("python", "ruff", "cold", "warm", "changed"))
        print(f"{folder.name[:32]:32} {files:6} {cells}   " + " ".join(f"{ratio:9.2f}" for ratio in ratios))


if __name__ == "__main__":
    main()
