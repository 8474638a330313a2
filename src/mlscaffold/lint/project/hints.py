"""Whether the modules of a deployable can hold anything that a rule asks about, told from their names alone.

Most applications of a general repository load no model and call nobody: to walk them would take minutes and find nothing. What
is asked here is necessary for every event of a walk: an imported package of the catalogue together with the name that is called
of it, or a method whose name alone says what it does. Where neither is there, the walk is left out and nothing is missed. What is
imported by a text (a plug-in of the settings, say) may be any file of the repository and any package that a text names.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable

from mlscaffold.lint.catalog import Catalog, fits
from mlscaffold.lint.project.source import Module
from mlscaffold.lint.project.strings import BY_NAME
from mlscaffold.lint.project.words import GUESSED, MODEL_BASES, TRAINS

# What makes a call run elsewhere or once is no event, and what only costs time is none without a model beside it.
_NO_EVENTS = ("offload", "queue", "applied", "stream", "loop", "cached", "sleep", "heavy", "download")
_ANY = "*"
_DYNAMIC = frozenset(("__import__", *(name.rpartition(".")[2] for name in BY_NAME)))  # leads to modules that nobody imports
_BY_NAME = TRAINS | GUESSED | {"backward"}


class Hints:
    """The names of the catalogue, by the package that they are called of; with `remote` those of calls of other services too."""

    def __init__(self, catalog: Catalog, *, remote: bool) -> None:
        self._functions: dict[str, set[str]] = {}  # that stand in the package itself: `pickle.load`
        self._members: dict[str, set[str]] = {base.partition(".")[0]: {_ANY} for base in MODEL_BASES}
        without = _NO_EVENTS if remote else (*_NO_EVENTS, "remote")
        meanings = (pattern for pattern, meaning in catalog.meanings.patterns() if meaning not in without)
        asked = (catalog.loads, catalog.predicts, catalog.trainable, catalog.steppers, *((catalog.clients,) if remote else ()))
        for names in asked:
            for pattern, _ in names.patterns():
                self._add(pattern)
        for pattern in meanings:
            self._add(pattern)
        self._asked_for = _BY_NAME.union(_DYNAMIC, *self._functions.values(), *self._members.values())
        self._alone = _BY_NAME.union(
            word for words in self._functions.values() for word in words if not word.endswith(".") and "." in word
        )
        self._said: dict[str, frozenset[str]] = {}

    def _add(self, pattern: str) -> None:
        top, _, rest = pattern.partition(".")
        last = rest.rpartition(".")[2]
        if last and last == rest and "*" not in pattern:
            self._functions.setdefault(top, set()).update((f"{top}.", pattern, last))
        else:
            self._members.setdefault(top, set()).add(_ANY if "*" in last or not last else last)

    def _words_of(self, module: Module) -> frozenset[str]:
        """Those of a module's words that the catalogue asks for."""
        if module.path not in self._said:
            self._said[module.path] = self._asked_for.intersection(module.words())
        return self._said[module.path]

    def any_in(self, modules: Iterable[Module], named: frozenset[str] | None = None) -> bool:
        """Whether a walk through these modules may end in an event; given words, also where they or a text name the package.

        A package's function is called as such (`pickle.load`), unless the package goes under another name or is handed on; what
        it makes may be called anywhere.
        """
        renamed: set[str] = set()
        packages: set[str] = set()
        words: set[str] = set()
        for module in modules:
            own = self._words_of(module)
            packages |= module.packages
            renamed |= module.renamed.union(top for top in module.packages if f"{top}." in own)
            words |= own
            if named is not None:
                named |= module.named()
        if not self._alone.isdisjoint(words):
            return True
        if named is not None:
            renamed |= named - sys.stdlib_module_names
            packages |= renamed
        wanted = [self._functions.get(top, ()) for top in renamed]
        wanted += [
            names
            for top, names in self._members.items()
            if top in packages or ("*" in top and any(fits(known, top) for known in packages))
        ]
        return any(_ANY in names or not words.isdisjoint(names) for names in wanted)

    def any_imports_by_text(self, modules: Iterable[Module]) -> bool:
        """Whether one of these modules imports what a text names."""
        return any(not _DYNAMIC.isdisjoint(self._words_of(module)) for module in modules)
