"""The places that a finding shows on the way: where a thing is kept, held, made."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.facts import MODULE, Step
from mlscaffold.lint.project.events import Spot
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import Frame, Object, Value
from mlscaffold.lint.syntax import Attribute, Call, Name, Subscript

if TYPE_CHECKING:
    from mlscaffold.lint.project.walk import Walker


def kept_in(step: Step, frame: Frame, module: Module) -> Iterator[Spot]:
    """Where a step, or one after it, puts what it makes: `x = load(name)`, `cache[name] = x`."""
    if isinstance(step.target, Subscript):
        yield from _container(step, frame, module)
    if step.kind != "assign" or not isinstance(step.target, Name) or not isinstance(step.value, Call):
        return
    for other in module.function(frame.index).steps:
        if isinstance(other.target, Subscript) and isinstance(other.value, Name) and other.value.id == step.target.id:
            yield Spot(frame.path, other.line, "kept here", passed=True)
            yield from _container(other, frame, module)


def _container(step: Step, frame: Frame, module: Module) -> Iterator[Spot]:
    """Where the mapping is made that a step puts something into."""
    base = step.target.base if isinstance(step.target, Subscript) else None
    name = base.id if isinstance(base, Name) else ""
    scope: Frame | None = frame if name else None
    lines: list[int] = []
    while scope is not None and not lines:
        lines = [known.line for known in module.locals_of(scope.index).get(name, ())]
        scope = scope.parent
    if isinstance(base, Attribute):
        lines = [known.line for _, known, target in module.attributes.get(base.name, ()) if isinstance(target, Attribute)]
    if lines:
        yield Spot(module.path, lines[0], f"kept in {last_name(base) if base else ''}", passed=True)


def holders(walker: Walker, frame: Frame) -> Iterator[Spot]:
    """The function and the class that something happens in."""
    module = walker.evaluator.source.module(frame.path)
    if module is None or frame.index == MODULE:
        return
    function = module.function(frame.index)
    yield Spot(frame.path, function.line, f"in {function.name}", passed=True)
    owner = module.class_of(frame.index)
    if owner is not None:
        yield Spot(frame.path, owner.line, f"in {owner.name}", passed=True)
    if owner is not None and function.name != "__init__":
        yield from _made_at(walker, frame.itself, owner.name)


def _made_at(walker: Walker, itself: Value | None, name: str) -> Iterator[Spot]:
    """Where the object whose method runs was made, if that is at one place."""
    module = walker.evaluator.source.module(itself.path) if isinstance(itself, Object) else None
    name = module.facts.classes[itself.index].name if module is not None and isinstance(itself, Object) else name
    places = {(path, call.line) for path, _, call in walker.evaluator.calls_of(name)}
    if len(places) == 1:
        path, line = places.pop()
        yield Spot(path, line, f"{name} is made here", passed=True)
