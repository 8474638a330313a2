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
from tests.lint.programs import PROGRAM


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(PROGRAM)
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


def test_names_are_told_apart_where_a_question_may_come_back_to_them():
    (body,) = read_facts(b"print(a)\nprint(a)\na = f(a)\na = f(a)\n").functions
    called, again, assigned, later = (step.value.arguments[0] for step in body.steps)
    assert called is again
    assert len({id(called), id(assigned), id(later)}) == 3
    assert called == assigned == later
