"""The modules that files import, directly and through others."""

from __future__ import annotations

from collections.abc import Iterable

from mlscaffold.lint.facts import MODULE
from mlscaffold.lint.project.entries import is_test
from mlscaffold.lint.project.events import Spot
from mlscaffold.lint.project.imports import Imports
from mlscaffold.lint.project.named_modules import PLUGINS, included, patterns
from mlscaffold.lint.project.pages import pages_of
from mlscaffold.lint.project.source import Module, Source

MOST_PLUGINS = 12  # modules of a package that imports each of its own: a library with more holds them for others


class Closures:
    """Who imports whom among the Python files of a repository."""

    def __init__(self, source: Source, imports: Imports, python: frozenset[str]) -> None:
        self._source = source
        self._imports = imports
        self._python = python
        self._imported: dict[tuple[str, bool], tuple[str, ...]] = {}
        self._lines: dict[str, dict[str, int]] = {}

    def closure(self, roots: Iterable[str], *, wide: bool = False) -> tuple[str, ...]:
        """The modules that are imported when the roots are, dependencies first; `wide`: those imported inside functions too."""
        order: list[str] = []
        seen: set[str] = set()

        def enter(path: str) -> None:
            stack = [(path, iter(self.imports_of(path, wide=wide)))]
            seen.add(path)
            while stack:
                here, rest = stack[-1]
                following = next((found for found in rest if found not in seen), None)
                if following is None:
                    order.append(here)
                    stack.pop()
                else:
                    seen.add(following)
                    stack.append((following, iter(self.imports_of(following, wide=wide))))

        for root in roots:
            if root not in seen:
                enter(root)
        return tuple(order)

    def pages(self, script: str) -> list[str]:
        """The other scripts that a Streamlit script shows as its pages."""
        return pages_of(script, self._source, self._python)

    def imports_of(self, path: str, *, wide: bool) -> tuple[str, ...]:
        """What a file imports itself; `wide`: in its functions too."""
        key = (path, wide)
        if key not in self._imported:
            self._imported[key] = tuple(self._read_imports(path, wide=wide))
        return self._imported[key]

    def _read_imports(self, path: str, *, wide: bool) -> list[str]:
        module = self._source.module(path)
        if module is None:
            return []
        imports = self._imports
        found: list[str] = []
        for known in module.facts.imports:
            if not wide and not _at_import(module, known.function):
                continue
            if any(module.block(known.function, block).kind == "typing" and arm == 0 for block, arm in known.context):
                continue
            target = imports.resolve(path, known.module, known.level)
            if target is None:
                continue
            found += self.packages(path, target)
            inner = imports.member(target, known.name) if known.name and known.name != "*" else None
            found += [place for place in (target, inner) if place and not place.endswith("/")]
        for function, pattern in patterns(module):
            asked = wide or _at_import(module, function)
            meant = imports.matching(path, ".*" if pattern == PLUGINS else pattern) if asked else ()
            if pattern != PLUGINS or len(meant) <= MOST_PLUGINS:
                found += [place for place in meant if not is_test(place)]
        for name in included(module):
            target = imports.resolve(path, name)
            found += [*self.packages(path, target), target] if target and not target.endswith("/") else []
        return [place for place in dict.fromkeys(found) if place != path]

    def packages(self, importer: str, target: str) -> list[str]:
        """The `__init__.py` files that run before a module; not those around the importer, which ran already."""
        parts = target.split("/")[:-1]
        folders = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
        return [
            f"{folder}/__init__.py"
            for folder in folders
            if not importer.startswith(folder + "/") and f"{folder}/__init__.py" in self._python
        ]

    def importers(self, modules: tuple[str, ...]) -> dict[str, list[str]]:
        """Module -> those that import it, the one that was imported last first."""
        found: dict[str, list[str]] = {}
        for importer in reversed(modules):
            for path in self.imports_of(importer, wide=False):
                found.setdefault(path, []).append(importer)
        return found

    def import_spot(self, path: str, importers: Iterable[str]) -> tuple[Spot, ...]:
        """Where the first of some files imports another."""
        for importer in importers:
            line = self._lines_of_imports(importer).get(path) if importer != path else None
            if line is not None:
                return (Spot(importer, line, f"imports {path}"),)
        return ()

    def _lines_of_imports(self, importer: str) -> dict[str, int]:
        """What a file imports, each with the first line that does."""
        if importer not in self._lines:
            found = self._lines[importer] = {}
            module = self._source.module(importer)
            for known in module.facts.imports if module else ():
                target = self._imports.resolve(importer, known.module, known.level)
                inner = self._imports.member(target, known.name) if target and known.name not in ("", "*") else None
                for place in (target, inner):
                    if place is not None:
                        found.setdefault(place, known.line)
        return self._lines[importer]


def _at_import(module: Module, function: int) -> bool:
    return function == MODULE or function in module.bodies
