"""The same question, which is computed again whenever it is asked."""

from collections.abc import Iterator

from mlscaffold.light import Final, expression
from mlscaffold.lint.evidence import along, at, handler_span, load_spans, spans, suggestion
from mlscaffold.lint.facts import FunctionFacts, Parameter
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, HandlerRun
from mlscaffold.lint.project.events import Event
from mlscaffold.lint.syntax import names_in

CODE = "MLS210"
NAME = "repeated-inference-uncached"
SEVERITY: Final = "info"
PREVIEW = True
WHY = "An answer that cannot change until its data do is paid for by every caller who asks for it."

_READS = expression(r"^(GET\b|/)")
_IDENTITY = expression(r"(?i)(^|_)(id|key|sku|slug|isbn|uid|uuid|code|ticker|symbol)$")
_IN_PATH = expression(r"[{<](?:\w+:)?(\w+)(?::\w+)?[}>]")
_TOOL = expression(r"(?i)db|session|service|model|settings|config|engine|predict|store|repo|client|manager")
_CACHED = expression(r"(?i)cache|redis|memo|store_result|ttl")
_ASKED = frozenset(("request", "websocket", "args", "kwargs"))


def check(project: Project) -> Iterator[Finding]:
    """One finding per handler whose input is an identity in the path, or nothing at all."""
    for service in project.deployables:
        for run in service.handlers if service.online and service.kind == "web" else ():
            event = next((event for event in run.events if _infers(event, service)), None)
            if event is None or _is_cached(project, run, event):
                continue
            asked = _question(run)
            if asked:
                yield _finding(project, service, run, event, asked)


def _infers(event: Event, service: Deployable) -> bool:
    models = {load.inner for load in service.models if not load.model.helper}
    real = event.model is not None and event.model.site in models
    state = event.state
    return event.kind == "predict" and real and not state.queued and not state.kept and not state.stream


def _question(run: HandlerRun) -> str:
    """What the answer depends on, in words; "" where the input is the caller's own."""
    function = run.hook.function
    if not _READS.match(run.name) or _asks_elsewhere(function):
        return ""
    plain = [known for known in function.parameters if known.name not in ("self", "cls")]
    given = [known.name for known in plain if not _is_service(known)]
    in_path = _IN_PATH.findall(run.name)
    if not given and not in_path and run.name.startswith("GET "):
        return "nothing that the caller says"
    if given and set(given) <= set(in_path) and all(_IDENTITY.search(name) for name in given):
        return f"{', '.join(given)} of the path alone"
    return ""


def _is_service(known: Parameter) -> bool:
    """A parameter that the framework injects is no part of the question, as far as its name says that it is a tool."""
    return "Depends" in repr((known.annotation, known.default)) and _TOOL.search(known.name) is not None


def _asks_elsewhere(function: FunctionFacts) -> bool:
    """Whether it reads the request besides its parameters."""
    names = {name for step in function.steps for name in names_in(step.value)}
    return not names.isdisjoint(_ASKED) or any(known.name in _ASKED for known in function.parameters)


def _is_cached(project: Project, run: HandlerRun, event: Event) -> bool:
    """Whether anything on the way is called a cache."""
    paths = {run.hook.frame.path, *(spot.path for spot in event.trail)}
    for path in paths:
        module = project.source.module(path)
        for function in module.facts.functions if module else ():
            words = {name for step in function.steps for part in (step.value, step.target) if part for name in names_in(part)}
            if any(_CACHED.search(name) for name in words) or any(_CACHED.search(repr(part)) for part in function.decorators):
                return True
    return False


def _finding(project: Project, service: Deployable, run: HandlerRun, event: Event, asked: str) -> Finding:
    load = next((load for load in service.loads if event.model and load.inner == event.model.site), None)
    pattern = "data-cache" if "path" in asked else "prediction-cache"
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="low",
        service=service.id,
        message=f"{run.name} infers again for every caller, though the answer depends on {asked}",
        why=WHY,
        locations=spans(at(event.site, "infers here"), [handler_span(run)], along(event.trail), load_spans(load) if load else ()),
        suggestion=suggestion(pattern, service, [load] if load else [], project.files),
        subjects=(run.name,),
    )
