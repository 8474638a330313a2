"""The parts that findings are made of: captioned spans along a way, sizes in words, and the pattern that mends it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import PurePosixPath

from mlscaffold.lint.finding import Location
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.events import Event, Spot
from mlscaffold.lint.project.values import Site
from mlscaffold.patterns import Suggestion, usable_name

MOST_SPANS = 40


def at(site: Site, note: str) -> Location:
    """A span with its caption."""
    return Location(site.path, max(site.line, 1), site.column, note=note)


def along(trail: Iterable[Spot]) -> tuple[Location, ...]:
    """The spans of a way."""
    return tuple(Location(spot.path, max(spot.line, 1), note=spot.note) for spot in trail if spot.line)


def spans(primary: Location, *others: Iterable[Location]) -> tuple[Location, ...]:
    """The primary span first, then each place once, at most `MOST_SPANS`."""
    found = {(primary.path, primary.line): primary}
    for location in (location for group in others for location in group):
        found.setdefault((location.path, location.line), location)
    return tuple(found.values())[:MOST_SPANS]


def caption(load: Load) -> str:
    """What a load span says."""
    when = {
        "module": "when the module is imported",
        "startup": "at start-up",
        "lazy": "at first use",
        "per-request": "in every request",
    }
    return f"loads {load.name} ({load.model.framework}) {when[load.moment]}"


def load_spans(load: Load) -> tuple[Location, ...]:
    """Where a model is chosen, where it is loaded if that is elsewhere, and where its name is written."""
    found = [at(load.site, caption(load))]
    if load.site != load.inner:
        found.append(at(load.inner, "the call that loads it"))
    if load.call is not None:
        found.append(at(load.call, "its weights are read here"))
    return (*found, *(at(site, "its name is written here") for site in load.model.named_at))


def ways(load: Load) -> tuple[Location, ...]:
    """The spans of every way to a load."""
    return tuple(location for trail in (load.trail, *load.trails) for location in along(trail))


def handler_span(run: HandlerRun) -> Location:
    """Where a handler stands."""
    return at(run.site, f"{'async ' if run.hook.function.is_async else ''}handler {run.name}")


def entry_span(service: Deployable) -> Location:
    """Where a deployable starts."""
    made = f"the service starts here ({service.framework})" if service.framework else "the program starts here"
    return at(service.entry, made)


def waits_in(runs: Iterable[HandlerRun]) -> Iterator[Location]:
    """Where handlers sleep until something is done."""
    for run in runs:
        for event in run.events:
            if event.kind == "sleep" and not event.state.queued:
                yield at(event.site, "waits here")
                yield from along(event.trail)


def fetches(events: Iterable[Event], most: int = 4) -> Iterator[Location]:
    """Where files are fetched from elsewhere, and the calls that lead there."""
    fetched = [event for event in events if event.kind == "download" and not event.state.queued]
    for event in fetched[:most]:
        yield from along(event.trail[1:])
        yield at(event.site, f"fetches from elsewhere ({event.name})")


def megabytes(size: int) -> str:
    """1.9 GB, 120 MB, 0.4 MB."""
    if size >= 1_000_000_000:
        return f"{size / 1_000_000_000:.1f} GB"
    return f"{size / 1_000_000:.0f} MB" if size >= 1_000_000 else f"{size / 1_000_000:.1f} MB"


def millions(parameters: int) -> str:
    """7.0 billion, 110 million."""
    if parameters >= 1_000_000_000:
        return f"{parameters / 1_000_000_000:.1f} billion parameters"
    return f"{parameters / 1_000_000:.0f} million parameters"


def project_name(service: Deployable) -> str:
    """A name for what replaces the service."""
    parts = [
        part
        for part in service.entry.path.removesuffix(".py").split("/")
        if part not in ("src", "app", "main", "server", "api", "__init__")
    ]
    return usable_name(parts[-1] if parts else "serving", "serving")


def suggestion(pattern: str, service: Deployable, loads: Sequence[Load], files: frozenset[str]) -> Suggestion:
    """A way out that names the repository's own ONNX files where the models have them."""
    models: list[tuple[str, str]] = []
    taken: set[str] = set()
    for place, load in enumerate(loads, 1):
        name = usable_name(PurePosixPath(load.name).stem, f"model-{place}")
        while name in taken:
            name = f"{name}-{place}"
        taken.add(name)
        models.append((name, _onnx_of(load, files)))
    return Suggestion(pattern, _free_name(project_name(service), files), tuple(models))


def _free_name(name: str, files: frozenset[str]) -> str:
    """A project name that is no folder of the repository yet: that one is not empty."""
    taken = {path.partition("/")[0] for path in files}
    while name in taken:
        name = f"{name}-serving"
    return name


def _onnx_of(load: Load, files: frozenset[str]) -> str:
    for name in load.model.names:
        wanted = name.replace("*", "").lstrip("./")
        if wanted.endswith(".onnx"):
            return next((path for path in sorted(files) if path == wanted or path.endswith("/" + wanted)), "")
    return ""


def call_span(event: Event, note: str) -> Location:
    """Where an event happens."""
    return at(event.site, note)
