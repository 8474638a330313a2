"""A model that is loaded or downloaded again in every request."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import along, at, handler_span, load_spans, spans, suggestion, ways
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.events import Event

CODE = "MLS203"
NAME = "load-per-request"
SEVERITY: Final = "error"
WHY = "Every caller pays for reading the weights, often more than for the answer itself."


def check(project: Project) -> Iterator[Finding]:
    """One finding per load that a request waits for and that no cache keeps."""
    for service in project.deployables:
        if not service.online:
            continue
        seen: set[tuple[str, int]] = set()
        for run in service.handlers:
            for event in run.events:
                load = _load_of(service, event)
                place = (event.site.path, event.site.line)
                if load is not None and place not in seen and _repeated(event):
                    seen.add(place)
                    yield _finding(project, service, run, event, load)


def _repeated(event: Event) -> bool:
    return event.kind == "load" and event.state.moment == "per-request" and not event.state.kept and not event.state.queued


def _load_of(service: Deployable, event: Event) -> Load | None:
    if event.model is None:
        return None
    return next((load for load in service.models if load.inner == event.model.site), None)


def _finding(project: Project, service: Deployable, run: HandlerRun, event: Event, load: Load) -> Finding:
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
            ways(load),
        ),
        suggestion=suggestion("web-single", service, [load], project.files),
        subjects=(load.name,),
    )  # fmt: skip
