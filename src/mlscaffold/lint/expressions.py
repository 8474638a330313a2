"""Expressions of the syntax tree -> the few kinds that we reason about."""

from __future__ import annotations

import ast
from collections.abc import Callable

from mlscaffold.light import cast
from mlscaffold.lint.facts import Parameter, StepKind
from mlscaffold.lint.syntax import (
    NOTHING,
    Attribute,
    Call,
    Choice,
    Collection,
    Compare,
    Comprehension,
    Constant,
    Expr,
    Function,
    Join,
    Logic,
    Mapping,
    Name,
    Other,
    Subscript,
)

# What is equal is held once, whatever file it stands in: a third of all expressions are names that were seen before.
_NAMES: dict[str, Name] = {}
_PLAIN: dict[tuple[str, str], Parameter] = {}  # `self`, `*args`
LINES: dict[int, int] = {}


class Expressions:
    """Reads expressions. What is more than a value (a lambda, a `yield`, `:=`) is told to whoever reads the statements around."""

    def __init__(self) -> None:
        self._constants: dict[tuple[type, object], Constant] = {}
        self.aside = False  # inside an expression whose names are held once

    def _step(self, kind: StepKind, target: Expr | None, value: Expr, line: int) -> None:
        """Take note of what happens inside an expression."""
        raise NotImplementedError

    def _inner(self, node: ast.Lambda) -> int:
        """Read a function inside an expression; its number."""
        raise NotImplementedError

    def expr(self, node: ast.expr) -> Expr:
        read = _EXPRESSIONS.get(type(node))
        return self._other(node) if read is None else read(self, node)

    def passing(self, node: ast.expr) -> Expr:
        """An expression whose value no name of the same function takes: a call for its own sake, a target, a type, a `return`.

        Its names need not be told apart: each is held once, for all files.
        """
        before, self.aside = self.aside, True
        found = self.expr(node)
        self.aside = before
        return found

    def _other(self, node: ast.AST) -> Expr:
        return Other(tuple(self.expr(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)))

    def _constant(self, node: ast.Constant) -> Expr:
        value = node.value
        if not isinstance(value, str | int | float):
            return NOTHING
        key = (type(value), value)  # True is 1 and 1.0
        known = self._constants.get(key)
        if known is None:
            known = self._constants[key] = Constant(value)
        return known

    def _name(self, node: ast.Name) -> Expr:
        if not self.aside:
            return Name(node.id)  # one for each place: `x = f(x)` asks for another x than who asked for x
        known = _NAMES.get(node.id)
        if known is None:
            known = _NAMES[node.id] = Name(node.id)
        return known

    def _attribute(self, node: ast.Attribute) -> Expr:
        line = node.end_lineno or node.lineno
        return Attribute(self.expr(node.value), node.attr, LINES.setdefault(line, line))

    def _call(self, node: ast.Call, *, awaited: bool = False) -> Expr:
        function = self.expr(node.func)
        arguments = tuple(self.expr(part) for part in node.args)
        keywords = tuple((word.arg or "", self.expr(word.value)) for word in node.keywords)
        line = LINES.setdefault(node.lineno, node.lineno)
        return Call(function, arguments, keywords, line, node.col_offset + 1, awaited)

    def _await(self, node: ast.Await) -> Expr:
        if isinstance(node.value, ast.Call):
            return self._call(node.value, awaited=True)
        return Other((self.expr(node.value),))

    def _yield(self, node: ast.Yield | ast.YieldFrom) -> Expr:
        value = NOTHING if node.value is None else self.expr(node.value)
        self._step("yield", None, value, node.lineno)
        return Other(())

    def _collection(self, node: ast.List | ast.Tuple | ast.Set) -> Expr:
        return Collection(tuple(self.expr(part) for part in node.elts))

    def _mapping(self, node: ast.Dict) -> Expr:
        pairs = zip(node.keys, node.values, strict=True)
        return Mapping(tuple((None if key is None else self.expr(key), self.expr(value)) for key, value in pairs))

    def _subscript(self, node: ast.Subscript) -> Expr:
        line = LINES.setdefault(node.lineno, node.lineno)
        return Subscript(self.expr(node.value), self.expr(node.slice), line)

    def _lambda(self, node: ast.Lambda) -> Expr:
        return Function(self._inner(node))

    def _choice(self, node: ast.IfExp) -> Expr:
        return Choice(self.expr(node.test), self.expr(node.body), self.expr(node.orelse))

    def _logic(self, node: ast.BoolOp) -> Expr:
        word = "and" if isinstance(node.op, ast.And) else "or"
        return Logic(word, tuple(self.expr(part) for part in node.values))

    def _unary(self, node: ast.UnaryOp) -> Expr:
        value = self.expr(node.operand)
        if isinstance(node.op, ast.Not):
            return Logic("not", (value,))
        if isinstance(node.op, ast.USub) and isinstance(value, Constant) and isinstance(value.value, int | float):
            return Constant(-value.value)
        return Other((value,))

    def _compare(self, node: ast.Compare) -> Expr:
        operator = _OPERATORS.get(type(node.ops[0]), "?")
        if len(node.ops) > 1:
            return Other((self.expr(node.left), *(self.expr(part) for part in node.comparators)))
        return Compare(self.expr(node.left), operator, self.expr(node.comparators[0]))

    def _binary(self, node: ast.BinOp) -> Expr:
        if isinstance(node.op, ast.Div):
            return Join((_AS_PATH, *self._operands(node)))
        return Join(self._operands(node)) if isinstance(node.op, ast.Add | ast.Mod) else Other(self._operands(node))

    def _operands(self, node: ast.BinOp) -> tuple[Expr, ...]:
        # `a + b + c + …` of a thousand parts leans to the left: a loop, not a recursion.
        parts: list[ast.expr] = []
        left: ast.expr = node
        while isinstance(left, ast.BinOp) and type(left.op) is type(node.op):
            parts.append(left.right)
            left = left.left
        return tuple(self.expr(part) for part in [left, *reversed(parts)])

    def _text(self, node: ast.JoinedStr) -> Expr:
        parts = [part.value if isinstance(part, ast.FormattedValue) else part for part in node.values]
        return Join(tuple(self.expr(part) for part in parts))

    def _comprehension(self, node: ast.ListComp | ast.SetComp | ast.GeneratorExp | ast.DictComp) -> Expr:
        inner = (node.key, node.value) if isinstance(node, ast.DictComp) else (node.elt,)
        first, *rest = node.generators
        conditions = [self.expr(test) for test in first.ifs]
        conditions += [self.expr(part) for loop in rest for part in (loop.iter, *loop.ifs)]
        element = tuple(self.expr(part) for part in inner)
        return Comprehension(element, self.expr(first.target), self.expr(first.iter), tuple(conditions))

    def _starred(self, node: ast.Starred) -> Expr:
        return Other((self.expr(node.value),))

    def _walrus(self, node: ast.NamedExpr) -> Expr:
        value = self.expr(node.value)
        self._step("assign", self.passing(node.target), value, node.lineno)
        return self.expr(node.target)

    def _parameters(self, args: ast.arguments) -> tuple[Parameter, ...]:
        plain = [*args.posonlyargs, *args.args]
        defaults: list[ast.expr | None] = [None] * (len(plain) - len(args.defaults)) + list(args.defaults)
        found = [self._parameter(arg, default) for arg, default in zip(plain, defaults, strict=True)]
        if args.vararg:
            found.append(self._parameter(args.vararg, None, "*"))
        found += [self._parameter(arg, value) for arg, value in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
        if args.kwarg:
            found.append(self._parameter(args.kwarg, None, "**"))
        return tuple(found)

    def _parameter(self, arg: ast.arg, default: ast.expr | None, star: str = "") -> Parameter:
        if default is None and arg.annotation is None:
            key = (arg.arg, star)
            known = _PLAIN.get(key)
            if known is None:
                known = _PLAIN[key] = Parameter(arg.arg, None, None, star)
            return known
        note = self._annotation(arg.annotation)
        return Parameter(arg.arg, None if default is None else self.expr(default), note, star)

    def _annotation(self, node: ast.expr | None) -> Expr | None:
        if node is None:
            return None
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
            try:
                return self.passing(ast.parse(node.value.strip(), mode="eval").body)
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                return None
        return self.passing(node)


_AS_PATH = Constant("")  # in front of the parts of a path, which a slash joins
_OPERATORS: dict[type[ast.cmpop], str] = {
    ast.Eq: "==", ast.NotEq: "!=", ast.Is: "is", ast.IsNot: "is not", ast.In: "in", ast.NotIn: "not in",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=",
}  # fmt: skip

_EXPRESSIONS = cast(
    "dict[type[ast.expr], Callable[[Expressions, ast.expr], Expr]]",
    {
        ast.Constant: Expressions._constant,
        ast.Name: Expressions._name,
        ast.Attribute: Expressions._attribute,
        ast.Call: Expressions._call,
        ast.Await: Expressions._await,
        ast.Yield: Expressions._yield,
        ast.YieldFrom: Expressions._yield,
        ast.List: Expressions._collection,
        ast.Tuple: Expressions._collection,
        ast.Set: Expressions._collection,
        ast.Dict: Expressions._mapping,
        ast.Subscript: Expressions._subscript,
        ast.Lambda: Expressions._lambda,
        ast.IfExp: Expressions._choice,
        ast.BoolOp: Expressions._logic,
        ast.UnaryOp: Expressions._unary,
        ast.Compare: Expressions._compare,
        ast.BinOp: Expressions._binary,
        ast.JoinedStr: Expressions._text,
        ast.ListComp: Expressions._comprehension,
        ast.SetComp: Expressions._comprehension,
        ast.GeneratorExp: Expressions._comprehension,
        ast.DictComp: Expressions._comprehension,
        ast.Starred: Expressions._starred,
        ast.NamedExpr: Expressions._walrus,
    },
)
