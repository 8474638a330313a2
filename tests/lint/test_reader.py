"""The fact reader: what it reads, and that nothing makes it fall over."""

import ast
import sys
import sysconfig
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mlscaffold.lint.facts import FileFacts
from mlscaffold.lint.reader import UnreadableSource, read_facts

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
_STATEMENT = st.recursive(_SIMPLE, _compound, max_leaves=8)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.lists(_STATEMENT, max_size=4).map("\n".join))
def test_no_valid_program_is_too_much(program):
    try:
        ast.parse(program)
    except SyntaxError:
        return
    assert isinstance(read_facts(program.encode()), FileFacts)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.binary(max_size=200), st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass"))))
def test_no_bytes_are_too_much(content):
    try:
        assert isinstance(read_facts(content), FileFacts)
    except UnreadableSource as error:
        assert str(error)


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"print 'hello'\n", id="python-2"),
        pytest.param(b"x = " + b"(" * 5000 + b")" * 5000, id="deep-brackets"),
        pytest.param(b"x = " + b"-" * 50_000 + b"1", id="deep-unary"),
        pytest.param(b"# coding: no-such-codec\nx = 1\n", id="unknown-codec"),
        pytest.param(b"x = '\xff'\n", id="not-utf-8"),
        pytest.param(b"x = 1\0\n", id="nul"),
    ],
)
def test_what_is_no_python_here_has_a_reason(content):
    with pytest.raises(UnreadableSource, match=r"\w"):
        read_facts(content)


def test_a_long_sum_is_no_deep_one():
    facts = read_facts(b"x = " + b" + ".join([b"'a'"] * 900))
    assert len(facts.functions[0].steps) == 1


def test_type_parameters_are_read_on_any_python():
    facts = read_facts(b"type Rows[T] = list[T]\nclass Box[T]:\n    def get[U](self, x: U) -> T: return x\n")
    assert [known.name for known in facts.classes] == ["Box"]
    assert [known.name for known in facts.functions] == ["<module>", "Box", "get"]


def test_what_follows_an_early_return_is_the_other_arm():
    facts = read_facts(b"def f(a):\n    if a:\n        return 1\n    return 2\n")
    returns = [step.context for step in facts.functions[1].steps if step.kind == "return"]
    assert returns == [((0, 0),), ((0, 1),)]


@pytest.mark.skipif(sys.version_info < (3, 11), reason="reads the library of the running Python")
def test_the_standard_library_is_read():
    folder = Path(sysconfig.get_path("stdlib"))
    for path in sorted(folder.glob("*.py"))[:60]:
        assert read_facts(path.read_bytes()).functions[0].name == "<module>"
