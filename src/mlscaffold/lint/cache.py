"""Facts by content: a file that was read once is never parsed again, wherever it lies and whatever its date."""

from __future__ import annotations

from mlscaffold.lint.facts import FileFacts
from mlscaffold.lint.reader import read_facts


class FactCache:
    """Facts kept between runs. Content decides: the key is the hash of the bytes and of everything that reads them."""

    def facts(self, content: bytes) -> FileFacts:
        return read_facts(content)
