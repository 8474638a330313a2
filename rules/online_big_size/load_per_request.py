"""A model that is loaded or downloaded again in every request."""

from collections.abc import Iterator
from itertools import islice

from mlscaffold.light import Final
from mlscaffold.lint.evidence import along, at, fetches, handler_span, load_spans, spans, suggestion, ways
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.events import Event

CODE = "MLS203"
NAME = "load-per-request"
SEVERITY: Final = "error"
MOST_OTHERS = 5  # handlers that a finding shows besides its own
WHY = "Every caller pays for reading the weights, often more than for the answer itself."


def check(project: Project) -> Iterator[Finding]:
    """One finding per load that a request waits for and that no cache keeps."""
    for service in project.deployables:
        if not service.online:
            continue
        places: dict[tuple[str, int], list[tuple[HandlerRun, Event, Load]]] = {}
        for run in service.handlers:
            for event in run.events:
                load = _load_of(service, event)
                if load is not None and _repeated(event) and not _around_kept(service, event):
                    places.setdefault((event.site.path, event.site.line), []).append((run, event, load))
        for found in places.values():
            yield _finding(project, service, found)
        fetched = [(run, event) for run in service.handlers for event in run.events if _fetched(event)]
        asked = [load for load in service.models if load.model.by_request]
        if fetched and asked and not places:
            yield _download(project, service, *fetched[0], asked[0])


def _repeated(event: Event) -> bool:
    return event.kind == "load" and event.state.moment == "per-request" and not event.state.kept and not event.state.queued


def _around_kept(service: Deployable, event: Event) -> bool:
    """Whether it is put around a model that is there already: a pipeline around what was loaded at start-up costs nothing."""
    return any(load.inner in event.parts and load.moment != "per-request" for load in service.loads)


def _fetched(event: Event) -> bool:
    """Whether a request waits for a download that the name in it asks for."""
    waits = event.state.moment == "per-request" and event.state.keyed and not event.state.queued
    return event.kind == "download" and waits


def _load_of(service: Deployable, event: Event) -> Load | None:
    if event.model is None:
        return None
    return next((load for load in service.models if load.inner == event.model.site), None)


def _others(first: HandlerRun, found: list[tuple[HandlerRun, Event, Load]]) -> Iterator[Location]:
    """The other handlers that load at the same place."""
    others = {run.site: (run, event) for run, event, _ in found if run is not first}
    for run, event in list(others.values())[:MOST_OTHERS]:
        yield handler_span(run)
        yield from along(event.trail)
        asked = (other for other in run.events if other.kind == "predict" and other.model == event.model)
        yield from (at(other.site, "is asked here") for other in islice(asked, 1))


def _download(project: Project, service: Deployable, run: HandlerRun, event: Event, load: Load) -> Finding:
    return Finding(
        code=CODE,
        name=NAME,
        severity="warning",
        confidence="medium",
        service=service.id,
        message=f"{run.name} downloads and loads whatever model ({load.model.framework}) a request names for the first time",
        why=WHY,
        locations=spans(
            at(event.site, f"downloads here ({event.name})"),
            [handler_span(run)],
            along(event.trail),
            load_spans(load),
            ways(load),
        ),
        suggestion=suggestion("web-single", service, [load], project.files),
        subjects=(load.model.framework, "download"),
    )


def _finding(project: Project, service: Deployable, found: list[tuple[HandlerRun, Event, Load]]) -> Finding:
    run, event, load = found[0]
    # A page of Streamlit runs anew for each click; a tree that is read again costs it a millisecond.
    light = service.kind == "ui" and load.model.kind in ("classic", "trees")
    again = " once per item of the request" if event.state.repeat in ("request", "files") else ""
    return Finding(
        code=CODE,
        name=NAME,
        severity="info" if light else SEVERITY,
        confidence="medium" if event.guessed else "high",
        service=service.id,
        message=f"{run.name} loads {load.name} ({load.model.framework}) in every request{again}",
        why=WHY,
        locations=spans(
            at(event.site, f"loads {load.name}"), [handler_span(run)], along(event.trail), load_spans(load),
            [at(other.site, "is asked here") for other in run.events if other.kind == "predict" and other.model == event.model],
            fetches(run.events), _others(run, found), ways(load),
        ),
        suggestion=suggestion("web-single", service, [load], project.files),
        subjects=(load.name,),
    )  # fmt: skip
