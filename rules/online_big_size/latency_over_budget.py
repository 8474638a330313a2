"""A handler whose models take longer than the service's latency budget."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import along, at, handler_span, load_spans, spans, suggestion
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.events import Event

CODE = "MLS209"
NAME = "latency-over-budget"
SEVERITY: Final = "warning"
WHY = "Every caller waits longer than was promised, before anything else of the request is done."

Part = tuple[Load, Event, float]  # a model, the call that is waited for, milliseconds


def check(project: Project) -> Iterator[Finding]:
    """One finding per handler of a service with a budget."""
    for service in project.deployables:
        budget = service.options.latency_budget_ms
        for run in service.handlers if budget and service.online else ():
            parts = list(_parts(project, service, run))
            if budget and sum(taken for _, _, taken in parts) > budget:
                yield _finding(project, service, run, parts, budget)


def _parts(project: Project, service: Deployable, run: HandlerRun) -> Iterator[Part]:
    """The models that a caller waits for, each once, with the 95th percentile that was measured or the latency declared."""
    for load in service.models:
        event = next((event for event in run.events if _waits(event, load)), None)
        measured = project.measured(load) if event else None
        taken = measured.p95_ms if measured else float(service.options.latency_ms or 0)
        if event and taken:
            yield load, event, taken


def _waits(event: Event, load: Load) -> bool:
    mine = load.is_of(event)
    return event.kind == "predict" and mine and not event.state.queued and not event.state.stream


def _finding(project: Project, service: Deployable, run: HandlerRun, parts: list[Part], budget: int) -> Finding:
    loads = [load for load, _, _ in parts]
    seen = all(project.measured(load) for load in loads)
    words = " + ".join(f"{load.name} {taken:.3g} ms" for load, _, taken in parts)
    total = f" = {sum(taken for _, _, taken in parts):.3g} ms" if len(parts) > 1 else ""
    how = "measured here, 95th percentile" if seen else "as declared"
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="high" if seen else "medium",
        service=service.id,
        message=f"{run.name} takes {words}{total} ({how}) of a budget of {budget} ms",
        why=WHY,
        locations=spans(
            at(parts[0][1].site, "infers here, while the caller waits"),
            [at(event.site, f"{load.name}: {taken:.3g} ms") for load, event, taken in parts[1:]],
            [handler_span(run)],
            [span for load in loads for span in load_spans(load)],
            along(parts[0][1].trail),
        ),
        suggestion=suggestion("async", service, loads, project.files),
        subjects=(run.name, *sorted(load.name for load in loads)),
    )
