"""What parameters stand for where no call is known to bind them: defaults, annotations, what callers give."""

from __future__ import annotations

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.facts import MODULE, FunctionFacts, Parameter
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import (
    ClassValue,
    External,
    ExternalObject,
    Frame,
    Known,
    Object,
    Site,
    Value,
    Values,
    joined,
    softened,
)
from mlscaffold.lint.syntax import Attribute, Call, Collection, Constant, Expr, Name, Other, Subscript

if TYPE_CHECKING:
    from mlscaffold.lint.project.evaluate import Evaluator

MOST_CALLS = 20  # of one name, that are kept: who calls what everybody calls says nothing of it
BUILTINS = frozenset(
    "open str int float bool list dict tuple set sorted next iter getattr setattr len map filter range zip "
    "enumerate print input super "
    "type object staticmethod classmethod property isinstance sum min max any all bytes".split()
)


def unbound(evaluator: Evaluator, parameter: Parameter, frame: Frame, module: Module) -> Values:
    """A parameter that no call is known to bind: `self`, its default, what it is annotated with."""
    function = module.function(frame.index)
    if function.owner >= 0 and function.parameters and parameter is function.parameters[0] and frame.itself is not None:
        made = frame.itself
        of_class = function.name == "__new__" or any(last_name(part) == "classmethod" for part in function.decorators)
        return (ClassValue(made.path, made.index, made.parent),) if of_class and isinstance(made, Object) else (made,)
    outer = frame.parent or evaluator.frame(frame.path, MODULE)
    values: Values = ()
    if parameter.default is not None:
        values = softened(evaluator.evaluate(parameter.default, outer))
    if parameter.annotation is not None and (not values or values == (Known(None),)):
        values = joined(values, evaluator.annotated(parameter.annotation, outer))
    asked = not frame.bindings and parameter.default is None and not parameter.star
    if asked and not values:
        values = _given_by_callers(evaluator, parameter, frame, module)
    elif asked and function.name == "__init__" and all(isinstance(value, Object) for value in values):
        built = _given_by_callers(evaluator, parameter, frame, module)  # what was made says more than what it was said to be
        values = built if any(isinstance(value, Object) for value in built) else values
    return values


def _given_by_callers(evaluator: Evaluator, parameter: Parameter, frame: Frame, module: Module) -> Values:
    """What the calls of the deployable give to a parameter, where the call at hand is not known."""
    function = module.function(frame.index)
    owner = module.class_of(frame.index)
    name = owner.name if owner is not None and function.name == "__init__" else function.name
    plain = [known.name for known in function.parameters if not known.star]
    place = plain.index(parameter.name) - (1 if owner is not None else 0)
    found: list[Values] = []
    for path, index, call in evaluator.calls_of(name)[:6]:
        given = dict(call.keywords).get(parameter.name)
        if given is None and 0 <= place < len(call.arguments):
            given = call.arguments[place]
        if given is not None and not isinstance(given, Constant):
            found.append(evaluator.evaluate(given, evaluator.free_frame(path, index)))
    if place == 0:
        found.append(_decorated_with(evaluator, function, module))
    return tuple(value for value in joined(*found) if not isinstance(value, Known))


def _decorated_with(evaluator: Evaluator, function: FunctionFacts, module: Module) -> Values:
    """The classes of the deployable that a function is given as their decorator, bare or made by the function around it."""
    made_by = module.function(function.parent).name if function.parent > MODULE else ""
    known = _decorated(evaluator)
    found = sorted((*known.get((False, function.name), ()), *known.get((True, made_by), ())))
    return joined(tuple(ClassValue(path, place, evaluator.frame(path, MODULE)) for _, path, place in found))


def _decorated(evaluator: Evaluator) -> dict[tuple[bool, str], list[tuple[int, str, int]]]:
    """The decorated classes of the deployable, by whether the decorator is called and by its name: rank, file, class."""
    if evaluator.decorated is None:
        evaluator.decorated = {}
        for rank, path in enumerate(evaluator.scope):
            module = evaluator.source.module(path)
            for place, known in enumerate(module.facts.classes if module else ()):
                for decorator in known.decorators:
                    called = isinstance(decorator, Call)
                    name = last_name(decorator.function if isinstance(decorator, Call) else decorator)
                    evaluator.decorated.setdefault((called, name), []).append((rank, path, place))
    return evaluator.decorated


def calls_of(evaluator: Evaluator, name: str) -> list[tuple[str, int, Call]]:
    """The calls of something of that name in the deployable, the first of many: file, function, call."""
    if evaluator.callers is None:
        evaluator.callers = {}
        for path in evaluator.scope:
            module = evaluator.source.module(path)
            for index, _, call in module.calls() if module else ():
                known = evaluator.callers.setdefault(last_name(call.function), [])
                if len(known) < MOST_CALLS:
                    known.append((path, index, call))
    return evaluator.callers.get(name, []) if len(name) > 3 else []


def annotated(evaluator: Evaluator, annotation: Expr, frame: Frame) -> Values:
    """An object of the annotated class; `Annotated[T, Depends(f)]` gives what `f` returns."""
    if isinstance(annotation, Subscript):
        head = last_name(annotation.base)
        parts = annotation.index.items if isinstance(annotation.index, Collection) else (annotation.index,)
        if head == "Annotated":
            given = joined(*(evaluator.evaluate(part, frame) for part in parts[1:]))
            return given or evaluator.annotated(parts[0], frame)
        if head in ("Optional", "Union", "ClassVar", "Final"):
            return joined(*(evaluator.annotated(part, frame) for part in parts))
        return ()
    if isinstance(annotation, Other):
        return joined(*(evaluator.annotated(part, frame) for part in annotation.parts))
    alias = evaluator.alias(annotation, frame)
    if alias is not None:
        return evaluator.annotated(*alias)
    values = evaluator.evaluate(annotation, frame) if isinstance(annotation, Name | Attribute) else ()
    found: list[Value] = []
    for value in values:
        if isinstance(value, ClassValue):
            found.append(Object(value.path, value.index, value.parent))
        elif isinstance(value, External) and value.name not in BUILTINS and not value.name.startswith("typing."):
            found.append(ExternalObject(value.name, Site(frame.path, 0)))
    return tuple(found)


def alias(evaluator: Evaluator, annotation: Expr, frame: Frame) -> tuple[Expr, Frame] | None:
    """What `Injected = Annotated[T, Depends(f)]` stands for, with the frame it is written in."""
    if not isinstance(annotation, Name):
        return None
    path, name = frame.path, annotation.id
    for _ in range(4):
        module = evaluator.source.module(path)
        if module is None:
            return None
        for step in module.locals_of(MODULE).get(name, ()):
            if isinstance(step.value, Subscript) and last_name(step.value.base) == "Annotated":
                return step.value, evaluator.frame(path, MODULE)
        known = module.imports_in.get(MODULE, {}).get(name)
        following = evaluator.imports.resolve(path, known.module, known.level) if known and known.name else None
        if known is None or following is None or following == path:
            return None
        path, name = following, known.name
    return None
