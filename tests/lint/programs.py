"""Valid Python of every kind of statement and expression, for property tests."""

from hypothesis import strategies as st

_NAME = st.sampled_from(["model", "load", "x", "self", "app", "é"])
_ATOM = st.one_of(
    _NAME, st.integers(-5, 5).map(str), st.text(max_size=5).map(repr), st.sampled_from(["None", "...", "b'x'", "1j"])
)


def _larger(inner):
    two = st.tuples(inner, inner)
    return st.one_of(
        two.map(lambda p: f"({p[0]} + {p[1]})"),
        two.map(lambda p: f"({p[0]} if {p[1]} else {p[0]})"),
        two.map(lambda p: f"({p[0]} and not {p[1]})"),
        two.map(lambda p: f"({p[0]}, *[{p[1]}])"),
        two.map(lambda p: f"{{{p[0]!s}: {p[1]}, **{{}}}}"),
        two.map(lambda p: f"[a for a in {p[0]} if {p[1]} for b in a]"),
        two.map(lambda p: f"(lambda a, *b, c={p[0]}, **d: {p[1]})"),
        two.map(lambda p: f"({p[0]}).load({p[1]}, key={p[0]}, *[], **{{}})"),
        two.map(lambda p: f"({p[0]})[{p[1]}:]"),
        inner.map(lambda p: f"(y := {p})"),
        inner.map(lambda p: f"(-{p} < 3 < 4)"),
        _NAME.map(lambda p: f"f'{{{p}!r:>{{{p}}}}}'"),
    )


_EXPRESSION = st.recursive(_ATOM, _larger, max_leaves=12)


def _indented(lines):
    return "\n".join("    " + line for text in lines for line in text.split("\n"))


def _compound(inner):
    body = st.lists(inner, min_size=1, max_size=3).map(_indented)
    pair = st.tuples(_EXPRESSION, body)
    return st.one_of(
        pair.map(lambda p: f"if {p[0]}:\n{p[1]}\nelse:\n{p[1]}"),
        pair.map(lambda p: f"for i, j in {p[0]}:\n{p[1]}\nelse:\n{p[1]}"),
        pair.map(lambda p: f"while {p[0]}:\n{p[1]}"),
        pair.map(lambda p: f"with {p[0]} as f, open(f):\n{p[1]}"),
        body.map(lambda p: f"try:\n{p}\nexcept (A, B) as e:\n{p}\nfinally:\n{p}"),
        body.map(lambda p: f"try:\n{p}\nexcept* A:\n{p}"),
        pair.map(
            lambda p: f"match {p[0]}:\n    case [1, *r] | {{'a': r}}:\n{_indented([p[1]])}\n    case _:\n{_indented([p[1]])}"
        ),
        pair.map(
            lambda p: f"@deco({p[0]})\nasync def f(a, /, b: 'int' = 1, *c: X, d=2, **e) -> 'T':\n{p[1]}\n    await g()\n    yield"
        ),
        pair.map(lambda p: f"@deco\nclass C(B, metaclass=M):\n    a: int = {p[0]}\n{p[1]}"),
        body.map(lambda p: f"def f(self):\n    global q\n    q = 1\n{p}\n    return q"),
    )


_SIMPLE = st.one_of(
    _EXPRESSION.map(lambda p: f"a = b, *c = {p}, 2"),
    _EXPRESSION.map(lambda p: f"a.b[0]: int = {p}"),
    _EXPRESSION.map(lambda p: f"a += {p}"),
    _EXPRESSION,
    st.sampled_from(
        [
            "pass",
            "import os.path as p, sys",
            "from . import x as y",
            "from ..a import b",
            "del a",
            "assert a, b",
            "raise A from b",
        ]
    ),
)
STATEMENT = st.recursive(_SIMPLE, _compound, max_leaves=8)
PROGRAM = st.lists(STATEMENT, max_size=4).map("\n".join)


def indented(program: str) -> str:
    """The program as the body of a function."""
    return _indented([program])
