"""What frameworks and containers call or make for a function: `Depends`, `@inject`, providers, `container.get`."""

from __future__ import annotations

from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint.project.events import Spot, State
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import ClassValue, Frame, FunctionValue
from mlscaffold.lint.syntax import Call, Constant, Expr, children

if TYPE_CHECKING:
    from mlscaffold.lint.project.walk import Walker


def injected(walker: Walker, frame: Frame, module: Module, state: State, trail: tuple[Spot, ...]) -> None:
    """`@inject`: a container makes the objects of the annotated classes, once."""
    kept = replace(state, kept=True)
    for parameter in module.function(frame.index).parameters:
        if parameter.annotation is None or frame.bound(parameter.name) is not None:
            continue
        for value in walker.evaluator.evaluate(parameter.annotation, frame.parent or frame):
            if isinstance(value, ClassValue):
                walker.call_value(
                    value, Call(parameter.annotation, (), (), module.function(frame.index).line, 1, False), frame, kept, trail
                )


def depends(walker: Walker, expr: Expr, frame: Frame, state: State, trail: tuple[Spot, ...], told: Expr | None = None) -> None:
    """`= Depends(f)` and `Annotated[T, Depends(f)]`: the framework calls `f` for each request, or else the type it is told."""
    outer = frame.parent or frame
    alias = walker.evaluator.alias(expr, outer)
    waiting = [alias[0] if alias else expr]
    outer = alias[1] if alias else outer
    while waiting:
        part = waiting.pop()
        waiting += children(part)
        if not isinstance(part, Call) or last_name(part.function) not in ("Depends", "Security", "Provide"):
            continue
        made = part.arguments[0] if part.arguments else told
        for value in walker.evaluator.evaluate(made, outer) if made is not None else ():
            plain = isinstance(value, FunctionValue) and not walker.is_async(value)
            within = replace(state, loop=False) if plain else state
            walker.call_value(value, Call(part.function, (), (), part.line, part.column, False), outer, within, trail)


def from_container(walker: Walker, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    """`container.get(Class)` makes the object, once."""
    if last_name(call.function) != "get" or len(call.arguments) != 1 or isinstance(call.arguments[0], Constant):
        return
    for value in walker.evaluator.evaluate(call.arguments[0], frame):
        if isinstance(value, ClassValue):
            made = Call(call.function, (), (), call.line, call.column, awaited=False)
            walker.call_value(value, made, frame, replace(state, kept=True), trail)


def provided(walker: Walker, call: Call, frame: Frame, state: State, trail: tuple[Spot, ...]) -> None:
    """`providers.Singleton(Class, …)`: a container makes the object when it is first asked for it."""
    made = Call(call.function, call.arguments[1:], call.keywords, call.line, call.column, awaited=False)
    kept = replace(state, moment="lazy", kept=True)
    for value in walker.evaluator.evaluate(call.arguments[0], frame) if call.arguments else ():
        if isinstance(value, ClassValue):
            walker.call_value(value, made, frame, kept, trail)
