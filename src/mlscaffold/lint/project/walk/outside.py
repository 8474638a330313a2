"""Calls of libraries that are no loads: downloads, remote calls, waiting, processes."""

from __future__ import annotations

from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint.project.evaluate.libraries import PROVIDERS
from mlscaffold.lint.project.events import Spot, State
from mlscaffold.lint.project.values import External, Frame, Items, Known, ModelValue, Site
from mlscaffold.lint.syntax import Call

if TYPE_CHECKING:
    from mlscaffold.lint.project.walk import Walker


def external(walker: Walker, value: External, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    """A call of a library."""
    meaning = walker.evaluator.catalog.meanings.get(value.name)
    if meaning == "asked" and _asks(walker, value, call, frame, state, trail):
        return
    if walker.load(value.name, call, frame, state, trail):
        if meaning == "download":  # weights that a URL names
            walker.event("download", call, frame, state, trail, name=value.name)
        return
    if value.name.startswith(PROVIDERS):
        walker.provided(call, frame, state, trail)
    if meaning == "sleep":
        walker.event("sleep", call, frame, state, trail, name=value.name, timeout=_first_number(walker, call, frame))
    elif meaning in ("train", "download", "heavy"):
        walker.event(meaning, call, frame, state, trail, name=value.name)  # type: ignore[arg-type]
    elif meaning == "remote":
        walker.event("remote", call, frame, state, trail, name=value.name, timeout=_timeout(walker, call, frame))
    elif meaning == "process":
        _process(walker, call, frame, state, trail)
    managed = walker.evaluator.catalog.predicts.get(value.name)
    if managed is not None:
        site = Site(frame.path, call.line, call.column)
        model = ModelValue(
            site, managed.framework, managed.kind, "model", managed.weight, (managed.framework,), helper=managed.helper
        )
        kept = replace(state, kept=True)
        walker.event("load", call, frame, kept, trail, name=value.name, model=model)
        walker.event("predict", call, frame, state, trail, name=value.name, model=model)


def _asks(walker: Walker, value: External, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> bool:
    """A function that asks the model that it is given, or else one that it loads for the purpose."""
    parts = (*call.arguments, *(part for _, part in call.keywords))
    held = [known for part in parts for known in walker.evaluator.evaluate(part, frame)]
    models = [known for known in held if isinstance(known, ModelValue) and known.role != "preprocessor"]
    if not models and walker.load(value.name, call, frame, state, trail):
        models = [known for known in walker.evaluator.load(value.name, call, frame) if isinstance(known, ModelValue)]
    for model in models:
        walker.predict(model, value.name.rpartition(".")[2], call, frame, state, trail)
    return bool(models)


def _process(walker: Walker, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    texts: list[str] = []
    for part in call.arguments:
        for value in walker.evaluator.evaluate(part, frame):
            held = [value, *(inner for _, inners in value.pairs for inner in inners)] if isinstance(value, Items) else [value]
            texts += [str(inner.value) for inner in held if isinstance(inner, Known)]
    words = [word for word in walker.evaluator.catalog.process_words if any(word in text for text in texts)]
    if words:
        model = ModelValue(Site(frame.path, call.line, call.column), words[0], "llm", "model", "huge", (words[0],))
        walker.event("load", call, frame, state, trail, name=words[0], model=model)


def _first_number(walker: Walker, call: Call, frame: Frame) -> float | None:
    known = walker.evaluator.evaluate(call.arguments[0], frame) if call.arguments else ()
    numbers = [value.value for value in known if isinstance(value, Known) and isinstance(value.value, int | float)]
    return float(numbers[0]) if numbers else None


def _timeout(walker: Walker, call: Call, frame: Frame) -> float | None:
    for word, part in call.keywords:
        if word == "timeout":
            known = [value.value for value in walker.evaluator.evaluate(part, frame) if isinstance(value, Known)]
            numbers = [value for value in known if isinstance(value, int | float)]
            return float(numbers[0]) if numbers else -1.0
    return None
