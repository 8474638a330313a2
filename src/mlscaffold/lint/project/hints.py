"""Whether the modules of a deployable can hold anything that a rule asks about, told from their names alone.

Most applications of a general repository load no model and call nobody: to walk them would take minutes and find nothing. What
is asked here is necessary for every event of a walk: an imported package of the catalogue together with the name that is called
of it, or a method whose name alone says what it does. Where neither is there, the walk is left out and nothing is missed.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlscaffold.lint.catalog import Catalog, fits
from mlscaffold.lint.project.source import Module
from mlscaffold.lint.project.strings import BY_NAME
from mlscaffold.lint.project.words import GUESSED, MODEL_BASES, TRAINS

# What makes a call run elsewhere or once is no event, and what only costs time is none without a model beside it.
_NO_EVENTS = ("offload", "queue", "stream", "loop", "cached", "sleep", "heavy", "download")
_ANY = "*"
_DYNAMIC = frozenset(("__import__", *(name.rpartition(".")[2] for name in BY_NAME)))  # leads to modules that nobody imports
_BY_NAME = TRAINS | GUESSED | {"backward"} | _DYNAMIC


class Hints:
    """The names of the catalogue, by the package that they are called of; with `remote` those of calls of other services too."""

    def __init__(self, catalog: Catalog, *, remote: bool) -> None:
        self._names: dict[str, set[str]] = {base.partition(".")[0]: {_ANY} for base in MODEL_BASES}
        without = _NO_EVENTS if remote else (*_NO_EVENTS, "remote")
        meanings = (pattern for pattern, meaning in catalog.meanings.patterns() if meaning not in without)
        asked = (catalog.loads, catalog.predicts, catalog.trainable, catalog.steppers, *((catalog.clients,) if remote else ()))
        for names in asked:
            for pattern, _ in names.patterns():
                self._add(pattern)
        for pattern in meanings:
            self._add(pattern)
        self._asked_for = _BY_NAME.union(*self._names.values())
        self._said: dict[str, frozenset[str]] = {}

    def _add(self, pattern: str) -> None:
        top, _, rest = pattern.partition(".")
        last = rest.rpartition(".")[2]
        self._names.setdefault(top, set()).add(_ANY if "*" in last or not last else last)

    def _words_of(self, module: Module) -> frozenset[str]:
        """Those of a module's words that the catalogue asks for."""
        if module.path not in self._said:
            self._said[module.path] = self._asked_for.intersection(module.words())
        return self._said[module.path]

    def any_in(self, modules: Iterable[Module]) -> bool:
        """Whether a walk through these modules may end in an event."""
        packages: set[str] = set()
        words: set[str] = set()
        for module in modules:
            packages |= module.packages
            words |= self._words_of(module)
        if not _BY_NAME.isdisjoint(words):
            return True
        wild = [top for top in self._names if "*" in top]
        known = [top for top in packages if top in self._names]
        known += [pattern for pattern in wild if any(fits(top, pattern) for top in packages)]
        return any(_ANY in self._names[top] or not words.isdisjoint(self._names[top]) for top in known)
