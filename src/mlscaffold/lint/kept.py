"""Facts of files that stay as they are, kept under the hash of their content: to read them back takes a quarter of a parse.

Files that are being worked on (changed within two seconds) are not kept: the same content may never be asked for again.
"""

from __future__ import annotations

import _pickle  # what `pickle` hands out, without the 3 ms that its Python half takes
import io
from collections.abc import Container
from pathlib import Path

from mlscaffold import __version__
from mlscaffold.light import TYPE_CHECKING, cast
from mlscaffold.store import cache_folder, digest_of, prune, read_sealed, write_sealed

if TYPE_CHECKING:
    from mlscaffold.lint.facts import FileFacts

MOST_FILES = 20_000  # a few hundred megabytes
_OURS = ("mlscaffold.lint.facts", "mlscaffold.lint.syntax")
_FOLDER = "facts"
READER = ("reader.py", "expressions.py", "facts.py", "syntax.py", "newer.py")  # what makes facts of a file


class KeptFacts:
    """The facts of one user's files, whatever repository they lie in."""

    def __init__(self) -> None:
        # The shape of facts is what the reader makes of a file: another reader keeps its own.
        reader = (Path(__file__).parent / name for name in READER)
        self._maker = digest_of(__version__.encode(), *(path.read_bytes() for path in reader)).hex()[:12]

    def read(self, digest: bytes) -> FileFacts | None:
        """The facts of the content with that hash, if they were kept."""
        content = read_sealed(self._path(digest))
        return cast("FileFacts | None", loaded(content, _OURS)) if content is not None else None

    def written(self, digest: bytes) -> bytes | None:
        """Those facts as they are kept: equal facts are written equally, while values of two kinds may be equal."""
        return read_sealed(self._path(digest))

    def write(self, digest: bytes, facts: FileFacts) -> None:
        """Keep the facts of a content."""
        try:
            write_sealed(self._path(digest), packed(facts))
        except RecursionError:
            return
        if digest[0] == 0:  # now and then: one file in 256
            prune((cache_folder() / _FOLDER).glob("*/*/*"), most=MOST_FILES)

    def _path(self, digest: bytes) -> Path:
        name = digest.hex()
        return cache_folder() / _FOLDER / self._maker / name[:2] / name[2:]


def packed(facts: FileFacts) -> bytes:
    """Facts as they are kept."""
    return _pickle.dumps(facts, protocol=5)


def loaded(content: bytes, modules: Container[str]) -> object:
    """The pickled value, where it is made of values of these modules and nothing else; None where it is not."""

    class OwnValues(_pickle.Unpickler):
        def find_class(self, module: str, name: str) -> object:
            if module in modules or (module, name) == ("builtins", "frozenset"):
                return super().find_class(module, name)
            raise _pickle.UnpicklingError(f"{module}.{name} is not ours")

    try:
        return OwnValues(io.BytesIO(content)).load()
    except Exception:
        return None  # of another shape: read anew
