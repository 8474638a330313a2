"""A linted folder as the project sees it: files listed, facts read on demand, what could not be read noted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mlscaffold.lint.cache import Cache
from mlscaffold.lint.discover import Listing, list_files, read_source
from mlscaffold.lint.finding import SkippedFile
from mlscaffold.lint.service import SizeEvidence

if TYPE_CHECKING:
    from mlscaffold.lint.facts import FileFacts

_POINTER = re.compile(rb"^\s*size:?\s+(\d+)", re.MULTILINE)


class Workspace:
    """The files of one run. Each file is read at most once; what is skipped is kept with its reason."""

    def __init__(self, root: Path, cache: Cache, *, exclude: Sequence[str] = ()) -> None:
        self.given = root
        self.listing: Listing = list_files(root, exclude=exclude)
        self.root = self.listing.root
        self._cache = cache
        self._skipped: dict[str, SkippedFile] = {known.path: known for known in self.listing.skipped}
        self._contents: dict[str, bytes | None] = {}
        self._settings: dict[str, bytes | None] = {}

    def content(self, path: str) -> bytes | None:
        """The bytes of a file; None for one that is skipped."""
        if path not in self._contents:
            found = read_source(self.root, path)
            if isinstance(found, SkippedFile):
                self._skipped[path] = found
                self._contents[path] = None
            else:
                self._contents[path] = found
        return self._contents[path]

    def facts(self, path: str) -> FileFacts | None:
        """The facts of a Python file; None for one that is skipped."""
        content = self.content(path)
        if content is None:
            return None
        from mlscaffold.lint.reader import UnreadableSource

        try:
            return self._cache.facts(content)
        except UnreadableSource as error:
            self._skipped[path] = SkippedFile(path, str(error))
            return None

    def config(self, path: str) -> bytes | None:
        """The bytes of a configuration file; one that cannot be read says nothing."""
        if path not in self._settings:
            found = read_source(self.root, path)
            self._settings[path] = None if isinstance(found, SkippedFile) else found
        return self._settings[path]

    def weigh(self, name: str) -> tuple[int, SizeEvidence] | None:
        """The bytes of the weights that a path in the code means: the file's own, or what its Git LFS or DVC pointer says."""
        wanted = name.replace("*", "").lstrip("./")
        if "." not in wanted.rpartition("/")[2]:
            return None
        for path in (wanted, f"{wanted}.dvc"):
            for found in self._named.get(path.rpartition("/")[2], ()):
                if found == path or found.endswith("/" + path):
                    return self._weighed(found)
        return None

    def _weighed(self, path: str) -> tuple[int, SizeEvidence] | None:
        try:
            size = (self.root / path).stat().st_size
            if size > 2_000 and not path.endswith(".dvc"):
                return size, "file"
            pointed = _POINTER.search((self.root / path).read_bytes())
        except OSError:
            return None
        return (int(pointed[1]), "pointer") if pointed else (size, "file")

    @cached_property
    def _named(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for path in sorted(self.listing.others):
            found.setdefault(path.rpartition("/")[2], []).append(path)
        return found

    @property
    def read_paths(self) -> tuple[str, ...]:
        return tuple(sorted(path for path, content in self._contents.items() if content is not None))

    @property
    def skipped(self) -> tuple[SkippedFile, ...]:
        return tuple(self._skipped[path] for path in sorted(self._skipped))
