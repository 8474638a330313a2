"""What a look at a file's bytes showed, kept under their hash, so that a file that nobody touched need not be opened again.

Only what depends on nothing but the bytes and this program is kept here; another version of the program starts anew.
"""

from __future__ import annotations

import sys

from mlscaffold.lint.cache import own_files
from mlscaffold.store import digest_of, read_value, write_value

MAY_HIDE, ASKED, NAMES_SERVER = 1, 2, 4


class Looks:
    """The looks at the files of one folder, as sums of signs.

    MAY_HIDE: has a comment for us; ASKED: was looked at as Python, NAMES_SERVER then says whether it may make a server.
    """

    def __init__(self, root: str) -> None:
        self._name = f"looks-{digest_of(root.encode(errors='surrogateescape')).hex()}"
        self._maker = digest_of(sys.version.encode(), own_files().encode(errors="surrogateescape"))
        self._now: dict[bytes, int] = {}
        kept = read_value(self._name)
        self._before: dict[bytes, int] = kept[1] if isinstance(kept, tuple) and kept[0] == self._maker else {}

    def at(self, digest: bytes) -> int | None:
        """The signs of a content, None where it was never looked at."""
        found = self._now.get(digest, self._before.get(digest))
        if found is not None:
            self._now[digest] = found
        return found

    def note(self, digest: bytes, signs: int) -> None:
        """Add signs to those of a content."""
        self._now[digest] = self._now.get(digest, 0) | signs

    def close(self, *, keep: bool) -> None:
        """Keep what this run asked for, and with `keep` what it did not ask for as well."""
        if keep:
            self._now = {**self._before, **self._now}
        if self._now != self._before:
            write_value(self._name, (self._maker, self._now))
