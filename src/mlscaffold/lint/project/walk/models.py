"""What calls do with models: load, give weights, infer, train."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.catalog import LoadEntry
from mlscaffold.lint.project.events import APPLIED, Spot, State
from mlscaffold.lint.project.roles import prepares
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import (
    External,
    ExternalObject,
    Frame,
    FunctionValue,
    Known,
    ModelValue,
    Object,
    Site,
    Value,
    Values,
)
from mlscaffold.lint.project.words import LIGHT_PARTS, TRAINS, TRANSPARENT, sounds_trainable
from mlscaffold.lint.syntax import Attribute, Call, Comprehension, Expr, Name, Subscript, dotted

if TYPE_CHECKING:
    from mlscaffold.lint.project.walk import Walker


def weights(walker: Walker, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    """What is given to `load_state_dict` holds the weights of a model."""
    loaded = _whole(walker, call.function, frame)
    for part in (*call.arguments, *(value for _, value in call.keywords)):
        for value in _given(walker, part, frame):
            if isinstance(value, ModelValue) and loaded is not None and loaded.site != value.site:
                # What a library built takes the weights of a file: they are its own from then on.
                walker.event("weights", call, frame, state, trail, name="", model=loaded, parts=frozenset((value.site,)))
            elif isinstance(value, ModelValue):
                parts = frozenset(_inside(walker, call, frame)) - {value.site}
                walker.event("weights", call, frame, state, trail, name="load_state_dict", model=value, parts=parts)


def _whole(walker: Walker, function: Expr, frame: Frame) -> ModelValue | None:
    """The loaded model that a part is of: `model` of `model.transformer.encoder.load_state_dict`."""
    while isinstance(function, Attribute):
        function = function.base
        for value in walker.evaluator.evaluate(function, frame):
            if isinstance(value, ModelValue):
                return value
    return None


def _given(walker: Walker, part: Expr, frame: Frame) -> Iterator[Value]:
    """What is given, and what a mapping was copied from, key by key: `{key[7:]: value for key, value in state.items()}`."""
    yield from walker.evaluator.evaluate(part, frame)
    copies = [part]
    module = walker.evaluator.source.module(frame.path)
    if module is not None and isinstance(part, Name):
        copies += [step.value for step in module.locals_of(frame.index).get(part.id, ())]
        for index, step, target in module.entries.get(part.id, ()):
            loops = (module.block(index, block) for block, _ in step.context if index == frame.index)
            found = [loop.test for loop in loops if loop.kind == "for"] if isinstance(target, Subscript) else []
            yield from (value for test in found for value in walker.evaluator.evaluate(test, frame))
    for copied in copies:
        if isinstance(copied, Comprehension):
            yield from walker.evaluator.evaluate(copied.iterable, frame)


def _inside(walker: Walker, call: Call, frame: Frame) -> Iterator[Site]:
    """The models that the network whose weights are loaded was built from: its members, what its constructor was given."""
    held = walker.evaluator.evaluate(call.function.base, frame) if isinstance(call.function, Attribute) else ()
    for value in held:
        if not isinstance(value, Object):
            continue
        for _, given in value.frame.bindings if value.frame else ():
            yield from (part.site for part in given if isinstance(part, ModelValue))
        yield from (part.site for part in _members(walker, value) if isinstance(part, ModelValue))
        module = walker.evaluator.source.module(value.path)
        for method, index in module.facts.classes[value.index].methods if module else ():
            for event in walker.events if method else ():
                if event.kind == "load" and event.model and event.model.holder == index and event.site.path == value.path:
                    yield event.model.site


def _members(walker: Walker, network: Object) -> Iterator[Value]:
    """What the methods of a network put on it."""
    module = walker.evaluator.source.module(network.path)
    for name, assigned in module.attributes.items() if module else ():
        if module and any(module.function(index).owner == network.index for index, _, _ in assigned):
            yield from walker.evaluator.of_object(network, name)


def load(walker: Walker, name: str, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> bool:
    """The loads that a call of the catalogue brings; whether there are any."""
    if name.endswith(".load_weights") and _is_loaded(walker, call, frame):
        return True
    loaded = walker.evaluator.load(name, call, frame)
    entry = walker.evaluator.catalog.loads.called(name)
    for model in loaded:
        if entry is not None and entry.role == "part" and isinstance(model, ModelValue) and model.role != "part":
            continue  # what is put around a model that was loaded before
        if isinstance(model, ModelValue):
            parts = frozenset(_parts_of_load(walker, call, frame, model.site)) if model.role == "model" else frozenset()
            if name.endswith(".load_weights"):
                parts |= frozenset(_bases(walker, frame))
            walker.event("load", call, frame, state, trail, name=name, model=model, parts=parts)
    return bool(loaded)


def _is_loaded(walker: Walker, call: Call, frame: Frame) -> bool:
    """Whether a network that takes the weights of a file was built around one that a library brought."""
    held = walker.evaluator.evaluate(call.function.base, frame) if isinstance(call.function, Attribute) else ()
    return any(isinstance(value, ModelValue) for value in held)


def _bases(walker: Walker, frame: Frame) -> Iterator[Site]:
    """Ready networks of the file that takes the weights of a network written there: what it was built around, most likely."""
    for event in walker.events:
        if event.kind == "load" and event.model and event.site.path == frame.path and ".applications." in event.name:
            yield event.model.site


def _parts_of_load(walker: Walker, call: Call, frame: Frame, site: Site) -> Iterator[Site]:
    """Models that are given to a load belong to it; what takes the parts of a loaded model shares its weights."""
    for word, part in (*(("", part) for part in call.arguments), *call.keywords):
        if (
            isinstance(part, Attribute)
            and word not in LIGHT_PARTS
            and any(
                isinstance(value, ModelValue) and value.role != "preprocessor"
                for value in walker.evaluator.evaluate(part.base, frame)
            )
        ):
            yield site
        given = [value for value in walker.evaluator.evaluate(part, frame) if isinstance(value, ModelValue)]
        # One model, or one that is tried in several ways.
        if len({(value.names, value.site.path, value.holder) for value in given}) == 1 or word == "state_dict":
            # `model = model_from_json(model)` is not its own part
            yield from (value.site for value in given if value.site != site)
        elif given and word == "model":  # one of several, nobody knows which: what is around it has no weights of its own
            yield site


def method_call(walker: Walker, call: Call, values: Values, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    """`x.method(…)` where `x` is a model, a trainable object, or nobody knows."""
    function = call.function
    if not isinstance(function, Attribute):
        return
    held = walker.evaluator.evaluate(function.base, frame)
    models = [value for value in held if isinstance(value, ModelValue)]
    for value in models:
        if function.name in TRAINS and value.role == "unknown" and prepares(*value.names, dotted(function.base)):
            continue  # a scaler is fitted in a millisecond
        if function.name in TRAINS or (function.name == "train" and value.kind in ("vision", "nlp") and call.keywords):
            walker.event("train", call, frame, state, trail, name=f"{value.framework}.{function.name}", model=value)
        elif function.name not in TRANSPARENT or (function.name == "get" and value.framework == "insightface"):
            walker.predict(value, function.name, call, frame, state, trail)
    if not models:
        _on_object(walker, call, function, held, values, frame, state, trail)


def _on_object(
    walker: Walker,
    call: Call,
    function: Attribute,
    held: Values,
    values: Values,
    frame: Frame,
    state: State,
    trail: tuple[Spot, ...],
) -> None:
    catalog = walker.evaluator.catalog
    for value in values:
        if (
            isinstance(value, External)
            and catalog.methods.get(function.name) == "train"
            and catalog.trainable.get(value.name.rpartition(".")[0])
        ):
            if function.name in TRAINS or call.arguments or call.keywords or "Trainer" in value.name:
                walker.event("train", call, frame, state, trail, name=value.name)
            return
        if (
            isinstance(value, External)
            and function.name in ("predict", "predict_proba", "decision_function")
            and catalog.trainable.get(value.name.rpartition(".")[0])
        ):
            walker.event("predict", call, frame, state, trail, name=value.name, guessed=True)
            return
    for value in held:
        if isinstance(value, ExternalObject) and walker.predict_by_type(value.name, function.name, call, frame, state, trail):
            return
    if any(isinstance(value, Object) and walker.evaluator.is_network(value) for value in held) and function.name in (
        "predict",
        "generate",
        "forward",
    ):
        walker.event("predict", call, frame, state, trail, name=dotted(function), guessed=True)
    name = function.name
    if name == "backward" and not any(isinstance(value, FunctionValue) for value in values) and _steps(walker, frame):
        walker.event("train", call, frame, state, trail, name="backward")
    elif values:
        return
    elif name in TRAINS and sounds_trainable(function.base) and not held:
        walker.event("train", call, frame, state, trail, name=dotted(function), guessed=True)
    elif all(value == Known(None) for value in held):  # nobody knows what it is set to later
        walker.by_name(call, function, frame, state, trail)


def _steps(walker: Walker, frame: Frame) -> bool:
    """Whether the file takes steps with the gradients: who only looks at them explains an answer."""
    module = walker.evaluator.source.module(frame.path)
    return module is not None and any(last_name(call.function) == "step" for _, _, call in module.calls())


def predict_by_type(
    walker: Walker, name: str, method: str, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]
) -> bool:
    """A call of something whose class says that it is a model, wherever it was loaded."""
    entry = _entry_of_class(walker, name)
    if entry is None or entry.role not in ("model", "part") or method in TRANSPARENT or method in TRAINS:
        return False
    model = ModelValue(Site(frame.path, 0), entry.framework, entry.kind, "model", entry.weight)
    walker.event("predict", call, frame, state, trail, name=method or "__call__", model=model, guessed=True)
    return True


def _entry_of_class(walker: Walker, name: str) -> LoadEntry | None:
    """What the catalogue says of a class, as itself or by the methods that load it."""
    loads = walker.evaluator.catalog.loads
    package, _, last = name.rpartition(".")
    entry = loads.get(name)
    if entry is not None or not last[:1].isupper():  # a logger of a package of models is no model
        return entry
    if (entry := loads.get(f"{name}.from_pretrained")) is not None:
        return entry
    endings = (".load_model", ".load", ".load_weights")  # of the class, not of whatever the package holds
    found = (loads.get(name + ending) for ending in endings if loads.get(package + ending) is None)
    return next(filter(None, found), None)


def predict(
    walker: Walker, model: ModelValue, method: str, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]
) -> None:
    """An inference with a model."""
    applied = not method and any(
        isinstance(value, ModelValue) and value.role == "model" and value.site != model.site
        for part in call.arguments
        for value in walker.evaluator.evaluate(part, frame)
    )
    drafts = (part for word, part in call.keywords if word == "assistant_model")
    held = (value for part in drafts for value in walker.evaluator.evaluate(part, frame))
    parts = frozenset(value.site for value in held if isinstance(value, ModelValue) and value.site != model.site)
    name = APPLIED if applied else method or "__call__"
    walker.event("predict", call, frame, state, trail, name=name, model=model, parts=parts)
