"""Training inside a process that serves."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import along, at, entry_span, spans, suggestion
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable
from mlscaffold.lint.project.events import Event

CODE = "MLS103"
NAME = "training-in-serving"
SEVERITY: Final = "error"
WHY = "Training takes the processor and memory that answers need, and a model that changes under way has no version."


def check(project: Project) -> Iterator[Finding]:
    """One finding per training call that an online deployable reaches."""
    for service in project.deployables:
        if not service.online:
            continue
        strongest: dict[tuple[str, int], Event] = {}
        for event in service.events:
            place = (event.site.path, event.site.line)
            if event.kind != "train" or service.is_done(event):
                continue
            if place not in strongest or _is_fallback(strongest[place]):
                strongest[place] = event
        for place, event in strongest.items():
            others = [other for other in service.events if other.kind == "train" and (other.site.path, other.site.line) == place]
            yield _finding(project, service, event, others)


def _is_fallback(event: Event) -> bool:
    """Trains once, at start-up, when no model file is there: worth a word, no alarm."""
    starting = event.state.moment in ("module", "startup") and not event.state.queued
    return starting and bool(event.state.arms or event.state.kept)


def _finding(project: Project, service: Deployable, event: Event, others: list[Event]) -> Finding:
    how = (
        "in the background"
        if event.state.queued
        else "while a request waits"
        if event.state.moment == "per-request"
        else "when it starts"
    )
    return Finding(
        code=CODE,
        name=NAME,
        severity="info" if _is_fallback(event) else SEVERITY,
        confidence="medium" if event.guessed else "high",
        service=service.id,
        message=f"the serving process trains a model {how}: {event.name}",
        why=WHY,
        locations=spans(
            at(event.site, "trains here"),
            along(event.trail),
            [entry_span(service)],
            *(along(other.trail) for other in others[:4]),
        ),
        suggestion=suggestion("batch", service, (), project.files),
        subjects=(event.name,),
    )
