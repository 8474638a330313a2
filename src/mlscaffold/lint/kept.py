"""Facts of files that stay as they are, kept under the hash of their content: to read them back takes a quarter of a parse.

Only a file that an earlier run has seen with the same content is kept: the first run of all, and files that are being worked on,
do not pay for what may never be asked again.
"""

from __future__ import annotations

import io
from pathlib import Path

from mlscaffold import __version__
from mlscaffold.light import TYPE_CHECKING
from mlscaffold.store import cache_folder, digest_of, prune, read_sealed, write_sealed

if TYPE_CHECKING:
    from mlscaffold.lint.facts import FileFacts

MOST_FILES = 20_000  # a few hundred megabytes
_OURS = ("mlscaffold.lint.facts", "mlscaffold.lint.syntax")
_FOLDER = "facts"


class KeptFacts:
    """The facts of one user's files, whatever repository they lie in."""

    def __init__(self) -> None:
        # The shape of facts is what the reader makes of a file: another reader keeps its own.
        reader = (Path(__file__).parent / name for name in ("reader.py", "facts.py", "syntax.py", "newer.py"))
        self._maker = digest_of(__version__.encode(), *(path.read_bytes() for path in reader)).hex()[:12]

    def read(self, digest: bytes) -> FileFacts | None:
        """The facts of the content with that hash, if they were kept."""
        content = read_sealed(self._path(digest))
        return _loaded(content) if content is not None else None

    def write(self, digest: bytes, facts: FileFacts) -> None:
        """Keep the facts of a content."""
        import pickle

        try:
            write_sealed(self._path(digest), pickle.dumps(facts, protocol=5))
        except RecursionError:
            return
        if digest[0] == 0:  # now and then: one file in 256
            prune((cache_folder() / _FOLDER).glob("*/*/*"), most=MOST_FILES)

    def _path(self, digest: bytes) -> Path:
        name = digest.hex()
        return cache_folder() / _FOLDER / self._maker / name[:2] / name[2:]


def _loaded(content: bytes) -> FileFacts | None:
    import pickle

    from mlscaffold.lint.facts import FileFacts

    class OwnValues(pickle.Unpickler):
        """Our own values and nothing else."""

        def find_class(self, module: str, name: str) -> object:
            if module in _OURS or (module, name) == ("builtins", "frozenset"):
                return super().find_class(module, name)
            raise pickle.UnpicklingError(f"{module}.{name} is no fact")

    try:
        found = OwnValues(io.BytesIO(content)).load()
    except Exception:
        return None  # of another shape: read anew
    return found if isinstance(found, FileFacts) else None
