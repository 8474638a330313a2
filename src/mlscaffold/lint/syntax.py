"""Expressions of a Python file as values: small, immutable and quick to store.

They are named tuples, not dataclasses: a file has thousands of them, and they are built and unpickled four times as fast.
`line` counts from 1, `column` from 1.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from mlscaffold.light import NamedTuple


class Name(NamedTuple):
    """A bare name. It says no line: one value may stand for many places."""

    id: str


class Attribute(NamedTuple):
    """`base.name`."""

    base: Expr
    name: str
    line: int


class Constant(NamedTuple):
    """A literal; bytes, complex numbers and `...` are kept as None."""

    value: str | int | float | bool | None


class Call(NamedTuple):
    """`function(*arguments, **keywords)`; the keyword of `**mapping` is the empty string."""

    function: Expr
    arguments: tuple[Expr, ...]
    keywords: tuple[tuple[str, Expr], ...]
    line: int
    column: int
    awaited: bool


class Collection(NamedTuple):
    """A list, tuple or set display."""

    items: tuple[Expr, ...]


class Mapping(NamedTuple):
    """A dict display; the key of `**other` is None."""

    pairs: tuple[tuple[Expr | None, Expr], ...]


class Subscript(NamedTuple):
    """`base[index]`."""

    base: Expr
    index: Expr  # type: ignore[assignment]  # a subscript is no sequence that anybody searches
    line: int


class Function(NamedTuple):
    """A lambda: the index of its function in the file."""

    index: int  # type: ignore[assignment]


class Choice(NamedTuple):
    """`body if test else other`."""

    test: Expr
    body: Expr
    other: Expr


class Logic(NamedTuple):
    """`and`, `or`, `not`."""

    operator: str
    values: tuple[Expr, ...]


class Compare(NamedTuple):
    """A comparison with its first operator."""

    left: Expr
    operator: str
    right: Expr


class Join(NamedTuple):
    """Text or a path put together: f-string, `+`, `/`, `%`."""

    parts: tuple[Expr, ...]


class Comprehension(NamedTuple):
    """A comprehension with its first loop; `element` is a pair for a dict."""

    element: tuple[Expr, ...]
    target: Expr
    iterable: Expr
    conditions: tuple[Expr, ...]


class Other(NamedTuple):
    """Anything else: only its parts matter."""

    parts: tuple[Expr, ...]


Expr = (
    Name
    | Attribute
    | Constant
    | Call
    | Collection
    | Mapping
    | Subscript
    | Function
    | Choice
    | Logic
    | Compare
    | Join
    | Comprehension
    | Other
)

NOTHING = Constant(None)
ANY = Name("")  # what nobody knows anything of: `held[ANY]` is any entry


_PARTS: dict[type, Callable[..., tuple[Expr, ...]]] = {
    Call: lambda call: (call.function, *call.arguments, *(value for _, value in call.keywords)),
    Attribute: lambda attribute: (attribute.base,),
    Subscript: lambda subscript: (subscript.base, subscript.index),
    Collection: lambda collection: collection.items,
    Mapping: lambda mapping: tuple(part for pair in mapping.pairs for part in pair if part is not None),
    Choice: tuple,
    Logic: lambda logic: logic.values,
    Compare: lambda compare: (compare.left, compare.right),
    Join: lambda join: join.parts,
    Other: lambda other: other.parts,
    Comprehension: lambda made: (made.iterable, *made.conditions, *made.element),
}


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct parts of an expression, in the order of evaluation."""
    parts = _PARTS.get(type(expr))
    return parts(expr) if parts else ()


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and all its parts."""
    waiting = [expr]
    while waiting:
        found = waiting.pop()
        yield found
        parts = _PARTS.get(type(found))
        if parts:
            waiting.extend(parts(found)[::-1])


def dotted(expr: Expr) -> str:
    """`a.b.c` for a chain of names, "" for anything else."""
    names: list[str] = []
    while isinstance(expr, Attribute):
        names.append(expr.name)
        expr = expr.base
    if not isinstance(expr, Name):
        return ""
    return ".".join([expr.id, *reversed(names)])


def names_in(expr: Expr) -> frozenset[str]:
    """Every name and attribute name in an expression."""
    return frozenset(
        part.id if isinstance(part, Name) else part.name for part in walk(expr) if isinstance(part, Name | Attribute)
    )
