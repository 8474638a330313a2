"""A large model behind a request that somebody waits for."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import (
    along,
    at,
    call_span,
    handler_span,
    load_spans,
    megabytes,
    millions,
    spans,
    suggestion,
    waits_in,
    ways,
)
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.events import Event
from mlscaffold.lint.project.sizes import Size
from mlscaffold.lint.project.values import Request
from mlscaffold.patterns import Suggestion

CODE = "MLS201"
NAME = "big-model-online"
SEVERITY: Final = "warning"
WHY = "An answer takes as long as the model does: callers time out, and one slow request holds the others up."

# Word vectors and forests may be large on disk and still answer in a millisecond.
_QUICK = ("classic", "trees")
REAL_TIME_MS = 100  # for a service that declares no budget: what a caller takes for at once


def check(project: Project) -> Iterator[Finding]:
    """One finding per large model of a deployable that a handler runs while the caller waits."""
    for service in project.deployables:
        if not service.online:
            continue
        for load in service.models:
            size = project.sizes.of(load.model)
            waits = [(run, event) for run in service.handlers if (event := _waiting(run, load)) is not None]
            if waits and size.large and load.model.kind not in _QUICK and not _measured_quick(project, service, load):
                yield _finding(project, service, load, size, waits)


def _measured_quick(project: Project, service: Deployable, load: Load) -> bool:
    """Whether `--measure` has shown that it answers within the budget."""
    measured = project.measured(load)
    return measured is not None and measured.p95_ms <= (service.options.latency_budget_ms or REAL_TIME_MS)


def _waiting(run: HandlerRun, load: Load) -> Event | None:
    """The call of the model that a caller of this handler waits for."""
    return next(_calls(run, load), None)


def _calls(run: HandlerRun, load: Load) -> Iterator[Event]:
    for event in run.events:
        mine = load.is_of(event)
        waits = not event.state.queued and not event.state.stream
        if event.kind == "predict" and mine and waits:
            yield event


def _finding(project: Project, service: Deployable, load: Load, size: Size, waits: list[tuple[HandlerRun, Event]]) -> Finding:
    run, event = waits[0]
    handlers: list[Location] = [handler_span(other) for other, _ in waits[1:10]]
    calls = [call_span(other, "and here") for each, _ in waits for other in _calls(each, load) if other is not event]
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="high" if size.evidence else "medium",
        service=service.id,
        message=f"{run.name} waits for {load.name}: {_figure(size)}",
        why=WHY,
        locations=spans(
            at(event.site, f"{load.name} answers here, while the caller waits"),
            load_spans(load), [handler_span(run)], along(event.trail), handlers, calls,
            *(along(other.trail) for _, other in waits[1:6]), ways(load), waits_in(run for run, _ in waits),
        ),
        suggestion=_way_out(project, service, run, load),
        subjects=(load.name,),
    )  # fmt: skip


def _way_out(project: Project, service: Deployable, run: HandlerRun, load: Load) -> Suggestion:
    """What fits the situation: two answers, one made beforehand, one that is remembered, or one that comes later."""
    quick = next((other for other in service.models if other != load and _is_quick(project, run, other)), None)
    if quick is not None:
        return suggestion("time-lag", service, [quick, load], project.files)
    if not _asks(run):
        return suggestion("batch", service, [load], project.files)
    remembered = load.model.kind == "embedding"  # the same text has the same vector, and texts come again
    return suggestion("prediction-cache" if remembered else "async", service, [load], project.files)


def _is_quick(project: Project, run: HandlerRun, load: Load) -> bool:
    """Whether a handler asks another model too, of which it is known that it is not large."""
    size = project.sizes.of(load.model)
    asked = any(event.kind == "predict" and load.is_of(event) for event in run.events)
    known = size.evidence is not None or load.model.kind in _QUICK
    return asked and known and not size.large and not load.model.helper


def _asks(run: HandlerRun) -> bool:
    """Whether an answer depends on who asks; where it does not, it can lie ready."""
    given = any(isinstance(value, Request) for _, values in run.hook.frame.bindings for value in values)
    return given or not run.name.startswith("GET ")


def _figure(size: Size) -> str:
    parts = [millions(size.parameters)] if size.parameters else []
    parts += [megabytes(size.bytes)] if size.bytes else []
    return ", ".join(parts) or f"a model of the class '{size.weight}' (300 MB and more)"
