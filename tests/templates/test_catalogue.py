"""The catalogue's texts: complete, unambiguous, and such that the wizard always has something to recommend."""

from collections.abc import Iterator, Mapping

import pytest

from mlscaffold.new.recommend import NEEDS, asked, ranked
from mlscaffold.patterns import catalogue, find
from mlscaffold.resources import templates_folder

ALL = catalogue(templates_folder())
PATTERNS = [pattern for pattern in ALL if not pattern.refused]
REFUSED = [pattern for pattern in ALL if pattern.refused]
ALIASES = {
    "web": "web-single",
    "synchronous": "sync",
    "asynchronous": "async",
    "queue": "async",
    "preprocess-prediction": "prep-pred",
    "microservice-vertical": "serial",
    "pipeline": "serial",
    "chain": "serial",
    "microservice-horizontal": "parallel",
    "ensemble": "parallel",
    "fan-out": "parallel",
    "multiple-stage": "time-lag",
    "sync-async": "time-lag",
    "feature-cache": "data-cache",
    "serving-template": "template",
    "edge-ai": "edge",
    "on-device": "edge",
}


def test_the_catalogue_is_in_its_order() -> None:
    assert [pattern.name for pattern in ALL] == [
        "web-single",
        "sync",
        "async",
        "batch",
        "prep-pred",
        "serial",
        "parallel",
        "time-lag",
        "prediction-cache",
        "data-cache",
        "template",
        "edge",
        "all-in-one",
        "online-big-size",
    ]


def test_every_alias_leads_to_its_pattern() -> None:
    assert {alias: find(alias).name for alias in ALIASES} == ALIASES
    assert {alias for pattern in PATTERNS for alias in pattern.aliases} == set(ALIASES)


@pytest.mark.parametrize("pattern", PATTERNS, ids=lambda pattern: pattern.name)
def test_every_pattern_says_all_there_is_to_say(pattern) -> None:
    for text in (pattern.title, pattern.group, pattern.summary, pattern.diagram):
        assert text
    for texts in (pattern.when, pattern.merits, pattern.demerits, pattern.remains, pattern.decide):
        assert texts
        assert all(text.endswith(".") for text in texts)
    assert pattern.summary.endswith(".")
    assert pattern.diagram.startswith("flowchart ")
    assert pattern.least <= len(pattern.stand_ins) <= (pattern.most or len(pattern.stand_ins))


@pytest.mark.parametrize("pattern", REFUSED, ids=lambda pattern: pattern.name)
def test_every_refusal_names_ways_out_that_exist(pattern) -> None:
    assert pattern.instead
    assert [name for name in pattern.instead if find(name).name != name] == []


def needs(given: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """Every way through the wizard's questions."""
    left = [need for need in NEEDS if need.key not in given and asked(need, given)]
    if not left:
        yield dict(given)
        return
    for choice, _ in left[0].choices:
        yield from needs({**given, left[0].key: choice})


def test_every_way_through_the_questions_ends_with_a_recommendation() -> None:
    ways = list(needs({}))
    assert len(ways) > 20
    assert [way for way in ways if not ranked(ALL, way)] == []


SIMPLE = {"place": "server", "answer": "now", "models": "one", "inputs": "new", "preprocessing": "light"}


@pytest.mark.parametrize(
    ("given", "first"),
    [
        ({}, "web-single"),
        ({"answer": "later"}, "async"),
        ({"answer": "scheduled"}, "batch"),
        ({"preprocessing": "heavy"}, "prep-pred"),
        ({"models": "several", "dependence": "chain"}, "serial"),
        ({"models": "several", "dependence": "independent"}, "parallel"),
        ({"answer": "later", "models": "several", "dependence": "independent"}, "time-lag"),
        ({"inputs": "repeated"}, "prediction-cache"),
        ({"inputs": "repeated", "preprocessing": "heavy"}, "prediction-cache"),
        ({"inputs": "by-id"}, "data-cache"),
    ],
    ids=lambda value: value if isinstance(value, str) else "+".join(value.values()) or "nothing special",
)
def test_the_pattern_that_fits_comes_first(given: dict[str, str], first: str) -> None:
    way = {**SIMPLE, **given}
    way = {need.key: way[need.key] for need in NEEDS if asked(need, way)}
    assert ranked(ALL, way)[0].name == first


def test_a_device_has_its_own_pattern() -> None:
    assert [pattern.name for pattern in ranked(ALL, {"place": "device"})] == ["edge"]
