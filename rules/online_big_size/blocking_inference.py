"""Inference on the event loop of an `async def` handler."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import along, at, handler_span, load_spans, spans, suggestion, ways
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.events import Event, Spot

CODE = "MLS202"
NAME = "blocking-inference-in-async"
SEVERITY: Final = "error"
WHY = "While the model computes, the loop answers nobody: no other request, no health check."


def check(project: Project) -> Iterator[Finding]:
    """One finding per handler that runs a network on the loop; what takes a millisecond is only mentioned."""
    for service in project.deployables:
        for run in service.handlers:
            events = (event for event in run.events if event.kind != "train" or not service.is_done(event))
            blocking = [event for event in events if _blocks(event) and not _prepares(service, event) and not _chosen(run, event)]
            heavy = [event for event in blocking if not _quick(project, service, event)]
            if blocking:
                yield _finding(project, service, run, heavy or blocking, heavy=bool(heavy))
        for event in service.startup_events:
            if event.state.queued and event.state.loop and not event.state.aside and _goes_on(project, service, event):
                yield _task(project, service, event)
                break


def _blocks(event: Event) -> bool:
    computes = event.kind in ("predict", "train")
    return computes and event.state.loop and not event.state.aside and event.state.moment != "startup"


def _chosen(run: HandlerRun, event: Event) -> bool:
    """Whether the handler leads to the same call through a thread too: the code decides, by a measured time perhaps."""
    return any(other.site == event.site and other.kind == event.kind and other.state.aside for other in run.events)


def _goes_on(project: Project, service: Deployable, event: Event) -> bool:
    """Whether a task that starts with the service trains, or asks a network again and again."""
    asks = event.kind == "predict" and event.state.repeat == "endless"
    return event.kind == "train" or (asks and not _prepares(service, event) and not _quick(project, service, event))


def _prepares(service: Deployable, event: Event) -> bool:
    """Whether what is asked is a tokenizer or a scaler: no model, and done at once."""
    return event.kind == "predict" and event.model is not None and _role_of(service, event) == "preprocessor"


def _quick(project: Project, service: Deployable, event: Event) -> bool:
    """Whether the call takes about a millisecond."""
    if event.kind == "train":
        return False
    if event.model is None:
        return not any(load.model.kind not in ("classic", "trees") for load in service.models)
    role = _role_of(service, event)
    return event.model.kind in ("classic", "trees") or role != "model" or project.sizes.of(event.model).small


def _finding(project: Project, service: Deployable, run: HandlerRun, events: list[Event], *, heavy: bool) -> Finding:
    event = events[0]
    load = _load_of(service, event)
    name = load.name if load else event.model.framework if event.model else event.name
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY if heavy else "info",
        confidence="medium" if event.guessed else "high",
        service=service.id,
        message=_said(run.name, name, event),
        why=WHY,
        locations=spans(
            at(event.site, f"computes here, {'in a pool that the loop waits for' if event.state.held_up else 'on the loop'}"),
            [handler_span(run)], along(event.trail), load_spans(load) if load else (),
            ways(load) if load else (),
            [at(other.site, "and here") for other in events[1:12]],
            *(along(_asked(run, other)) for other in events[1:12]),
            *(load_spans(other) for event in events[1:12] if (other := _load_of(service, event))),
        ),
        suggestion=suggestion("web-single", service, [load] if load else [], project.files),
        subjects=(run.name, name),
    )  # fmt: skip


def _said(handler: str, model: str, event: Event) -> str:
    if event.state.held_up:
        return f"{handler} stops the event loop until a pool has run {model} ({event.name})"
    return f"{handler} runs {model} on the event loop ({event.name})"


def _asked(run: HandlerRun, event: Event) -> tuple[Spot, ...]:
    """The calls on the way to an event that stand in the handler's file."""
    return tuple(spot for spot in event.trail if spot.path == run.site.path and not spot.passed)


def _task(project: Project, service: Deployable, event: Event) -> Finding:
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="medium",
        service=service.id,
        message=f"a task that starts with the service computes on its event loop: {event.name}",
        why=WHY,
        locations=spans(at(event.site, "computes here, on the loop"), along(event.trail)),
        suggestion=suggestion("batch", service, [], project.files),
        subjects=("task", event.name),
    )


def _role_of(service: Deployable, event: Event) -> str:
    """What is loaded of a file that does not say what it holds: how it is used tells."""
    if event.model is not None and event.model.role != "unknown":
        return event.model.role
    load = _load_of(service, event)
    return load.role if load else "unknown"


def _load_of(service: Deployable, event: Event) -> Load | None:
    site = event.model.site if event.model else None
    return next((load for load in service.loads if load.inner == site), None)
