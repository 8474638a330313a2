"""How often a loop runs, as far as constants of the repository say it."""

from __future__ import annotations

from mlscaffold.light import expression
from mlscaffold.lint.project.evaluate import Evaluator
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import Frame, Known
from mlscaffold.lint.syntax import Attribute, Call, Constant, Expr, Name, Other, Subscript

DEEPEST = 5
_LIMITS = frozenset("limit fetchmany islice head nlargest nsmallest sample tail take first".split())
_WORDS = frozenset("limit batch_size chunk_size count max_rows size n rows top_k".split())
_SQL = expression(r"(?i)\bLIMIT\s+(\d+)\b")
_COUNT = expression(r"(?i)batch|limit|max|size|rows|chunk|count|^n_|most")


def times(iterable: Expr, frame: Frame, evaluator: Evaluator, depth: int = 0) -> int:
    """The number of items that an expression gives; 0 where nobody knows."""
    if depth > DEEPEST:
        return 0
    if isinstance(iterable, Call):
        return _of_call(iterable, frame, evaluator, depth)
    if isinstance(iterable, Subscript):  # rows[:BATCH_SIZE]
        parts = iterable.index.parts if isinstance(iterable.index, Other) else ()
        named = len(parts) == 1 and _COUNT.search(last_name(parts[0]))
        return _number(parts[0], frame, evaluator) if named else 0
    if isinstance(iterable, Name):
        module = evaluator.source.module(frame.path)
        steps = module.locals_of(frame.index).get(iterable.id, ()) if module else ()
        assigned = [step.value for step in steps if step.kind == "assign"]
        return times(assigned[0], frame, evaluator, depth + 1) if len(assigned) == 1 else 0
    return 0


def _of_call(call: Call, frame: Frame, evaluator: Evaluator, depth: int) -> int:
    name = last_name(call.function)
    if name == "range":
        numbers = [_number(part, frame, evaluator) for part in call.arguments]
        if len(numbers) == 1:
            return numbers[0]
        known = isinstance(call.arguments[0], Constant) if call.arguments else False
        return max(0, numbers[1] - numbers[0]) if len(numbers) == 2 and known else 0
    if name in ("enumerate", "tqdm", "list", "tuple", "sorted", "reversed", "iter", "track") and call.arguments:
        return times(call.arguments[0], frame, evaluator, depth + 1)
    if name in _LIMITS and call.arguments:
        return _number(call.arguments[-1], frame, evaluator)
    for word, part in call.keywords:
        if word in _WORDS and (number := _number(part, frame, evaluator)):
            return number
    for part in call.arguments:
        for value in evaluator.evaluate(part, frame) if not isinstance(part, Call) else ():
            if isinstance(value, Known) and isinstance(value.value, str) and (found := _SQL.search(value.value)):
                return int(found[1])
    return times(call.function.base, frame, evaluator, depth + 1) if isinstance(call.function, Attribute) else 0


def _number(expr: Expr, frame: Frame, evaluator: Evaluator) -> int:
    known = [value.value for value in evaluator.evaluate(expr, frame) if isinstance(value, Known)]
    return known[0] if len(known) == 1 and isinstance(known[0], int) and not isinstance(known[0], bool) and known[0] > 0 else 0
