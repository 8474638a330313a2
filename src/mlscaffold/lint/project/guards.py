"""Conditions that make a load happen once: `if model is None`, `if name not in cache`, `if self.ready: return`,
`except KeyError`."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.lint.facts import MODULE
from mlscaffold.lint.project.source import Module
from mlscaffold.lint.project.values import Frame
from mlscaffold.lint.syntax import (
    Attribute,
    Call,
    Collection,
    Compare,
    Constant,
    Expr,
    Logic,
    Name,
    Subscript,
    children,
    dotted,
    names_in,
    walk,
)

_NOT_THERE = frozenset(("KeyError", "AttributeError", "NameError", "IndexError", "LookupError", "UnboundLocalError"))

_OF_REQUEST = frozenset(
    "headers form args json query_params path_params cookies files values GET POST META FILES data body method url query".split()
)


def keeps(test: Expr, arm: int, frame: Frame, module: Module) -> bool:
    """Whether the arm of an `if` runs only while something that outlives the call is not there yet."""
    verdict = _empty(test, frame, module)
    return verdict is not None and verdict == (arm == 0)


def missed(block: int, arm: int, frame: Frame, module: Module) -> list[Expr]:
    """What a body did not find and a handler makes to outlive the call: `except KeyError: cache[name] = load(name)`."""
    known, function = module.block(frame.index, block), module.function(frame.index)
    caught = known.test.items if isinstance(known.test, Collection) else ()
    if not 0 < arm <= len(caught) or not _NOT_THERE.issuperset(names_in(caught[arm - 1]) or ("",)):
        return []
    stored = (step.target for step in function.steps if (block, arm) in step.context and step.target is not None)
    if not any(outlives(target, frame, module) for target in stored):
        return []
    asked = (part for step in function.steps if (block, 0) in step.context for part in walk(step.value))
    return [part for part in asked if isinstance(part, Name | Attribute | Subscript) and outlives(part, frame, module)]


def _empty(test: Expr, frame: Frame, module: Module) -> bool | None:
    """True when the test says "not there yet", False when it says "there", None when it asks something else."""
    if isinstance(test, Logic):
        if test.operator == "not":
            inner = _empty(test.values[0], frame, module)
            return None if inner is None else not inner
        verdicts = [verdict for part in test.values if (verdict := _empty(part, frame, module)) is not None]
        return verdicts[0] if verdicts else None
    if isinstance(test, Compare):
        return _compared(test, frame, module)
    if isinstance(test, Call):
        if dotted(test.function) == "hasattr":
            return False
        if dotted(test.function) == "len":
            return False if test.arguments and outlives(test.arguments[0], frame, module) else None
        # `.get(key)` and `.is_loaded()` of something that lasts
        return False if isinstance(test.function, Attribute) and outlives(test.function.base, frame, module) else None
    there = isinstance(test, Name | Attribute | Subscript) and outlives(test, frame, module)
    return False if there or _is_looked_up(test, frame, module) else None


def _compared(test: Compare, frame: Frame, module: Module) -> bool | None:
    if test.operator in ("in", "not in"):
        return (test.operator == "not in") if outlives(test.right, frame, module) else None
    if (
        test.operator in ("is", "is not", "==", "!=")
        and isinstance(test.right, Constant)
        and test.right.value in (None, False, 0)
    ):
        counted = isinstance(test.left, Call) and _empty(test.left, frame, module) is False  # `len(models) == 0`
        there = counted or outlives(test.left, frame, module) or _is_looked_up(test.left, frame, module)
        return (test.operator in ("is", "==")) if there else None
    if isinstance(test.right, Constant) or isinstance(test.left, Constant):
        return None  # `if backend == "onnx"` asks for a setting, not for what is there already
    if test.operator in ("!=", "is not"):  # `if self.model_name != wanted: load`
        return True if outlives(test.left, frame, module) or outlives(test.right, frame, module) else None
    if test.operator == "==":
        return False if outlives(test.left, frame, module) or outlives(test.right, frame, module) else None
    return None


def _is_looked_up(expr: Expr, frame: Frame, module: Module) -> bool:
    """A local that was fetched from something that lasts: `model = cache.get(name)`."""
    if not isinstance(expr, Name):
        return False
    for step in module.locals_of(frame.index).get(expr.id, ()):
        value = step.value
        if isinstance(value, Call) and isinstance(value.function, Attribute) and value.function.name in ("get", "pop"):
            return outlives(value.function.base, frame, module)
        if isinstance(value, Call) and dotted(value.function) == "getattr":
            return True
        if isinstance(value, Subscript) and outlives(value.base, frame, module):
            return True
    return False


def outlives(expr: Expr, frame: Frame, module: Module) -> bool:
    """Whether the place lasts longer than the call: an attribute, a name of the module."""
    if isinstance(expr, Attribute):
        base = dotted(expr.base)
        if base.rpartition(".")[2] in ("request", "req") and expr.name in _OF_REQUEST:
            return False
        if isinstance(expr.base, Call) and dotted(expr.base.function) == "type":
            return True
        return bool(base) and not base.startswith(("request.form", "request.args", "payload", "data.", "args."))
    if isinstance(expr, Subscript):
        return outlives(expr.base, frame, module)
    if isinstance(expr, Call):
        if dotted(expr.function) == "globals":
            return True
        return isinstance(expr.function, Attribute) and outlives(expr.function.base, frame, module)
    if not isinstance(expr, Name) or frame.index == MODULE:
        return False
    function = module.function(frame.index)
    if expr.id in function.shared:
        return True
    if expr.id in module.locals_of(frame.index) or any(known.name == expr.id for known in function.parameters):
        return False
    return expr.id in module.locals_of(MODULE) or expr.id in module.shared or _is_around(expr.id, frame, module)


def asks_itself(test: Expr) -> bool:
    """Whether a test looks at fields of the object alone: `if self.model is None`."""
    looked = [dotted(part) for part in walk(test) if isinstance(part, Attribute)]
    return bool(looked) and all(name.startswith("self.") and name.count(".") == 1 for name in looked)


def _is_around(name: str, frame: Frame, module: Module) -> bool:
    """Whether a function around this one has a variable of that name: an application that a function makes."""
    parent = module.function(frame.index).parent
    while parent > MODULE:
        if name in module.locals_of(parent):
            return True
        parent = module.function(parent).parent
    return False


def keys(test: Expr, frame: Frame, module: Module) -> Iterator[Expr]:
    """What a guard may look things up by: the parts of its test, and those of `x = cache.get(key)` where it asks for `x`."""
    for part in children(test):
        yield part
        steps = module.locals_of(frame.index).get(part.id, ()) if isinstance(part, Name) else ()
        for step in steps:
            if isinstance(step.value, Call | Subscript) and _is_looked_up(part, frame, module):
                yield from children(step.value)
