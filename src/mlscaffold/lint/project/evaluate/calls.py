"""What calls give: functions and classes of the repository, methods of what is held."""

from __future__ import annotations

from collections.abc import Iterable

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.facts import MODULE, Step
from mlscaffold.lint.project import strings
from mlscaffold.lint.project.evaluate.containers import filled
from mlscaffold.lint.project.evaluate.libraries import BARE, PROVIDED
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import (
    REQUEST,
    ClassValue,
    External,
    ExternalObject,
    Frame,
    FunctionValue,
    Items,
    Known,
    ModelValue,
    Object,
    Request,
    Value,
    Values,
    items,
    joined,
)
from mlscaffold.lint.syntax import ANY, Attribute, Call, Name, Subscript

if TYPE_CHECKING:
    from mlscaffold.lint.project.evaluate import Evaluator


_SAME_OBJECT = frozenset(
    "to eval cuda half float cpu bfloat16 double compile share_memory requires_grad_ train_mode unwrap fuse bettertransformer "
    "to_bettertransformer merge_and_unload quantize prepare __enter__ bind with_config enable_model_cpu_offload".split()
)


def of_call(evaluator: Evaluator, expr: Call, frame: Frame) -> Values:
    """A call."""
    function = expr.function
    if isinstance(function, Attribute) and function.name == "__new__" and expr.arguments:
        return tuple(_bare(value) for value in evaluator.evaluate(expr.arguments[0], frame) if isinstance(value, ClassValue))
    if isinstance(function, Attribute):
        held = evaluator.evaluate(function.base, frame)
        if held and function.name == "result" and not any(isinstance(value, Object | External) for value in held):
            return held  # of what runs in a pool: the pool's `submit` gave the answer
        kept = _on_held(evaluator, held, function.name, expr, frame)
        if kept is not None:
            return kept
    values = evaluator.evaluate(function, frame)
    return joined(*(evaluator.called(value, expr, frame) for value in values))


def _bare(value: ClassValue) -> Object:
    """`super().__new__(cls)`"""
    return Object(value.path, value.index, value.parent)


def _on_held(evaluator: Evaluator, held: Values, method: str, expr: Call, frame: Frame) -> Values | None:
    """Methods of what is not code of the repository: models, requests, mappings, texts."""
    for value in held:
        if isinstance(value, ModelValue):
            opened = value.role == "unknown" and method in ("get", "pop", "copy", "items")  # a checkpoint is a mapping
            same = tuple(known for known in held if isinstance(known, ModelValue))
            return same if opened or method in _SAME_OBJECT else ()
        if isinstance(value, Request) and method != "get":
            return (REQUEST,)
        if isinstance(value, Object) and method in _SAME_OBJECT and evaluator.method(value, method) is None:
            return tuple(known for known in held if isinstance(known, Object))  # `Net().to(device)`
        said = strings.said_by(value, method, expr, frame, evaluator)
        if said is not None:
            return said
        if isinstance(value, Items) and method in ("get", "pop", "setdefault", "values", "items", "copy"):
            if method in ("values", "items", "copy") or not expr.arguments:
                base = expr.function.base if isinstance(expr.function, Attribute) else expr.function
                added = evaluator.entries(Subscript(base, ANY, expr.line), frame)
                return joined((value,), items([(None, added)])) if added else (value,)
            return (
                evaluator.subscript(Subscript(expr.function.base, expr.arguments[0], expr.line), frame)
                if isinstance(expr.function, Attribute)
                else ()
            )
        if isinstance(value, Known) and isinstance(value.value, str):
            return (
                (value,)
                if method
                in (
                    "lower",
                    "upper",
                    "strip",
                    "format",
                    "rstrip",
                    "lstrip",
                    "resolve",
                    "absolute",
                    "open",
                    "read_text",
                    "read_bytes",
                    "as_posix",
                    "expanduser",
                )
                else ()
            )
    if method == "get" and len(expr.arguments) == 1 and all(isinstance(value, Request | ExternalObject) for value in held):
        asked = evaluator.evaluate(expr.arguments[0], frame)
        if asked and all(isinstance(value, ClassValue) for value in asked):  # a container of dependencies
            return joined(*(evaluator.called(value, BARE, frame) for value in asked))
    if method == "get" and isinstance(expr.function, Attribute) and not held and expr.arguments:
        return evaluator.entries(Subscript(expr.function.base, expr.arguments[0], expr.line), frame) or None
    return (REQUEST,) if any(isinstance(value, Request) for value in held) else None


def called(evaluator: Evaluator, value: Value, expr: Call, frame: Frame) -> Values:
    """What calling the value gives."""
    if isinstance(value, FunctionValue):
        arguments = [evaluator.evaluate(part, frame) for part in expr.arguments]
        return evaluator.returned(value, arguments, {word: evaluator.evaluate(part, frame) for word, part in expr.keywords})
    if isinstance(value, ClassValue):
        return _made(evaluator, value, expr, frame)
    if isinstance(value, External):
        return evaluator.external(value.name, expr, frame)
    if isinstance(value, Object):
        bound = evaluator.method(value, "__call__")
        return evaluator.called(bound, expr, frame) if bound else ()
    if isinstance(value, Items) and value.pairs and value.pairs[0][0] == PROVIDED:
        return value.pairs[0][1]
    return (value,) if isinstance(value, Request) else ()


