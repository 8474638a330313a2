"""Two or more models in one deployable."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import (
    at,
    caption,
    entry_span,
    fetches,
    handler_span,
    load_spans,
    megabytes,
    spans,
    suggestion,
    ways,
)
from mlscaffold.lint.finding import Confidence, Finding, Location
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.counting import Holding, holding
from mlscaffold.lint.project.deployable import Deployable, HandlerRun
from mlscaffold.lint.project.uses import Use, use_of

CODE = "MLS101"
NAME = "several-models-in-one-server"
SEVERITY: Final = "error"
WHY = "One fault, one release and one memory limit for all of them: none can be updated, scaled or sized alone."


def check(project: Project) -> Iterator[Finding]:
    """One finding per deployable that serves and holds several models at once."""
    for service in project.deployables:
        held = holding(service.models)
        if held.several and service.serves:
            yield _finding(project, service, held)


def _finding(project: Project, service: Deployable, held: Holding) -> Finding:
    use = use_of(service, held.loads)
    ordered = [*held.many, *(load for load in held.loads if load not in held.many)]
    first = ordered[0]
    users = [run for run in service.handlers if _uses(run, held)]
    related = (span for load in ordered for span in load_spans(load))
    way = (span for load in ordered for span in ways(load))
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence=_confidence(held),
        service=service.id,
        message=_message(project, held, use),
        why=WHY,
        locations=spans(
            load_spans(first)[0],
            related,
            [entry_span(service)],
            map(handler_span, users[:6]),
            _uses_of(service, held),
            way,
            fetches((*service.module_events, *service.startup_events)),
        ),
        suggestion=suggestion(use.pattern, service, held.loads, project.files),
        subjects=tuple(sorted({load.name for load in held.loads})),
    )


def _uses(run: HandlerRun, held: Holding) -> bool:
    sites = {load.inner for load in held.loads}
    return any(event.model is not None and event.model.site in sites for event in run.events)


def _uses_of(service: Deployable, held: Holding) -> Iterator[Location]:
    """Where each model is called first."""
    sites = {load.inner: load for load in held.loads}
    for event in service.events:
        load = sites.pop(event.model.site, None) if event.kind == "predict" and event.model else None
        if load is not None:
            yield at(event.site, f"uses {load.name}")


def _confidence(held: Holding) -> Confidence:
    if len(held.loads) - len(held.many) > 1:
        return "high"
    return "medium"


def _message(project: Project, held: Holding, use: Use) -> str:
    sizes = [project.sizes.of(load.model).bytes for load in held.loads]
    total = sum(size for size in sizes if size)
    weight = f", {megabytes(total)}" if total and None not in sizes else ""
    if len(held.loads) == 1:
        return f"one load stands for any number of models in one process: {held.loads[0].name} ({caption(held.loads[0])})"
    names = ", ".join(load.name for load in held.loads[:4]) + (", …" if len(held.loads) > 4 else "")
    count = f"{len(held.loads)} models" if not held.many else f"{len(held.loads)} or more models"
    return f"{count}{weight} in one process: {names}; {use.words}"
