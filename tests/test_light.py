"""The light values behave as the dataclasses and named tuples that type checkers take them for."""

import dataclasses
import pickle
import re
import typing

import pytest

from mlscaffold import light


@light.dataclass(frozen=True, slots=True)
class Place:
    """A value."""

    path: str
    line: int = 1
    note: str = light.field(default="", compare=False)


@light.dataclass(frozen=True, slots=True)
class Other:
    path: str
    line: int = 1
    note: str = ""


@light.dataclass(slots=True)
class Open:
    names: list[str] = light.field(default_factory=list)


class Pair(light.NamedTuple):
    """Two."""

    left: int
    right: int = 2


@dataclasses.dataclass(frozen=True, slots=True)
class RealPlace:
    path: str
    line: int = 1
    note: str = dataclasses.field(default="", compare=False)


@pytest.mark.parametrize("kind", [Place, RealPlace])
def test_values_compare_and_hash_by_their_fields(kind):
    assert kind("a", 2) == kind(path="a", line=2)
    assert hash(kind("a")) == hash(kind("a", 1))
    assert kind("a") != kind("b")
    assert kind("a", note="x") == kind("a", note="y")
    assert len({kind("a"), kind("a", 1), kind("a", 3)}) == 2
    assert repr(kind("a")) == f"{kind.__name__}(path='a', line=1, note='')"


def test_values_of_different_kinds_are_never_equal():
    assert Place("a") != Other("a")


@pytest.mark.parametrize("kind", [Place, RealPlace])
def test_values_stay_as_they_are(kind):
    value = kind("a")
    with pytest.raises(AttributeError):
        value.path = "b"
    with pytest.raises(AttributeError):
        del value.path


@pytest.mark.parametrize(("kind", "change"), [(Place, light.replace), (RealPlace, dataclasses.replace)])
def test_a_value_is_replaced_by_another(kind, change):
    assert change(kind("a", 3, "n"), path="b") == kind("b", 3, "n")
    assert change(kind("a", 3, "n"), path="b").note == "n"
    with pytest.raises(TypeError):
        change(kind("a"), column=1)


@pytest.mark.parametrize("kind", [Place, RealPlace])
@pytest.mark.parametrize("given", [{}, {"path": "a", "column": 1}], ids=["missing", "unknown"])
def test_a_wrong_field_is_an_error(kind, given):
    with pytest.raises(TypeError):
        kind(**given)


def test_what_is_not_frozen_has_a_list_of_its_own():
    one, other = Open(), Open()
    one.names.append("x")
    assert (one.names, other.names) == (["x"], [])
    assert one != other
    with pytest.raises(TypeError, match="unhashable"):
        hash(one)


def test_values_are_pickled():
    assert pickle.loads(pickle.dumps(Place("a", 2, "n"))).note == "n"


def test_named_tuples_are_tuples():
    assert Pair(1) == (1, 2)
    assert Pair(left=3, right=4)._replace(left=5) == (5, 4)
    assert (Pair.__doc__, Pair.__module__) == ("Two.", __name__)
    assert light.as_dict(Place("a")) == {"path": "a", "line": 1, "note": ""}


def test_expressions_are_compiled_when_they_are_used():
    words = light.expression(r"[a-z]+", re.IGNORECASE)
    assert words.findall("One two") == re.compile(r"[a-z]+", re.IGNORECASE).findall("One two")
    assert words.pattern == r"[a-z]+"


def test_type_checkers_and_python_read_the_same_names():
    assert {name for name in light.__all__ if hasattr(typing, name) or hasattr(dataclasses, name)} >= {
        "Literal", "NamedTuple", "cast", "dataclass", "field", "replace",
    }  # fmt: skip
