"""Generated text, speech or images that are answered whole, with nothing in between."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import along, at, handler_span, load_spans, spans, suggestion, waits_in, ways
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.events import Event

CODE = "MLS205"
NAME = "generation-without-stream-or-queue"
SEVERITY: Final = "warning"
WHY = "Generation takes seconds to minutes; whoever waits sees nothing until all of it is done, and gives up before."

_SECONDS = {
    "llm": 100_000_000,
    "diffusion": 0,
    "tts": 100_000_000,
    "asr": 70_000_000,
}  # parameters from which an answer takes seconds


def check(project: Project) -> Iterator[Finding]:
    """One finding per generating model that callers wait for, with every handler that asks it."""
    for service in project.deployables:
        if not service.online:
            continue
        for load in service.models:
            waits = [(run, event) for run in service.handlers for event in run.events if _waits(event, load)]
            if waits and _is_slow(project, load):
                yield _finding(project, service, load, waits)


def _waits(event: Event, load: Load) -> bool:
    mine = load.is_of(event)
    return event.kind == "predict" and mine and not event.state.queued and not event.state.stream


def _is_slow(project: Project, load: Load) -> bool:
    least = _SECONDS.get(load.model.kind)
    if least is None:
        return False
    size = project.sizes.of(load.model)
    if load.model.kind == "asr" and not (size.parameters or size.bytes or size.weight):
        return True  # a recording is listened to from beginning to end, whatever listens
    return size.large or (size.parameters is not None and size.parameters >= least)


def _finding(project: Project, service: Deployable, load: Load, waits: list[tuple[HandlerRun, Event]]) -> Finding:
    run, event = waits[0]
    others = list(dict.fromkeys(handler_span(other) for other, _ in waits if other is not run))
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="medium",
        service=service.id,
        message=f"{run.name} answers only when {load.name} has generated everything",
        why=WHY,
        locations=spans(
            at(event.site, "generates here"), [handler_span(run)], load_spans(load), along(event.trail),
            others[:9], [at(other.site, "and here") for _, other in waits], ways(load), waits_in(run for run, _ in waits),
        ),
        suggestion=suggestion("async", service, [load], project.files),
        subjects=(run.name, load.name),
    )  # fmt: skip
