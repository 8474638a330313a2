"""Where an import leads inside the repository: to the nearest root that encloses the importer."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Iterable
from pathlib import PurePosixPath

MOST_MEANT = 40  # modules that one name may mean


class Imports:
    """The modules of a repository by path. Many packages of one name may live in it."""

    def __init__(self, paths: Iterable[str], *, outside: Iterable[str] = ()) -> None:
        self._outside = frozenset(outside) | sys.stdlib_module_names
        self._paths = frozenset(paths)
        self._folders: set[str] = set()
        self._tops: dict[str, list[str]] = defaultdict(list)
        for path in sorted(self._paths):
            parts = path.split("/")
            self._folders.update("/".join(parts[:depth]) for depth in range(1, len(parts)))
        for path in sorted({*self._paths, *self._folders}):
            self._tops[PurePosixPath(path).stem if path.endswith(".py") else PurePosixPath(path).name].append(path)
        self._asked: dict[tuple[str, str, int], str | None] = {}

    def resolve(self, importer: str, module: str, level: int = 0) -> str | None:
        """The path of the module (a package's is its folder with a slash when it has no `__init__.py`)."""
        folder = importer.rpartition("/")[0]
        key = (importer, module, level)
        if key not in self._asked:
            self._asked[key] = self._relative(folder, module, level) if level else self._absolute(importer, module)
        return self._asked[key]

    def member(self, module: str, name: str) -> str | None:
        """The submodule `name` of the package whose module path is given."""
        if module.endswith("/__init__.py"):
            return self._at(f"{module.removesuffix('__init__.py')}{name}")
        return self._at(f"{module}{name}") if module.endswith("/") else None

    def matching(self, importer: str, pattern: str) -> tuple[str, ...]:
        """The modules that a dotted name may mean in which one star stands for what nobody knows: each below a package, or the
        one of a name in each of its packages. A dot in front is the package of the importer."""
        head, _, tail = pattern.partition("*")
        if not head.endswith(".") or "*" in tail:
            return ()
        package = self.resolve(importer, head.strip("."), 1 if head.startswith(".") else 0) or ""
        folder = package.removesuffix("__init__.py")
        if not folder.endswith("/"):
            return ()
        below = sorted(path for path in self._paths if path.startswith(folder) and path != package)
        if not tail:
            return tuple(below[:MOST_MEANT])
        names = dict.fromkeys(path.removeprefix(folder).partition("/")[0] for path in below)
        found = (self._at(folder + name + tail.replace(".", "/")) for name in names)
        return tuple(path for path in found if path and not path.endswith("/"))[:MOST_MEANT]

    def _at(self, base: str) -> str | None:
        base = base.lstrip("/")
        if f"{base}.py" in self._paths:
            return f"{base}.py"
        if f"{base}/__init__.py" in self._paths:
            return f"{base}/__init__.py"
        return f"{base}/" if base in self._folders else None

    def _relative(self, folder: str, module: str, level: int) -> str | None:
        parts = folder.split("/") if folder else []
        if level - 1 > len(parts):
            return None
        base = "/".join([*parts[: len(parts) - level + 1], *(module.split(".") if module else [])])
        return self._at(base) if base else ("__init__.py" if "__init__.py" in self._paths else None)

    def _absolute(self, importer: str, module: str) -> str | None:
        inner = module.replace(".", "/")
        folders: list[str] = []
        files: list[str] = []
        inside: list[str] = []
        for root in _enclosing(importer):
            for base in (f"{root}/{inner}" if root else inner, f"{root}/src/{inner}" if root else f"src/{inner}"):
                found = self._at(base)
                if not found or (found == importer and not self._is_package(importer)):
                    continue  # a script is not what it imports under its own name, a package may ask for its own parts
                # A package's own folder is no root, except for scripts that are started inside it.
                packaged = f"{root}/__init__.py" in self._paths
                (folders if found.endswith("/") else inside if packaged else files).append(found)
        top = module.partition(".")[0]
        if top in self._outside:
            return files[0] if files else None
        return next(iter([*files, *inside, *folders]), None) or self._elsewhere(module)

    def _is_package(self, path: str) -> bool:
        """Whether a file is the outermost `__init__.py` of a package."""
        folder, _, name = path.rpartition("/")
        around = folder.rpartition("/")[0]
        return (
            name == "__init__.py" and bool(folder) and (f"{around}/__init__.py" if around else "__init__.py") not in self._paths
        )

    def _elsewhere(self, module: str) -> str | None:
        """PYTHONPATH may point anywhere: the one folder that has the module, if only one has."""
        inner = module.replace(".", "/")
        found = set()
        for place in self._tops.get(module.partition(".")[0], ()):
            root = place.rpartition("/")[0]
            path = self._at(f"{root}/{inner}" if root else inner)
            if path and not path.endswith("/"):
                found.add(path)
        return found.pop() if len(found) == 1 else None


def _enclosing(path: str) -> list[str]:
    """The folders around a file, nearest first, "" last."""
    parts = path.split("/")[:-1]
    return ["/".join(parts[:depth]) for depth in range(len(parts), -1, -1)]
