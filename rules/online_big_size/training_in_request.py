"""A request that waits for training."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import along, at, handler_span, spans, suggestion
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project

CODE = "MLS207"
NAME = "training-in-request"
SEVERITY: Final = "error"
WHY = "Training takes minutes to days, and a proxy gives up after one; what it half did stays behind."


def check(project: Project) -> Iterator[Finding]:
    """One finding per training call that a handler waits for."""
    for service in project.deployables:
        if not service.online:
            continue
        for run in service.handlers:
            trains = (event for event in run.events if event.kind == "train" and not event.state.queued)
            event = next((event for event in trains if not service.is_done(event)), None)
            if event is not None:
                yield Finding(
                    code=CODE,
                    name=NAME,
                    severity=SEVERITY,
                    confidence="medium" if event.guessed else "high",
                    service=service.id,
                    message=f"{run.name} waits for training: {event.name}",
                    why=WHY,
                    locations=spans(at(event.site, "trains here"), [handler_span(run)], along(event.trail)),
                    suggestion=suggestion("async", service, (), project.files),
                    subjects=(run.name, event.name),
                )
