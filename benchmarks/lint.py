"""What linting costs beside ruff: CPU seconds, the rounds interleaved so that a busy machine slows all alike.

usage: python benchmarks/lint.py FOLDER [FOLDER ...] [--rounds N]

Measured per folder: `mlscaffold lint` cold (no cache at all) and warm (nothing changed), and after a change of five files (a
function more in each; a comment more in each), against `ruff check --no-cache`, a bare `python -c pass` and the floor of a
small cold run (`FLOOR`). The bars: cold at most 1.0 times ruff on a general repository of thousands of files and 2.5 times on a
small one, warm at most 0.3 times, five changed files at most 5 times a bare Python, memory at most 300 MB. A bar that is missed
has a `!`. Bytecode is written, as it is wherever the program is installed.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

BIN = Path(sys.executable).parent
REST_S = 2.1
# What no Python linter that parses can do without: the interpreter, these modules, each file read and parsed once.
FLOOR = """
import ast, contextlib, os, pathlib, re, sys
for path in pathlib.Path(sys.argv[1]).rglob("*.py"):
    try:
        ast.parse(path.read_bytes())
    except (OSError, SyntaxError, ValueError):
        pass
"""
COMMENT = b"\n# %d\n"
CODE = b"\n\ndef added(number: int) -> int:\n    return number + %d\n"
GENERAL = 1000  # files from which on a repository is called large
COLD_GENERAL, COLD_SMALL, WARM, HOOK, MEGABYTES = 1.0, 2.5, 0.3, 5.0, 300.0


@dataclass(frozen=True)
class Cost:
    """Of one process and its children: user and system time, and the largest resident memory."""

    seconds: float
    megabytes: float


def cost(command: list[str], cache: Path) -> Cost:
    """What one run costs."""
    environment = {**os.environ, "MLSCAFFOLD_CACHE_DIR": str(cache)}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    return Cost(used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def touch(folder: Path, number: int, mark: int, text: bytes) -> None:
    """Append to the first Python files."""
    for path in sorted(folder.rglob("*.py"))[:number]:
        if path.is_file() and not path.is_symlink():
            with path.open("ab") as stream:
                stream.write(text % mark)


def measure(folder: Path, rounds: int) -> dict[str, Cost]:
    """Medians over the rounds, on a copy: the benchmark changes files."""
    with tempfile.TemporaryDirectory() as scratch:
        copy, cache = Path(scratch) / folder.name, Path(scratch) / "cache"
        shutil.copytree(folder, copy, symlinks=True, ignore_dangling_symlinks=True)
        lint = [str(BIN / "mlscaffold"), "lint", "--format", "concise", str(copy)]
        cost(lint, cache)  # compiles our code, warms the disk
        seen: dict[str, list[Cost]] = {name: [] for name in ("python", "floor", "ruff", "cold", "warm", "changed", "said")}
        for mark in range(rounds):
            time.sleep(REST_S)  # files that were just written are not trusted
            seen["python"].append(cost([sys.executable, "-c", "pass"], cache))
            seen["floor"].append(cost([sys.executable, "-W", "ignore", "-c", FLOOR, str(copy)], cache))
            seen["ruff"].append(cost([str(BIN / "ruff"), "check", "--no-cache", "--isolated", str(copy)], cache))
            shutil.rmtree(cache, ignore_errors=True)
            seen["cold"].append(cost(lint, cache))
            seen["warm"].append(cost(lint, cache))
            touch(copy, 5, mark, CODE)
            seen["changed"].append(cost(lint, cache))
            time.sleep(REST_S)
            cost(lint, cache)
            touch(copy, 5, mark, COMMENT)
            seen["said"].append(cost(lint, cache))
        return {
            name: Cost(statistics.median(one.seconds for one in found), max(one.megabytes for one in found))
            for name, found in seen.items()
        }


def against(value: float, bar: float) -> str:
    """A figure, marked where it is above its bar."""
    return f"{value:8.2f}{'!' if value > bar else ' '}"


def main() -> None:
    """One line per folder; the exit code says whether every bar was held."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    heads = "".join(f"{name:>8}" for name in ("python", "floor", "ruff", "cold", "warm", "code", "comment"))
    print(f"{'folder':32} {'files':>6}{heads}   cold/ruff warm/ruff code/py comment/py    MB")
    missed = 0
    for folder in arguments.folders:
        files = sum(1 for _ in folder.rglob("*.py"))
        found = measure(folder.resolve(), arguments.rounds)
        cells = " ".join(f"{one.seconds:7.3f}" for one in found.values())
        ruff, python = max(found["ruff"].seconds, 1e-3), max(found["python"].seconds, 1e-3)
        ratios = [
            against(found["cold"].seconds / ruff, COLD_GENERAL if files >= GENERAL else COLD_SMALL),
            against(found["warm"].seconds / ruff, WARM),
            against(found["changed"].seconds / python, HOOK),
            against(found["said"].seconds / python, HOOK),
            against(max(one.megabytes for name, one in found.items() if name != "ruff"), MEGABYTES),
        ]
        missed += sum("!" in ratio for ratio in ratios)
        print(f"{folder.name[:32]:32} {files:6} {cells}   {' '.join(ratios)}", flush=True)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
