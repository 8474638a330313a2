"""What names stand for: in a function, around it, in a module, and what assignments put there."""

from __future__ import annotations

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.facts import MODULE, Import, Step
from mlscaffold.lint.project.evaluate.containers import elements, unpacked
from mlscaffold.lint.project.evaluate.parameters import BUILTINS
from mlscaffold.lint.project.source import Module
from mlscaffold.lint.project.values import (
    REQUEST,
    ClassValue,
    External,
    ExternalObject,
    Frame,
    FunctionValue,
    Known,
    ModuleValue,
    Object,
    Request,
    Site,
    Values,
    joined,
    written,
)
from mlscaffold.lint.syntax import ANY, Attribute, Collection, Name, Subscript

if TYPE_CHECKING:
    from mlscaffold.lint.project.evaluate import Evaluator


_REQUESTS = ("flask.request", "quart.request", "bottle.request", "flask_restx.reqparse", "flask_restful.reqparse")


def of_name(evaluator: Evaluator, expr: Name, frame: Frame) -> Values:
    """A name."""
    return evaluator.name(expr.id, frame)


def name(evaluator: Evaluator, name: str, frame: Frame) -> Values:
    """What a bare name stands for, looked up from the inside outwards."""
    scope: Frame | None = frame
    while scope is not None:
        module = evaluator.source.module(scope.path)
        if module is None:
            return ()
        found = _in_scope(evaluator, name, scope, module)
        if found is not None:
            return found
        scope = scope.parent
    return (External(name),) if name in BUILTINS else ()


def _in_scope(evaluator: Evaluator, name: str, frame: Frame, module: Module) -> Values | None:
    bound = frame.bound(name)
    steps = module.locals_of(frame.index).get(name, ())
    assigned = joined(*[evaluator.assigned(name, step, frame) for step in steps]) if steps else ()
    if bound is not None:
        return joined(bound, assigned)
    function = module.function(frame.index)
    for parameter in function.parameters:
        if parameter.name == name:
            return joined(evaluator.unbound(parameter, frame, module), assigned)
    defined = module.nested.get(frame.index, {}).get(name)
    if defined is not None:
        return joined((FunctionValue(frame.path, defined, frame),), assigned)
    made = module.classes_in.get(frame.index, {}).get(name)
    if made is not None:
        return (ClassValue(frame.path, made, frame),)
    known = module.imports_in.get(frame.index, {}).get(name)
    if known is not None:
        return joined(evaluator.imported(known, module), assigned)
    if frame.index == MODULE:
        shared = module.shared.get(name, ())
        if shared:
            told = [evaluator.assigned(name, step, evaluator.free_frame(frame.path, index)) for index, step in shared]
            assigned = joined(assigned, *told)
        if steps and all(value == Known(None) for value in assigned):
            assigned = joined(assigned, _set_from_outside(evaluator, name, frame.path))
        if not steps and not assigned:
            return _starred(evaluator, name, module)
    return assigned if steps or assigned else None


def _set_from_outside(evaluator: Evaluator, name: str, path: str) -> Values:
    """`module.name = …` in another module of the deployable."""
    found: list[Values] = []
    for setter, index, step, target in evaluator.set_attributes.get(name, ()):
        there = evaluator.free_frame(setter, index)
        base = target.base if isinstance(target, Attribute) else None
        if isinstance(base, Name) and ModuleValue(path) in evaluator.evaluate(base, there):
            found.append(evaluator.assigned(name, step, there))
    return joined(*found)


def assigned(evaluator: Evaluator, name: str, step: Step, frame: Frame) -> Values:
    """What an assignment, a `with` or a `for` puts into a name."""
    if step.kind == "with":
        return _entered(evaluator, evaluator.evaluate(step.value, frame))
    if isinstance(step.value, Name) and step.value == step.target and frame.parent is not None:
        module = evaluator.source.module(frame.path)
        if module is None or name in module.function(frame.index).shared:
            return ()  # `global name`, `name = name`
        return evaluator.name(name, frame.parent)  # `Name = Name` in a class takes the one outside
    values = written(evaluator.evaluate(step.value, frame), Site(frame.path, step.line))
    if step.kind == "for":
        added = (
            evaluator.entries(Subscript(step.value, ANY, step.line), frame) if isinstance(step.value, Name | Attribute) else ()
        )
        values = joined(elements(values), added)
    if step.annotation is not None and all(isinstance(value, External | ExternalObject | Request) for value in values):
        told = evaluator.annotated(step.annotation, frame)
        return told if not values or any(isinstance(value, Object) for value in told) else values
    if isinstance(step.target, Collection):
        return unpacked(values, step.target, name)
    return values


def _entered(evaluator: Evaluator, values: Values) -> Values:
    found: list[Values] = []
    for value in values:
        entered = evaluator.method(value, "__enter__") or evaluator.method(value, "__aenter__")
        found.append(evaluator.returned(entered, (), {}) if entered else (value,))
    return joined(*found)


def imported(evaluator: Evaluator, known: Import, module: Module) -> Values:
    """What an import binds: a module, a member of it, or something external."""
    path = evaluator.imports.resolve(module.path, known.module, known.level)
    if path and path.endswith("/") and not known.name and known.module in evaluator.catalog.libraries:
        path = None  # a folder without `__init__.py` that happens to be called like a library is not that library
    if known.name and not known.level and evaluator.catalog.loads.get(f"{known.module}.{known.name}"):
        return (External(f"{known.module}.{known.name}"),)  # a library that lies in the repository is still that library
    if not known.name:
        if known.alias or "." not in known.module:
            return (ModuleValue(path),) if path else (External(known.module),)
        top = known.module.partition(".")[0]
        path = evaluator.imports.resolve(module.path, top)
        return (ModuleValue(path),) if path else (External(top),)
    if path is None and f"{known.module}.{known.name}" in _REQUESTS:
        return (REQUEST,)
    if path is None:
        return (External(f"{known.module}.{known.name}" if known.module else known.name),)
    found = _guarded_member(evaluator, path, known.name)
    if not found and not known.level and path.endswith("/"):
        return (External(f"{known.module}.{known.name}"),)
    return found


def member(evaluator: Evaluator, path: str, name: str) -> Values:
    """An attribute of a module of the repository."""
    module = evaluator.source.module(path)
    if module is not None:
        found = _in_scope(evaluator, name, evaluator.frame(path, MODULE), module)
        if found:
            return found
    inner = evaluator.imports.member(path, name)
    return (ModuleValue(inner),) if inner else ()


def _starred(evaluator: Evaluator, name: str, module: Module) -> Values | None:
    for known in module.stars:
        path = evaluator.imports.resolve(module.path, known.module, known.level)
        if path and path != module.path and (found := _guarded_member(evaluator, path, name)):
            return found
        if path is None and evaluator.catalog.loads.get(f"{known.module}.{name}"):
            return (External(f"{known.module}.{name}"),)
    return None


def _guarded_member(evaluator: Evaluator, path: str, name: str) -> Values:
    key = (path, name)  # modules that import a name from each other have no bottom
    if key in evaluator.importing:
        return ()
    evaluator.importing.add(key)
    try:
        return evaluator.member(path, name)
    finally:
        evaluator.importing.discard(key)
