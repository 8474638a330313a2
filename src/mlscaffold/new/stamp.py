"""Layers of `templates/` assembled into one Copier template, and its rendering: both in a temporary folder."""

import shutil
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mlscaffold.errors import TemplateInvalid
from mlscaffold.patterns import FILE as PATTERN_FILE
from mlscaffold.patterns import Pattern

IGNORED = ("__pycache__", "*.py[co]", ".*_cache", ".hypothesis", ".DS_Store")
PARTS = "_parts"
OWN_MODEL = "own-model"


@dataclass(frozen=True, slots=True)
class Layer:
    """A folder whose files become part of the template.

    `models` and `services` name the folders below its `models/` and `services/` that are wanted; those with a loop always are.
    """

    folder: Path
    models: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()

    def files(self) -> Iterator[Path]:
        """Paths relative to the folder, sorted."""
        for path in sorted(self.folder.rglob("*")):
            inner = path.relative_to(self.folder)
            if path.is_dir() and not path.is_symlink():
                continue
            if inner.parts[0] == PATTERN_FILE or any(Path(part).match(ignored) for part in inner.parts for ignored in IGNORED):
                continue
            if self._wanted(inner.parts):
                yield inner

    def _wanted(self, parts: tuple[str, ...]) -> bool:
        named = {"models": self.models, "services": self.services}.get(parts[0])
        return named is None or len(parts) < 3 or "{%" in parts[1] or parts[1] in named


def layers_of(pattern: Pattern, templates: Path, *, example: bool, models: Iterable[str]) -> list[Layer]:
    """The layers of a pattern, in the order in which a reader would look for a file: base, parts, its own, the example's."""
    last = pattern.example if example and pattern.example else OWN_MODEL
    names = ["base", *(f"{PARTS}/{name}" for name in pattern.layers), pattern.name, f"{PARTS}/{last}"]
    special = f"{PARTS}/{pattern.name}-{last}"  # what the example (or the user's own model) means for this one pattern
    names += [special] if (templates / special).is_dir() else []
    services = frozenset(service.name for service in pattern.services)
    wanted = frozenset(models)
    layers = [Layer(templates / name, wanted, services) for name in names]
    for layer in layers:
        if not layer.folder.is_dir():
            raise TemplateInvalid(f"pattern {pattern.name}: there is no layer {layer.folder.name!r} in {layer.folder.parent}")
    return layers


def assemble(layers: Iterable[Layer], templates: Path, into: Path) -> None:
    """Copy every layer's files into one Copier template.

    Raises:
        TemplateInvalid: two layers claim one path, or a layer holds a link.
    """
    project = into / "project"
    claimed: dict[Path, Path] = {}
    for layer in layers:
        for inner in layer.files():
            source = layer.folder / inner
            if source.is_symlink() or not source.is_file():
                raise TemplateInvalid(f"{source}: a template holds plain files only, no links")
            rendered = inner.with_suffix("") if inner.suffix == ".jinja" else inner
            if rendered in claimed:
                raise TemplateInvalid(f"{claimed[rendered]} and {source} both make {rendered}; one of them must go")
            claimed[rendered] = source
            target = project / inner
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    macros = templates / PARTS / "macros"
    if macros.is_dir():
        shutil.copytree(macros, into / "macros", ignore=shutil.ignore_patterns(*IGNORED))
    shutil.copy(templates / "copier.yml", into / "copier.yml")


def render(template: Path, context: Mapping[str, object], into: Path) -> None:
    """Render an assembled template with Copier: no tasks, no extensions, nothing unsafe.

    Raises:
        TemplateInvalid: a name that the context does not have, or a template that Jinja or Copier refuses.
    """
    import copier
    import jinja2
    from copier.errors import CopierError

    try:
        copier.run_copy(
            str(template), into, data=dict(context), defaults=True, quiet=True, unsafe=False, skip_tasks=True, overwrite=True
        )
    except jinja2.TemplateError as error:
        place = f"{getattr(error, 'name', None) or 'template'}:{getattr(error, 'lineno', '?')}"
        raise TemplateInvalid(f"{place}: {error}") from error
    except (CopierError, ValueError) as error:
        raise TemplateInvalid(f"the template does not render: {' '.join(str(error).split())[:400]}") from error
