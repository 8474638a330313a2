"""Whether the modules of a deployable can hold anything that a rule asks about, told from their names alone.

Most applications of a general repository load no model and call nobody: to walk them would take minutes and find nothing. What
is asked here is necessary for every event of a walk: an imported package of the catalogue together with the name that is called
of it, or a method whose name alone says what it does. Where neither is there, the walk is left out and nothing is missed.
"""

from __future__ import annotations

from collections.abc import Iterable

from mlscaffold.lint.catalog import Catalog, fits
from mlscaffold.lint.project.evaluate import Evaluator
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.strings import BY_NAME
from mlscaffold.lint.project.values import MOST, ClassValue, FunctionValue, ModuleValue, Object, texts
from mlscaffold.lint.project.words import GUESSED, MODEL_BASES, TRAINS
from mlscaffold.lint.syntax import Call, Expr, names_in

# What makes a call run elsewhere or once is no event, and what only costs time is none without a model beside it.
_NO_EVENTS = ("offload", "queue", "stream", "loop", "cached", "sleep", "heavy", "download")
_ANY = "*"
_DYNAMIC = frozenset(("__import__", *(name.rpartition(".")[2] for name in BY_NAME)))  # leads to modules that nobody imports
_BY_NAME = TRAINS | GUESSED | {"backward"}


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
        self._asked_for = _BY_NAME.union(_DYNAMIC, *self._names.values())
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

    def named_by_texts(self, module: Module, evaluator: Evaluator) -> frozenset[str] | None:
        """The files of the repository that texts in a module name, as plug-ins are named; None where they may name anything."""
        if self._words_of(module).isdisjoint(_DYNAMIC):
            return frozenset()
        dynamic = _DYNAMIC | {known.alias for known in module.facts.imports if known.alias and known.name in _DYNAMIC}
        calls = [(index, call) for index, _, call in module.calls() if last_name(call.function) in dynamic]
        if len(calls) < sum(last_name(part) in dynamic for part in module.mentions()):
            return None  # handed on: who calls it, and with what, is not seen here
        named = [self._named_by(call, module.path, index, evaluator) for index, call in calls]
        known = [paths for paths in named if paths is not None]
        return frozenset().union(*known) if len(known) == len(named) else None

    def _named_by(self, call: Call, path: str, index: int, evaluator: Evaluator) -> frozenset[str] | None:
        frame = evaluator.free_frame(path, index)
        asked = evaluator.evaluate(call.arguments[0], frame) if call.arguments else ()
        given = evaluator.evaluate(call, frame)
        if len(asked) >= MOST or len(given) >= MOST:
            return None  # there may be more
        module = evaluator.source.module(path)
        if not asked and module is not None and call.arguments and _is_given(call.arguments[0], module, index):
            return None
        if any(text.partition(".")[0] in self._names for text in texts(asked)):
            return None
        return frozenset(
            value.path for value in given if isinstance(value, ModuleValue | FunctionValue | ClassValue | Object) and value.path
        )


def _is_given(expr: Expr, module: Module, index: int) -> bool:
    """Whether an expression comes from a parameter of the function around it: callers say what is named."""
    parameters = {known.name for known in module.function(index).parameters}
    waiting, seen = [expr], set[str]()
    while waiting:
        fresh = names_in(waiting.pop()) - seen
        if not parameters.isdisjoint(fresh):
            return True
        seen |= fresh
        waiting += (step.value for name in sorted(fresh) for step in module.locals_of(index).get(name, ()))
    return False
