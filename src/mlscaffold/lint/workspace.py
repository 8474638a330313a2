"""A linted folder as the project sees it: files listed, facts read on demand, what could not be read noted."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import cached_property
from pathlib import Path

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.discover import Listing, list_files, read_source
from mlscaffold.lint.finding import SkippedFile
from mlscaffold.lint.index import Index
from mlscaffold.lint.looks import ASKED, MAY_HIDE, NAMES_SERVER, Looks
from mlscaffold.lint.service import SizeEvidence
from mlscaffold.store import digest_of

if TYPE_CHECKING:
    from mlscaffold.lint.facts import FileFacts
    from mlscaffold.lint.kept import KeptFacts

_POINTER = rb"(?m)^\s*size:?\s+(\d+)"
MOST_IN_WORK = 20  # files that are edited between two runs
MOST_HELD = 4_000_000  # bytes of files that are held in memory
Weight = tuple[int, SizeEvidence]


class Workspace:
    """The files of one run. Each file is read at most once; what is skipped is kept with its reason."""

    def __init__(self, root: Path, *, exclude: Sequence[str] = (), cache: bool = True) -> None:
        self.given = root
        self.listing: Listing = list_files(root, exclude=exclude)
        self.root = self.listing.root
        self.weights: dict[str, Weight | None] = {}
        self._index = Index(str(self.root), enabled=cache)
        self._skipped: dict[str, SkippedFile] = {known.path: known for known in self.listing.skipped}
        self._readable: set[str] = set()
        self._notebooks: dict[str, bytes | SkippedFile] = {}
        self._seen: dict[str, bool] = {}  # path -> whether a comment in it may hide findings
        self._held: dict[str, bytes | SkippedFile] = {}
        self._room = MOST_HELD
        self.cells: dict[str, dict[int, tuple[int, int]]] = {}  # notebook -> line -> (cell, line in it)
        self.stamped: dict[str, bytes] = {}  # path -> the hash of its content, where that was asked for
        self.asked_facts: set[str] = set()  # the Python files that were parsed
        self.asked_whole: set[str] = set()  # those of which every byte may have mattered
        self.judged_before = False  # True where what an earlier run found is still so
        self._passing: dict[str, FileFacts] = {}  # of files that were just changed
        self._parsed: dict[str, FileFacts] = {}  # read to compare, and not handed out yet
        self.settled = True  # False where a file changed under our hands: then nothing is remembered

    def stamp(self, path: str) -> bytes:
        """What stands for the content of a file, or for the reason why it cannot be read."""
        known = self._index.digest(path)
        if known is not None:
            self.stamped[path] = known
            return known
        marks = self._index.marks(path)
        found = self._read(path)
        if isinstance(found, SkippedFile):
            return digest_of(b"skipped", found.reason.encode(errors="surrogateescape"))
        digest = self.stamped[path] = digest_of(found)
        self._index.note(path, digest, marks)
        return digest

    def stamp_once(self, path: str) -> bytes:
        """As `stamp`, of the same moment as before."""
        return self.stamped.get(path) or self.stamp(path)

    def digest(self, path: str) -> bytes | None:
        """The hash of a file's content, None where there is none to be read."""
        self.stamp_once(path)
        return self.stamped.get(path)

    def beyond(self) -> dict[str, bytes]:
        """What stands for the files that were asked for and that are not listed: git ignores them, or they are not there."""
        return {path: self.stamp_once(path) for path in sorted(self.asked_whole) if path not in self.listing.others}

    def close(self) -> None:
        """Remember which files were read, and what they looked like."""
        self._index.close()
        if "_looks" not in self.__dict__:
            return  # nothing was read
        for path, hides in self._seen.items():
            digest = self.stamped.get(path)
            if digest is not None and self._looks.at(digest) is None:
                self._looks.note(digest, MAY_HIDE * hides)
        self._looks.close(keep=self.judged_before)

    def content(self, path: str) -> bytes | None:
        """The bytes of a file; None for one that is skipped."""
        found = self._read(path)
        if path.endswith(".ipynb") and not isinstance(found, SkippedFile):
            found = self._code(path, found)
        if isinstance(found, SkippedFile):
            self._skipped[path] = found
            return None
        self._readable.add(path)
        return found

    def _code(self, path: str, content: bytes) -> bytes | SkippedFile:
        """What is Python in a notebook."""
        if path in self._notebooks:
            return self._notebooks[path]
        from mlscaffold.lint import notebook

        try:
            found = notebook.read(content)
        except notebook.NoNotebook as error:
            self._notebooks[path] = SkippedFile(path, str(error))
        else:
            self.cells[path] = found.places
            self._notebooks[path] = found.code
        return self._notebooks[path]

    def _read(self, path: str) -> bytes | SkippedFile:
        """A file as it is now. Those of a large repository are read again when they are asked for again."""
        if path in self._held:
            return self._held[path]
        found = read_source(self.root, path)
        self._seen[path] = not isinstance(found, SkippedFile) and b"mls:" in found
        taken = self.stamped.get(path)
        if taken is not None and (isinstance(found, SkippedFile) or digest_of(found) != taken):
            self.settled = False
        self._room -= 0 if isinstance(found, SkippedFile) else len(found)
        if self._room > 0:
            self._held[path] = found
        return found

    def facts(self, path: str) -> FileFacts | None:
        """The facts of a Python file; None for one that is skipped."""
        self.asked_facts.add(path)
        digest = self._index.rested(path) if not path.endswith(".ipynb") else None
        if path in self._parsed:
            return self._remember(path, self._parsed.pop(path), digest)
        kept = self._kept.read(digest) if digest is not None else None
        if kept is not None:
            self._readable.add(path)
            return kept
        content = self.content(path)
        return None if content is None else self._read_facts(path, content, digest)

    def says_the_same(self, path: str, before: bytes, said: bytes = b"") -> bool:
        """Whether a Python file has the facts of the content with that hash: those that were kept, or that `said` stands for."""
        kept, content = None if said else self._kept.written(before), self.content(path)
        known = digest_of(kept) if kept is not None else said
        if not known or content is None:
            return False
        from mlscaffold.lint.kept import packed
        from mlscaffold.lint.reader import UnreadableSource, read_facts

        try:
            # Noted nowhere yet: who lints on may have no use for it.
            facts = self._parsed[path] = read_facts(content)
        except UnreadableSource:
            return False
        return digest_of(packed(facts)) == known

    def _read_facts(self, path: str, content: bytes, digest: bytes | None) -> FileFacts | None:
        from mlscaffold.lint.reader import UnreadableSource, read_facts

        try:
            facts = read_facts(content)
        except UnreadableSource as error:
            self._skipped[path] = SkippedFile(path, str(error))
            return None
        return self._remember(path, facts, digest)

    def _remember(self, path: str, facts: FileFacts, digest: bytes | None) -> FileFacts:
        if digest is not None:
            self._kept.write(digest, facts)
        elif self.stamped and len(self._passing) <= MOST_IN_WORK:
            self._passing[path] = facts
        return facts

    def said(self) -> dict[str, bytes]:
        """What stands for the facts that are not kept, because somebody works on their files; nothing where these are many."""
        from mlscaffold.lint.kept import packed

        few = self._passing if len(self._passing) <= MOST_IN_WORK else {}
        return {path: digest_of(packed(facts)) for path, facts in few.items()}

    def names_server(self, path: str, ask: Callable[[bytes], bool]) -> bool:
        """What `ask` says of a Python file's bytes, or said of the same bytes in an earlier run."""
        digest = self.stamped.get(path)
        known = self._looks.at(digest) if digest is not None else None
        if known is not None and known & ASKED:
            self._readable.add(path)
            self._seen[path] = bool(known & MAY_HIDE)
            return bool(known & NAMES_SERVER)
        content = self.content(path)
        if content is None:
            return False
        found = ask(content)
        if digest is not None:
            self._looks.note(digest, ASKED | NAMES_SERVER * found | MAY_HIDE * self._seen[path])
        return found

    @cached_property
    def _looks(self) -> Looks:
        return Looks(str(self.root))

    @cached_property
    def _kept(self) -> KeptFacts:
        from mlscaffold.lint.kept import KeptFacts

        return KeptFacts()

    def config(self, path: str) -> bytes | None:
        """The bytes of a configuration file; one that cannot be read says nothing."""
        self.asked_whole.add(path)
        if self.stamped:
            self.stamp_once(path)
        found = self._read(path)
        return None if isinstance(found, SkippedFile) else found

    def weigh(self, name: str) -> Weight | None:
        """The bytes of the weights that a path in the code means: the file's own, or what its Git LFS or DVC pointer says."""
        wanted = name.replace("*", "").lstrip("./")
        if "." not in wanted.rpartition("/")[2]:
            return None
        for path in (wanted, f"{wanted}.dvc"):
            for found in self._named.get(path.rpartition("/")[2], ()):
                if found == path or found.endswith("/" + path):
                    if found not in self.weights:
                        self.weights[found] = self.weighed(found)
                    return self.weights[found]
        return None

    def weighed(self, path: str) -> Weight | None:
        """The bytes of the weights in a file, or behind the pointer that it is."""
        try:
            size = (self.root / path).stat().st_size
            if size > 2_000 and not path.endswith(".dvc"):
                return size, "file"
            pointed = re.search(_POINTER, (self.root / path).read_bytes())
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
        return tuple(sorted(self._readable))

    def readable(self, path: str) -> bool:
        """Whether the file was read, and not skipped."""
        return path in self._readable

    def may_hide(self, path: str) -> bool:
        """Whether a comment of the file may hide findings."""
        if path not in self._seen:
            self._seen[path] = self._hides(path)
        return self._seen[path]

    def _hides(self, path: str) -> bool:
        digest = self.stamped.get(path)
        known = self._looks.at(digest) if digest is not None else None
        if known is not None:
            return bool(known & MAY_HIDE)
        self._read(path)
        return self._seen[path]

    def text(self, path: str) -> bytes | None:
        """The bytes of a file of any kind; of a notebook what is Python in it."""
        return self.content(path) if path.endswith((".py", ".pyw", ".ipynb")) else self.config(path)

    def was_skipped(self, path: str) -> bool:
        """Whether a file could not be read."""
        return path in self._skipped

    @property
    def skipped(self) -> tuple[SkippedFile, ...]:
        return tuple(self._skipped[path] for path in sorted(self._skipped))
