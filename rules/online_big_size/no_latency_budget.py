"""A call of another service without a time limit, or with one beyond any real-time answer."""

from collections.abc import Iterator

from mlscaffold.lint.evidence import along, at, handler_span, spans, suggestion
from mlscaffold.lint.finding import Finding, Severity
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun
from mlscaffold.lint.project.events import Event

CODE = "MLS206"
NAME = "no-latency-budget"
SEVERITY: Severity = "warning"
PREVIEW = True
WITHOUT_MODELS = True
WHY = "When the other side hangs, the handler hangs with it, and soon every thread or the whole loop does."

LONGEST_S = 60.0  # beyond it the proxies in front have given up (nginx: proxy_read_timeout 60s)
_PATIENT = ("requests.", "urllib.")  # wait for ever unless told otherwise; httpx has 5 s of its own


def check(project: Project) -> Iterator[Finding]:
    """One finding per place in the handlers' ways."""
    for service in project.deployables:
        seen: set[tuple[str, int]] = set()
        for run in service.handlers if service.online else ():
            for event in run.events:
                place = (event.site.path, event.site.line)
                if event.kind == "remote" and place not in seen and not event.state.queued and _is_unbounded(event):
                    seen.add(place)
                    yield _finding(project, service, run, event)


def _is_unbounded(event: Event) -> bool:
    if event.timeout is None:
        return event.name.startswith(_PATIENT)
    return event.timeout > LONGEST_S  # -1: a value that nobody knows, which is a budget all the same


def _finding(project: Project, service: Deployable, run: HandlerRun, event: Event) -> Finding:
    limit = "without a time limit" if event.timeout is None else f"for up to {event.timeout:g} s"
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="medium",
        service=service.id,
        message=f"{run.name} waits for {event.name} {limit}",
        why=WHY,
        locations=spans(at(event.site, "waits here"), [handler_span(run)], along(event.trail)),
        suggestion=suggestion("sync", service, (), project.files),
        subjects=(run.name, event.name),
    )
