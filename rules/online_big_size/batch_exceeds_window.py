"""A batch whose rows, times what each of them takes, exceed the time that it has."""

from collections.abc import Iterable, Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import along, at, handler_span, load_spans, spans, suggestion
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.events import Event
from mlscaffold.lint.project.windows import Window, window_of

CODE = "MLS208"
NAME = "batch-exceeds-window"
SEVERITY: Final = "warning"
PREVIEW = True
WHY = "The job is ended before it is done, or the next one starts beside it, and the backlog only grows."


def check(project: Project) -> Iterator[Finding]:
    """One finding per task, and per batch job, whose declared figures do not fit."""
    for service in project.deployables:
        if not service.models:
            continue
        runs: list[tuple[HandlerRun | None, tuple[Event, ...]]] = [(run, run.events) for run in service.handlers]
        if service.kind in ("batch", "cli"):
            runs.append((None, service.module_events))
        for run, events in runs:
            window = window_of(service, run, project.evaluator)
            if window is None:
                continue
            rows, each_ms, spots = _work(project, service, events)
            if rows * each_ms / 1000 > window.seconds:
                yield _finding(project, service, run, window, rows, each_ms, spots)


def _work(project: Project, service: Deployable, events: Iterable[Event]) -> tuple[int, float, list[tuple[Event, Load | None]]]:
    """The rows of the longest loop, the milliseconds of one of them, and what takes them."""
    looped = [event for event in events if event.state.rows > 1 and not event.state.queued]
    rows = max((event.state.rows for event in looped), default=0)
    each_ms = 0.0
    spots: list[tuple[Event, Load | None]] = []
    for event in looped:
        load = next((load for load in service.models if event.model and load.inner == event.model.site), None)
        taken = _taken_ms(project, service, event, load) if event.state.rows == rows else 0.0
        if taken and not any(event.site == other.site for other, _ in spots):
            each_ms += taken
            spots.append((event, load))
    return rows, each_ms, spots


def _taken_ms(project: Project, service: Deployable, event: Event, load: Load | None) -> float:
    if event.kind == "sleep":
        return (event.timeout or 0) * 1000
    if event.kind != "predict" or load is None:
        return 0.0
    measured = project.measured(load)
    return measured.median_ms if measured else float(service.options.latency_ms or 0)


def _finding(
    project: Project,
    service: Deployable,
    run: HandlerRun | None,
    window: Window,
    rows: int,
    each_ms: float,
    spots: list[tuple[Event, Load | None]],
) -> Finding:
    name = run.name if run else service.id
    first, load = spots[0]
    needed = rows * each_ms / 1000
    loads = [load for _, load in spots if load]
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="medium",
        service=service.id,
        message=f"{name}: {rows:,} rows × {each_ms:.3g} ms = {needed:,.0f} s, and its {window.words} is {window.seconds:,.0f} s",
        why=WHY,
        locations=spans(
            at(first.site, "each row takes its time here"),
            [at(event.site, "and here") for event, _ in spots[1:]],
            [Location(window.path, window.line, note=f"{window.words}: {window.seconds:,.0f} s")],
            [handler_span(run)] if run else [],
            load_spans(load) if load else (),
            along(first.trail),
        ),
        suggestion=suggestion("batch", service, loads, project.files),
        subjects=(name, window.words),
    )
