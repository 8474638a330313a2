"""Which content each file had when it was last read, so that a file that nobody touched is not read again.

A file is taken for untouched when size, inode and both times (of the content and of the inode: nobody can set that back) are
what they were. A file that was changed within the clock's grain of being read could change again unseen: such a file is not
taken down until it has rested for two seconds.
"""

from __future__ import annotations

import os
import time

from mlscaffold.store import digest_of, read_value, write_value

REST_NS = 2_000_000_000
_Known = tuple[int, int, int, int, bytes]


class Index:
    """The files of one folder."""

    def __init__(self, root: str, *, enabled: bool) -> None:
        self._enabled = enabled
        self._root = os.path.realpath(root)
        self._name = f"index-{digest_of(os.fsencode(self._root)).hex()}"
        self._before: dict[str, _Known] = {}
        self._now: dict[str, _Known] = {}
        self._changed = False
        if enabled:
            kept = read_value(self._name)
            self._before = kept if isinstance(kept, dict) else {}

    def digest(self, path: str) -> bytes | None:
        """The hash of a file's content, if it is known for certain."""
        if path not in self._before:
            return None
        *known, digest = self._before[path]
        if tuple(known) != _marks(self._root, path):
            return None
        self._now[path] = self._before[path]
        return digest

    def rested(self, path: str) -> bytes | None:
        """The hash of a file that nobody is working on."""
        known = self._now.get(path)
        return known[4] if known is not None else None

    def note(self, path: str, digest: bytes, marks: tuple[int, int, int, int] | None) -> None:
        """Take down what was read; `marks` are those from before it was read."""
        if not self._enabled or marks is None or max(marks[1:3]) > time.time_ns() - REST_NS:
            return
        if marks == _marks(self._root, path):
            self._now[path] = (*marks, digest)
            self._changed = True

    def marks(self, path: str) -> tuple[int, int, int, int] | None:
        """What tells one state of a file from another."""
        return _marks(self._root, path) if self._enabled else None

    def close(self) -> None:
        """Keep it for the next run."""
        if self._enabled and (self._changed or len(self._now) != len(self._before)):
            write_value(self._name, self._now)


def _marks(root: str, path: str) -> tuple[int, int, int, int] | None:
    try:
        found = os.stat(f"{root}/{path}")  # noqa: PTH116  thousands of them
    except OSError:
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino
