"""Conditions: whether they hold with the constants and defaults of the repository, and what is chosen by them."""

from __future__ import annotations

from mlscaffold.light import TYPE_CHECKING
from mlscaffold.lint.project.values import Frame, Items, Known, ModelValue, Object, Values, joined
from mlscaffold.lint.syntax import Attribute, Call, Choice, Compare, Constant, Expr, Logic, Name, Subscript

if TYPE_CHECKING:
    from mlscaffold.lint.project.evaluate import Evaluator


def of_choice(evaluator: Evaluator, expr: Choice, frame: Frame) -> Values:
    """`a if test else b`."""
    verdict = evaluator.truth(expr.test, frame)
    if verdict is not None:
        return evaluator.evaluate(expr.body if verdict else expr.other, frame)
    return joined(evaluator.evaluate(expr.body, frame), evaluator.evaluate(expr.other, frame))


def of_logic(evaluator: Evaluator, expr: Logic, frame: Frame) -> Values:
    """`a or b`: any of them."""
    if expr.operator == "not":
        return ()
    return joined(*(evaluator.evaluate(part, frame) for part in expr.values))


def truth(evaluator: Evaluator, test: Expr, frame: Frame) -> bool | None:
    """Whether a condition holds with the constants and defaults of the repository; None: it depends."""
    if isinstance(test, Logic):
        verdicts = [evaluator.truth(part, frame) for part in test.values]
        if test.operator == "not":
            return None if verdicts[0] is None else not verdicts[0]
        wanted = test.operator == "or"
        return wanted if wanted in verdicts else None if None in verdicts else not wanted
    if isinstance(test, Compare):
        return _compared(evaluator, test, frame)
    if not isinstance(test, Name | Attribute | Call | Constant | Subscript):
        return None
    values = evaluator.evaluate(test, frame)
    if len(values) != 1 or not isinstance(values[0], Known) or values[0].value is None:
        return None  # None is what a variable holds before it is set: no verdict
    return _is_on(values[0].value)


def _compared(evaluator: Evaluator, test: Compare, frame: Frame) -> bool | None:
    left, right = evaluator.evaluate(test.left, frame), evaluator.evaluate(test.right, frame)
    if test.operator in ("in", "not in"):
        return _contained(left, right, test.operator)
    if test.operator in ("is", "is not") and right == (Known(None),) and _is_given(test.left, frame):
        return test.operator == "is not"
    if len(left) != 1 or len(right) != 1 or test.operator not in ("==", "!="):
        return None
    one, other = left[0], right[0]
    if not isinstance(one, Known) or not isinstance(other, Known) or None in (one.value, other.value):
        return None
    if "*" in str(one.value) or "*" in str(other.value):
        return None
    return (one.value == other.value) == (test.operator == "==")


def _is_given(expr: Expr, frame: Frame) -> bool:
    """Whether the caller surely gives an object for a parameter that may be left out."""
    given = frame.bound(expr.id) if isinstance(expr, Name) else None
    return bool(given) and all(isinstance(value, Object | ModelValue) for value in given or ())


def _contained(left: Values, right: Values, operator: str) -> bool | None:
    if len(left) != 1 or len(right) != 1 or not isinstance(left[0], Known) or not isinstance(right[0], Items):
        return None
    wanted, keys = left[0].value, [key for key, _ in right[0].pairs]
    if not keys or None in keys or wanted is None or "*" in str(wanted):
        return None
    if all(isinstance(key, str) for key in keys):  # a mapping is asked for its keys
        return (wanted in keys) == (operator == "in")
    members = [value for _, values in right[0].pairs for value in values]
    if not members or not all(isinstance(value, Known) for value in members):
        return None
    return (any(isinstance(value, Known) and value.value == wanted for value in members)) == (operator == "in")


def _is_on(value: str | int | float | bool | None) -> bool:
    return value.strip().lower() not in ("", "0", "false", "no", "off", "none") if isinstance(value, str) else bool(value)
