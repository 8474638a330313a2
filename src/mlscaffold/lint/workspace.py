"""A linted folder as the project sees it: files listed, facts read on demand, what could not be read noted."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

from mlscaffold.lint.cache import FactCache
from mlscaffold.lint.catalog import Catalog
from mlscaffold.lint.discover import Listing, list_files, read_source
from mlscaffold.lint.facts import FileFacts
from mlscaffold.lint.finding import SkippedFile
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.entries import SERVER_WORDS
from mlscaffold.lint.reader import UnreadableSource
from mlscaffold.lint.service import SizeEvidence

_POINTER = re.compile(rb"^\s*size:?\s+(\d+)", re.MULTILINE)


class Workspace:
    """The files of one run. Each file is read at most once; what is skipped is kept with its reason."""

    def __init__(self, root: Path, catalog: Catalog, cache: FactCache, *, exclude: Sequence[str] = ()) -> None:
        self.listing: Listing = list_files(root, exclude=exclude)
        self.root = self.listing.root
        self._catalog = catalog
        self._cache = cache
        self._skipped: dict[str, SkippedFile] = {known.path: known for known in self.listing.skipped}
        self._contents: dict[str, bytes | None] = {}

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
        try:
            return self._cache.facts(content)
        except UnreadableSource as error:
            self._skipped[path] = SkippedFile(path, str(error))
            return None

    def config(self, path: str) -> bytes | None:
        """The bytes of a configuration file; one that cannot be read says nothing."""
        found = read_source(self.root, path)
        return None if isinstance(found, SkippedFile) else found

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

    def project(self) -> Project:
        """The joined project: only files that name a server are parsed at once, what they reach when it is asked for."""
        python = self.listing.python
        candidates = [path for path in python if (content := self.content(path)) is not None and SERVER_WORDS.search(content)]
        return Project(
            python=python,
            candidates=candidates,
            config=self.listing.config,
            facts=self.facts,
            read=self.config,
            catalog=self._catalog,
            files=self.listing.others,
            weigh=self.weigh,
        )

    @property
    def read_paths(self) -> tuple[str, ...]:
        return tuple(sorted(path for path, content in self._contents.items() if content is not None))

    @property
    def skipped(self) -> tuple[SkippedFile, ...]:
        return tuple(self._skipped[path] for path in sorted(self._skipped))
