"""Heavy preparation of the input, with libraries of its own, in the process that infers."""

from collections.abc import Iterator

from mlscaffold.light import Final
from mlscaffold.lint.evidence import along, at, handler_span, load_spans, spans, suggestion
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.events import Event

CODE = "MLS106"
NAME = "preprocessing-in-server"
SEVERITY: Final = "info"
PREVIEW = True
WHY = "Decoding takes processors and libraries, inference memory and perhaps a GPU: neither can be sized or updated alone."

# One call of these is work enough; of what is quick on one picture or row it takes several.
_LONG = ("librosa", "moviepy", "ffmpeg", "pydub", "pdf2image", "fitz", "pdfplumber", "decord", "av", "torchaudio", "noisereduce")
_SEVERAL = 2


def check(project: Project) -> Iterator[Finding]:
    """One finding per service: the first handler that prepares and infers."""
    for service in project.deployables:
        for run in service.handlers if service.online else ():
            prepared = _prepared(run)
            inferred = next((event for event in run.events if _infers(event, service)), None)
            if prepared and inferred is not None:
                yield _finding(project, service, run, prepared, inferred)
                break


def _prepared(run: HandlerRun) -> list[Event]:
    """The preparing calls of a handler, each name once; none where they are not worth a process."""
    found = {event.name: event for event in run.events if event.kind == "heavy" and not event.state.queued}
    long = any(_library(name) in _LONG or name == "cv2.VideoCapture" for name in found)
    return list(found.values()) if long or len(found) > _SEVERAL else []


def _infers(event: Event, service: Deployable) -> bool:
    models = {load.inner for load in service.models if not load.model.helper}
    return event.kind == "predict" and event.model is not None and event.model.site in models


def _library(name: str) -> str:
    return name.partition(".")[0]


def _finding(project: Project, service: Deployable, run: HandlerRun, prepared: list[Event], inferred: Event) -> Finding:
    libraries = sorted({_library(event.name) for event in prepared})
    load = _load_of(service, inferred)
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="medium",
        service=service.id,
        message=f"{run.name} prepares its input with {' and '.join(libraries)} in the process that infers",
        why=WHY,
        locations=spans(
            at(prepared[0].site, f"prepares here: {prepared[0].name}"),
            [at(event.site, f"and here: {event.name}") for event in prepared[1:6]],
            [at(inferred.site, "infers here"), handler_span(run)],
            along(prepared[0].trail), load_spans(load) if load else (),
        ),
        suggestion=suggestion("prep-pred", service, [load] if load else [], project.files),
        subjects=(run.name, *libraries),
    )  # fmt: skip


def _load_of(service: Deployable, event: Event) -> Load | None:
    return next((load for load in service.loads if event.model and load.inner == event.model.site), None)
