"""Conditions of the route: small expressions over what came and what was answered, one truth for each row.

`max(quick.probabilities) < 0.8`, `quick.label == 3 or mean(request.image) < 1`: comparisons, and, or, not, arithmetic,
an index, and the functions below, which take all values of a row together.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from serving.tensors import Array

Operand = Any  # a tensor with its rows first, or a plain number or text
Values = Mapping[str, Mapping[str, Array]]  # "request" or a stage -> its tensors by name, rows first


class ConditionInvalid(Exception):
    """An expression that cannot be read, or that does not give one truth for each row."""


def _over_rows(reduce: Callable[..., Any]) -> Callable[[Array], Array]:
    return lambda values: np.asarray(reduce(values.reshape(len(values), -1), axis=1))


FUNCTIONS: dict[str, Callable[[Array], Array]] = {
    "max": _over_rows(np.max),
    "min": _over_rows(np.min),
    "mean": _over_rows(np.mean),
    "sum": _over_rows(np.sum),
    "argmax": _over_rows(np.argmax),
    "any": _over_rows(np.any),
    "all": _over_rows(np.all),
    "abs": np.abs,
}
OPERATORS: dict[type[ast.AST], Callable[..., Any]] = {
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.And: np.logical_and,
    ast.Or: np.logical_or,
    ast.Not: np.logical_not,
    ast.USub: operator.neg,
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
}
ALLOWED = (ast.Compare, ast.BoolOp, ast.UnaryOp, ast.BinOp, ast.Call, ast.Attribute, ast.Subscript, ast.Constant)


class Condition:
    """One expression, read once; `uses` are the (place, tensor) pairs that it names."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.uses: set[tuple[str, str]] = set()
        try:
            self._tree = ast.parse(text, mode="eval").body
        except (SyntaxError, ValueError, RecursionError) as error:
            raise ConditionInvalid(f"{text!r} is no condition: {error}") from error
        self._check(self._tree)

    def __call__(self, values: Values, rows: int) -> Array:
        """For each row whether it holds.

        Raises:
            ConditionInvalid: it gives more or less than one truth a row.
        """
        try:
            truths = np.asarray(self._value(self._tree, values))
        except (TypeError, ValueError, IndexError, KeyError) as error:
            raise ConditionInvalid(f"{self.text!r}: {error}") from error
        if truths.ndim == 2 and truths.shape[1] == 1:
            truths = truths[:, 0]
        if truths.shape != (rows,) or truths.dtype != np.bool_:
            raise ConditionInvalid(
                f"{self.text!r}: expected one truth a row, got shape {truths.shape}; use max, mean, an index …"
            )
        return truths

    def _check(self, node: ast.expr) -> None:
        if not isinstance(node, ALLOWED):
            raise ConditionInvalid(f"{self.text!r}: {ast.unparse(node)!r} is not allowed in a condition")
        if isinstance(node, ast.Attribute):
            if not isinstance(node.value, ast.Name):
                raise ConditionInvalid(
                    f"{self.text!r}: expected stage.output or request.input, got {ast.unparse(node)!r}"
                )
            self.uses.add((node.value.id, node.attr))
            return
        if isinstance(node, ast.Call):
            self._check_call(node)
            return
        if isinstance(node, ast.Subscript):
            self._check_subscript(node)
            return
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.expr):
                self._check(child)
            elif not isinstance(child, tuple(OPERATORS)):
                raise ConditionInvalid(f"{self.text!r}: {type(child).__name__} is not allowed in a condition")

    def _check_call(self, node: ast.Call) -> None:
        named = node.func.id if isinstance(node.func, ast.Name) else ""
        if named not in FUNCTIONS or len(node.args) != 1 or node.keywords:
            raise ConditionInvalid(f"{self.text!r}: expected one of {', '.join(FUNCTIONS)} with one argument")
        self._check(node.args[0])

    def _check_subscript(self, node: ast.Subscript) -> None:
        place = node.slice
        if isinstance(place, ast.Constant) and isinstance(place.value, str) and isinstance(node.value, ast.Name):
            self.uses.add((node.value.id, place.value))  # stage["a name that is no identifier"]
        elif isinstance(place, ast.Constant) and isinstance(place.value, int):
            self._check(node.value)
        else:
            raise ConditionInvalid(f"{self.text!r}: expected a number or a name in [ ]")

    def _value(self, node: ast.expr, values: Values) -> Operand:
        match node:
            case ast.Constant(value=value):
                return value
            case ast.Attribute(value=ast.Name(id=place), attr=name):
                return values[place][name]
            case ast.Subscript(value=ast.Name(id=place), slice=ast.Constant(value=str(name))):
                return values[place][name]
            case ast.Subscript(value=inner, slice=ast.Constant(value=index)):
                return self._value(inner, values)[:, index]
            case ast.Call(func=ast.Name(id=name), args=[argument]):
                return FUNCTIONS[name](np.asarray(self._value(argument, values)))
            case ast.UnaryOp(op=operation, operand=operand):
                return OPERATORS[type(operation)](self._value(operand, values))
            case ast.BinOp(left=left, op=operation, right=right):
                return OPERATORS[type(operation)](self._value(left, values), self._value(right, values))
            case ast.BoolOp(op=operation, values=parts):
                truths = self._value(parts[0], values)
                for part in parts[1:]:
                    truths = OPERATORS[type(operation)](truths, self._value(part, values))
                return truths
            case ast.Compare(left=left, ops=operations, comparators=rights):
                return self._compared(left, operations, rights, values)
        raise AssertionError(f"{type(node).__name__} was let through by the check")

    def _compared(self, left: ast.expr, operations: list[ast.cmpop], rights: list[ast.expr], values: Values) -> Operand:
        truths: Operand = True
        one = self._value(left, values)
        for operation, right in zip(operations, rights, strict=True):
            two = self._value(right, values)
            truths = np.logical_and(truths, OPERATORS[type(operation)](one, two))
            one = two
        return truths
