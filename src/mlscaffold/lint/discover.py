"""Which files there are: git's view, else a walk; and what of them can be read."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Iterable
from pathlib import Path

from mlscaffold.errors import TargetUnreadable
from mlscaffold.light import dataclass
from mlscaffold.lint.finding import SkippedFile

LONGEST_S = 60.0  # that git may take to list the files
MOST_BYTES = 1_000_000  # no hand-written file is bigger; generated ones hold no serving code
MOST_BYTES_OF_A_NOTEBOOK = 10_000_000  # pictures that its cells drew are in it

# Trees that hold other people's code or nothing that runs, wherever they lie.
PASSED_OVER = frozenset(
    "node_modules site-packages dist-packages __pycache__ venv .venv env .env .tox .nox .git .hg .svn .eggs build dist "
    ".mypy_cache .ruff_cache .pytest_cache .ipynb_checkpoints vendor third_party thirdparty third-party".split()
)
_CONFIG_ENDINGS = (".yaml", ".yml", ".json", ".toml", ".ini", ".cfg", ".env", ".conf", ".service", ".sh", ".dvc")
_EXAMPLES = (".example", ".sample", ".dist", ".template")  # what stands in for a file that is not committed
_CONFIG_STARTS = ("dockerfile", "procfile", "compose", "docker-compose", "containerfile", ".env", "makefile", "config")


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a repository, relative to its root with `/`, sorted; and what was left out with the reason."""

    root: Path
    python: tuple[str, ...]
    notebooks: tuple[str, ...]
    config: tuple[str, ...]
    others: frozenset[str]
    skipped: tuple[SkippedFile, ...]


def list_files(root: Path, *, exclude: Iterable[str] = ()) -> Listing:
    """The files under a folder (or the one file that `root` is).

    Raises:
        TargetUnreadable: the path does not exist or cannot be entered.
    """
    try:
        if root.is_file():
            names, root = [root.name], root.parent
        else:
            os.scandir(root).close()
            names = None
    except OSError as error:
        raise TargetUnreadable(f"{root}: cannot be read: {error.strerror or error}") from error
    skipped: list[SkippedFile] = []
    found = names or _listed_by_git(root)
    found = _walked(root, skipped) if found is None else found
    patterns = tuple(exclude)
    kept = sorted(name for name in set(found) if not _passed_over(name) and not _excluded(name, patterns))
    python = tuple(name for name in kept if name.endswith((".py", ".pyw")))
    notebooks = tuple(name for name in kept if name.endswith(".ipynb"))
    config = tuple(name for name in kept if _is_config(name))
    return Listing(root, python, notebooks, config, frozenset(kept), tuple(skipped))


def read_source(root: Path, name: str) -> bytes | SkippedFile:
    """The bytes of a file, or why there are none."""
    path = root / name
    try:
        if not path.is_file():  # a dangling link, a pipe, a device
            return SkippedFile(name, "no regular file")
        most = MOST_BYTES_OF_A_NOTEBOOK if name.endswith(".ipynb") else MOST_BYTES
        if path.stat().st_size > most:
            return SkippedFile(name, f"larger than {most // 1_000_000} MB")
        content = path.read_bytes()
    except OSError as error:
        return SkippedFile(name, f"cannot be read: {error.strerror or error}")
    return SkippedFile(name, "binary: holds a NUL byte") if b"\0" in content else content


def _listed_by_git(root: Path) -> list[str] | None:
    """Tracked files and untracked ones that are not ignored; None where this is no git work tree."""
    if not any((folder / ".git").exists() for folder in (root, *root.resolve().parents)):
        return None
    command = [
        "git",
        "-c",
        "core.fsmonitor=false",
        "-C",
        str(root),
        "ls-files",
        "-z",
        "--cached",
        "--others",
        "--exclude-standard",
    ]
    said = _output_of(command)
    names = [os.fsdecode(name) for name in said.split(b"\0") if name] if said is not None else []
    return names or None


def _output_of(command: list[str]) -> bytes | None:
    """What a command prints; None where it fails or takes longer than a minute. The `subprocess` module costs 3 ms."""
    ours, its = os.pipe()
    try:
        silence = (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0)
        process = os.posix_spawnp(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, its, 1), silence])
    except OSError:
        os.close(ours)
        return None
    finally:
        os.close(its)
    said, ended = _read_until(ours, time.monotonic() + LONGEST_S)
    os.close(ours)
    if not ended:
        os.kill(process, signal.SIGKILL)
    _, status = os.waitpid(process, 0)
    return said if ended and status == 0 else None


def _read_until(pipe: int, ends_at: float) -> tuple[bytes, bool]:
    parts: list[bytes] = []
    while True:
        ready, _, _ = select.select([pipe], [], [], max(0.0, ends_at - time.monotonic()))
        if not ready:
            return b"".join(parts), False
        part = os.read(pipe, 1 << 20)
        if not part:
            return b"".join(parts), True
        parts.append(part)


def _walked(root: Path, skipped: list[SkippedFile]) -> list[str]:
    def note(error: OSError) -> None:
        place = os.path.relpath(error.filename or root, root)
        skipped.append(SkippedFile(place.replace(os.sep, "/"), f"cannot be read: {error.strerror or error}"))

    found = []
    # Links to folders are not followed: a loop would never end, and what they lead to is listed where it lies.
    for folder, inside, names in os.walk(root, onerror=note, followlinks=False):
        inside[:] = sorted(name for name in inside if name not in PASSED_OVER)
        start = os.path.relpath(folder, root).replace(os.sep, "/")
        found += [name if start == "." else f"{start}/{name}" for name in names]
    return found


def _passed_over(name: str) -> bool:
    return not PASSED_OVER.isdisjoint(name.split("/")[:-1])


def _excluded(name: str, patterns: tuple[str, ...]) -> bool:
    if not patterns:
        return False
    from fnmatch import fnmatch

    return any(fnmatch(name, pattern) or name.startswith(pattern.rstrip("/*") + "/") for pattern in patterns)


def _is_config(name: str) -> bool:
    last = name.rpartition("/")[2].lower()
    if last.endswith(_EXAMPLES):
        last = last.rpartition(".")[0]
    return last.endswith(_CONFIG_ENDINGS) or last.startswith(_CONFIG_STARTS) or last.endswith(".dockerfile")
