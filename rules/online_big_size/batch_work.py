"""Inference over everything that a request brings: pages, frames, files, rows."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import along, at, handler_span, load_spans, spans, suggestion
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun
from mlscaffold.lint.project.events import Event

CODE = "MLS204"
NAME = "batch-work-in-request"
SEVERITY: Final = "warning"
WHY = "The answer takes as long as the input is long: no time-out fits, and one big input holds everybody up."


def check(project: Project) -> Iterator[Finding]:
    """One finding per handler that infers in a loop over what the request holds."""
    for service in project.deployables:
        if not service.online:
            continue
        for run in service.handlers:
            event = next((event for event in run.events if _loops(event) and _is_model(service, event)), None)
            if event is not None:
                yield _finding(project, service, run, event)


def _loops(event: Event) -> bool:
    waits = not event.state.queued and not event.state.stream
    heavy = (
        event.model is not None
        and event.model.kind not in ("classic", "trees")
        and (not event.model.helper or event.state.repeat == "files")
    )
    return event.kind == "predict" and heavy and waits and event.state.repeat in ("request", "files")


def _is_model(service: Deployable, event: Event) -> bool:
    """Whether a model is asked; where its file does not say what it holds, how it is used tells."""
    if event.model is None or event.model.role != "unknown":
        return event.model is not None and event.model.role == "model"
    return any(load.role == "model" for load in service.loads if load.is_of(event))


def _finding(project: Project, service: Deployable, run: HandlerRun, event: Event) -> Finding:
    load = next((load for load in service.loads if event.model and load.inner == event.model.site), None)
    name = load.name if load else event.name
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="medium",
        service=service.id,
        message=f"{run.name} runs {name} once per item of the request, however many there are",
        why=WHY,
        locations=spans(
            at(event.site, "infers here, in a loop over the input"),
            [handler_span(run)], along(event.trail), load_spans(load) if load else (),
        ),
        suggestion=suggestion("async", service, [load] if load else [], project.files),
        subjects=(run.name, name),
    )  # fmt: skip
