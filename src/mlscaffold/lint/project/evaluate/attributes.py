"""What `x.name` stands for: members of modules, libraries, objects, and what is put on an object elsewhere."""

from __future__ import annotations

from itertools import islice

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.facts import MODULE
from mlscaffold.lint.project.evaluate.containers import picked
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import (
    REQUEST,
    ClassValue,
    External,
    ExternalObject,
    Frame,
    FunctionValue,
    Items,
    ModelValue,
    ModuleValue,
    Object,
    Request,
    Value,
    Values,
    joined,
)
from mlscaffold.lint.project.words import is_asked
from mlscaffold.lint.syntax import Attribute, Call, Mapping, Name, dotted

if TYPE_CHECKING:
    from mlscaffold.lint.project.evaluate import Evaluator


_SHELVES = ("flask.current_app", "quart.current_app", "flask.g", "quart.g", "threading.local", "types.SimpleNamespace")
_NETWORKS = (
    "model",
    "base_model",
    "language_model",
    "encoder",
    "decoder",
    "backbone",
    "module",
    "signatures",
)  # of a loaded model: still that model


def of_attribute(evaluator: Evaluator, expr: Attribute, frame: Frame) -> Values:
    """`x.name`."""
    if isinstance(expr.base, Call) and dotted(expr.base.function) == "super":
        return evaluator.inherited(expr.name, frame)
    if expr.name in ("cleaned_data", "validated_data"):  # of a form, of a serializer
        return (REQUEST,)
    values = evaluator.evaluate(expr.base, frame)
    if any(isinstance(value, ModuleValue) for value in values) and (library := _vendored(evaluator, expr, frame)) is not None:
        return (library,)
    found = joined(*(evaluator.attribute(value, expr.name) for value in values))
    if found and _is_shelf(expr, values) and all(isinstance(value, External) for value in found):
        found = _set_elsewhere(evaluator, expr, ()) or found
    if not found and not any(isinstance(value, ModuleValue | ModelValue) for value in values):
        found = _set_elsewhere(evaluator, expr, values)
    if not found and any(isinstance(value, Request) for value in values):
        return (REQUEST,)
    return found


def _is_shelf(expr: Attribute, values: Values) -> bool:
    """Whether applications put things of their own there: `app.state`, `current_app`."""
    return last_name(expr.base) == "state" or any(
        isinstance(value, External | ExternalObject) and value.name in _SHELVES for value in values
    )


def _vendored(evaluator: Evaluator, expr: Attribute, frame: Frame) -> External | None:
    """`library.Loader` where the library lies in the repository: it is still that library."""
    module = evaluator.source.module(frame.path)
    known = module.imports_in.get(MODULE, {}).get(expr.base.id) if module and isinstance(expr.base, Name) else None
    if known is None or known.name or known.level:
        return None
    name = f"{known.module}.{expr.name}"
    return External(name) if evaluator.catalog.loads.get(name) else None


def attribute(evaluator: Evaluator, value: Value, name: str) -> Values:
    """An attribute of one value."""
    if isinstance(value, ModuleValue):
        return evaluator.member(value.path, name)
    if isinstance(value, External):
        set_there = _setting(evaluator, name) if value.name == "django.conf.settings" else ()
        return set_there or (External(f"{value.name}.{name}"),)
    if isinstance(value, ExternalObject):
        if value.name == "argparse.ArgumentParser.parse_args":
            return evaluator.option(value.site.path, name)
        made = evaluator.catalog.loads.get(value.name)
        if made is not None and made.constructor and not name.startswith("load"):
            return ()  # a layer of a network that was made without weights
        return (External(f"{value.name}.{name}"),)
    if isinstance(value, Object):
        return (ClassValue(value.path, value.index, value.parent),) if name == "__class__" else evaluator.of_object(value, name)
    if isinstance(value, ClassValue):
        return evaluator.of_class(value, name)
    if isinstance(value, ModelValue):
        return (value,) if name in _NETWORKS or is_asked(name) else ()
    if isinstance(value, Items):
        named = picked(value, name)
        return named if named else (value,) if name in ("values", "items", "copy") else ()
    return ()


def _setting(evaluator: Evaluator, name: str) -> Values:
    """What a Django project's settings, which run with it, say under that name."""
    modules = (path for path in evaluator.scope if path.endswith("settings.py") or "/settings/" in path)
    return joined(*(evaluator.member(path, name) for path in modules))


def _set_elsewhere(evaluator: Evaluator, expr: Attribute, values: Values) -> Values:
    """`app.state.model`, `request.app["model"]`, `ctx.model`: what the deployable assigns to an attribute of that name."""
    if any(isinstance(value, Object | ClassValue | Items) for value in values) or expr.name.startswith("__"):
        return ()
    key = ("." + expr.name, None)
    if key not in evaluator.shelves:
        evaluator.shelves[key] = ()
        found: list[Values] = []
        outside = (
            known
            for known in evaluator.set_attributes.get(expr.name, ())
            if isinstance(known[3], Attribute) and dotted(known[3].base) not in ("self", "cls")
        )
        for path, index, step, _ in islice(outside, 8):
            found.append(evaluator.assigned(expr.name, step, evaluator.free_frame(path, index)))
        if last_name(expr.base) == "state":
            found += _yielded(evaluator, expr.name)
        evaluator.shelves[key] = tuple(
            value for value in joined(*found) if isinstance(value, Object | ModelValue | FunctionValue | Items)
        )
    return evaluator.shelves[key]


def _yielded(evaluator: Evaluator, name: str) -> list[Values]:
    """What a lifespan puts into the state of every request: `yield {"model": model}`."""
    found: list[Values] = []
    for path in evaluator.scope:
        module = evaluator.source.module(path)
        for index, function in enumerate(module.facts.functions if module else ()):
            tables = [step.value for step in function.steps if step.kind == "yield" and isinstance(step.value, Mapping)]
            held = (evaluator.evaluate(table, evaluator.free_frame(path, index)) for table in tables if function.is_generator)
            found += [picked(value, name) for values in held for value in values if isinstance(value, Items)]
    return found
