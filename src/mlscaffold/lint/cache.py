"""What earlier runs found out, kept in the user's cache folder and never in the repository.

Content decides, nothing else: a report is remembered under the hash of every byte that it depends on (the files, the rules, the
catalogue, the options, this program's version, the day), the facts of a file under the hash of its bytes. Dates and
paths of files
do not count. What cannot be read back, or holds anything but our own values, is made anew.
"""

from __future__ import annotations

import io
import pickle
import platform
from datetime import UTC, datetime
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mlscaffold import __version__
from mlscaffold.lint.finding import Report
from mlscaffold.lint.store import read_bytes, write_bytes
from mlscaffold.resources import rules_folder

if TYPE_CHECKING:
    from mlscaffold.lint.config import Options
    from mlscaffold.lint.discover import Listing
    from mlscaffold.lint.facts import FileFacts

FORMAT = "1"  # of what is kept: raised when a value of ours changes its shape


class Readable(Protocol):
    """What a key is made from: a workspace."""

    @property
    def listing(self) -> Listing: ...
    @property
    def root(self) -> Path: ...
    @property
    def given(self) -> Path: ...
    def content(self, path: str) -> bytes | None: ...
    def config(self, path: str) -> bytes | None: ...


class Cache:
    """The memory of one run. Concurrent runs are safe: files are written whole under a name that says what they hold."""

    def __init__(self, *, enabled: bool = True) -> None:
        self._enabled = enabled

    def key_of(self, workspace: Readable, options: Options) -> str:
        """The hash of everything that a report depends on."""
        if not self._enabled:
            return ""
        digest = blake2b(digest_size=20)
        said = (
            FORMAT,
            __version__,
            platform.python_version(),
            str(datetime.now(UTC).date()),
            repr(options),
            str(workspace.given),
        )
        digest.update("\0".join(said).encode(errors="surrogateescape"))
        # Our own source too: in a checkout the version stays while the code changes.
        folders = (Path(__file__).parent, rules_folder(), *options.rules)
        files = [path for folder in folders for path in sorted(folder.rglob("*")) if path.suffix in (".py", ".yaml")]
        for path in (*files, *options.catalog, *((options.baseline,) if options.baseline else ())):
            digest.update(b"\1" + path.read_bytes() if path.is_file() else b"\2")
        listing = workspace.listing
        digest.update("\0".join(sorted(listing.others)).encode(errors="surrogateescape"))
        for path in listing.python:
            digest.update(b"\3" + (workspace.content(path) or b"\0"))
        for path in listing.config:
            digest.update(b"\4" + (workspace.config(path) or b"\0"))
        for path in sorted(name for name in listing.others if name.endswith(_WEIGHTS)):
            digest.update(b"\5%d" % _size(workspace.root / path))
        return digest.hexdigest()

    def report(self, key: str) -> Report | None:
        """The report of an earlier run on the same content."""
        found = _load(read_bytes(f"report-{key}")) if key else None
        return found if isinstance(found, Report) else None

    def keep(self, key: str, report: Report) -> None:
        """Remember a report."""
        if key:
            write_bytes(f"report-{key}", pickle.dumps(report, protocol=5))

    def facts(self, content: bytes) -> FileFacts:
        """The facts of a file's content.

        Raises:
            UnreadableSource: it is no Python that can be read.
        """
        from mlscaffold.lint.reader import read_facts

        return read_facts(content)


_WEIGHTS = (
    ".onnx",
    ".pt",
    ".pth",
    ".h5",
    ".keras",
    ".bin",
    ".safetensors",
    ".gguf",
    ".pkl",
    ".joblib",
    ".sav",
    ".tflite",
    ".pb",
    ".ckpt",
    ".model",
)
_OURS = ("mlscaffold.lint.finding", "mlscaffold.lint.service", "mlscaffold.patterns")


class _OwnValues(pickle.Unpickler):
    """Reads back our own values and nothing else: a planted file runs no code."""

    def find_class(self, module: str, name: str) -> object:
        if module not in _OURS:
            raise pickle.UnpicklingError(f"{module}.{name} is no value of a report")
        return super().find_class(module, name)


def _load(content: bytes | None) -> object:
    if content is None:
        return None
    try:
        return _OwnValues(io.BytesIO(content)).load()
    except Exception:
        return None  # damaged or foreign: the run is made anew


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError:
        return -1