def _made(evaluator: Evaluator, value: ClassValue, expr: Call, frame: Frame) -> Values:
    plain = Object(value.path, value.index, value.parent)
    maker = evaluator.method(plain, "__init__")
    if maker is None:
        external = [owner.name for owner in evaluator.lineage(value) if isinstance(owner, External)]
        loaded = joined(*(evaluator.load(name, expr, frame) for name in external))
        if loaded or not (expr.arguments or expr.keywords):
            return joined((plain,), loaded)
    arguments = [_handed_out(evaluator.evaluate(part, frame)) for part in expr.arguments]
    words = {word: _handed_out(evaluator.evaluate(part, frame)) for word, part in expr.keywords}
    made = evaluator.bind(maker, arguments, words) if maker is not None else _filled(evaluator, value, arguments, words)
    return (Object(value.path, value.index, value.parent, made),)


def _filled(evaluator: Evaluator, value: ClassValue, arguments: list[Values], words: dict[str, Values]) -> Frame | None:
    """What the fields of a record hold (a dataclass, a named tuple, a model of pydantic), bound in the body of its class."""
    fields: list[str] = []
    line = evaluator.lineage(value)
    if any(isinstance(owner, External) and owner.name.startswith("pydantic") for owner in line):
        arguments = []  # it takes no field by its place
    for owner in reversed(line):
        module = evaluator.source.module(owner.path) if isinstance(owner, ClassValue) else None
        if module is not None and isinstance(owner, ClassValue):
            body = module.function(module.facts.classes[owner.index].body)
            fields += [step.target.id for step in body.steps if step.annotation is not None and isinstance(step.target, Name)]
    bound = {name: values for name, values in (*zip(fields, arguments, strict=False), *words.items()) if values}
    known = evaluator.source.module(value.path)
    if known is None or not bound:
        return None
    body_index = known.facts.classes[value.index].body
    return evaluator.frame(value.path, body_index, bindings=bound.items(), parent=value.parent)


def bind(evaluator: Evaluator, value: FunctionValue, arguments: Iterable[Values], words: dict[str, Values]) -> Frame:
    """The frame of a call."""
    module = evaluator.source.module(value.path)
    if module is None:
        return evaluator.frame(value.path, MODULE)
    parameters = module.function(value.index).parameters
    static = any(last_name(found) == "staticmethod" for found in module.function(value.index).decorators)
    given = list(arguments)
    if value.itself is not None and not static and module.function(value.index).owner >= 0:
        given.insert(0, (value.itself,))
    bound: dict[str, Values] = {}
    plain = [known for known in parameters if not known.star]
    for known, values in zip(plain, given, strict=False):
        if values:
            bound[known.name] = values
    names = {known.name for known in plain}
    bound.update({word: values for word, values in words.items() if word in names and values})
    rest = next((known.name for known in parameters if known.star == "**"), "")
    extra = tuple((word, values) for word, values in words.items() if word and word not in names and values)
    if rest and extra:
        bound[rest] = items(extra)
    itself = value.itself if isinstance(value.itself, Object) else None
    return evaluator.frame(value.path, value.index, bindings=bound.items(), itself=itself, parent=value.parent)


def returned(evaluator: Evaluator, value: FunctionValue, arguments: Iterable[Values], words: dict[str, Values]) -> Values:
    """What a function of the repository returns or yields."""
    module = evaluator.source.module(value.path)
    if module is None:
        return ()
    frame = evaluator.bind(value, arguments, words)
    answers = (step for step in module.function(value.index).steps if step.kind in ("return", "yield"))
    known = joined(*(_given_back(evaluator, step, frame) for step in answers if evaluator.reached(step, frame, module)))
    return tuple(result for result in known if result != Known(None)) or known


def _given_back(evaluator: Evaluator, step: Step, frame: Frame) -> Values:
    values = evaluator.evaluate(step.value, frame)
    empty = any(isinstance(value, Items) and not value.pairs for value in values)
    return joined(filled(evaluator, step.value, frame), values) if empty else values


def reached(evaluator: Evaluator, step: Step, frame: Frame, module: Module) -> bool:
    """False where the repository's constants and defaults rule the step out."""
    for block, arm in step.context:
        kind, test, _ = module.block(frame.index, block)
        if kind == "typing" and arm == 0:
            return False
        if kind == "if" and (verdict := evaluator.truth(test, frame)) is not None and verdict != (arm == 0):
            return False
    return True


def _handed_out(values: Values) -> Values:
    """A container gives what its providers make, not the providers."""
    if not any(isinstance(value, Items) and value.pairs and value.pairs[0][0] == PROVIDED for value in values):
        return values
    return joined(*(value.pairs[0][1] if isinstance(value, Items) and value.pairs else (value,) for value in values))
