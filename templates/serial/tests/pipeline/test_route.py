"""The route: what is wrong with it is said with its line, and conditions mean what they say."""

from pathlib import Path

import numpy as np
import pytest

from services.proxy.conditions import Condition, ConditionInvalid
from services.proxy.draw import README, with_drawing
from services.proxy.route import check_route, drawn, read_route
from serving.repository import ModelInvalid
from serving.tensors import Signature, TensorSpec

WHOLE = """\
stages:
  first:
    model: first
    url: http://first
    feeds: {x: request.x}
    next:
      - when: max(first.y) < 0.5
        go: second
      - end
  second:
    model: second
    url: http://second
    feeds: {x: request.x}
    next: end
    on_failure: end
"""
SIGNATURE = Signature((TensorSpec("x", "FP32", (-1, 4)),), (TensorSpec("y", "FP32", (-1, 3)),))


def written(folder: Path, text: str) -> Path:
    path = folder / "route.yaml"
    path.write_text(text)
    return path


def test_a_right_route_is_read(tmp_path: Path) -> None:
    route = read_route(written(tmp_path, WHOLE))
    assert list(route.before) == ["first", "second"]
    assert route.before["second"] == {"first"}
    assert route.ends() == ["first", "second"]
    check_route(route, {"first": SIGNATURE, "second": SIGNATURE}, SIGNATURE)


def test_without_next_the_order_of_the_file_is_the_way(tmp_path: Path) -> None:
    text = WHOLE.replace("    next: end\n", "") + "  third: {url: x, feeds: {x: second.y}}\n"
    route = read_route(written(tmp_path, text))
    assert [stage.targets for stage in route.stages.values()] == [{"second", "end"}, {"third"}, {"end"}]
    assert (route.stages["third"].model, route.stages["third"].line) == ("third", 15)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("stages:", "stage:", "route.yaml:1: expected one key, stages"),
        ("        go: second", "        go: secnd", "route.yaml:7: there is no stage 'secnd'"),
        ("    url: http://first\n", "", "route.yaml:3: stage first: url is missing"),
        (
            "    url: http://first",
            "    url: http://first\n    budgt_ms: 3",
            "route.yaml:5: stage first: unknown key budgt_ms",
        ),
        (
            "    url: http://first",
            "    url: http://first\n    budget_ms: soon",
            "route.yaml:5: budget_ms: expected milliseconds",
        ),
        ("max(first.y) < 0.5", "max(first.y < 0.5", "route.yaml:7: when:"),
        ("max(first.y) < 0.5", "open('x')", "route.yaml:7: when:"),
        ("max(first.y) < 0.5", "max(second.y) < 0.5", "route.yaml:7: stage first: 'second' has not surely answered"),
        ("    next: end\n", "    next: first\n", "the route goes in a circle"),
        ("        go: second", "        go: end", "no way leads to stage second"),
        ("      - end\n", "", "the last entry has no condition"),
        (
            "feeds: {x: request.x}\n    next: end",
            "feeds: {x: x}\n    next: end",
            "expected request.INPUT or STAGE.OUTPUT",
        ),
        ("    on_failure: end", "    on_failure: nothing", "on_failure: expected error, end or a stage"),
        ("    next: end\n", "    next: end\n    next: end\n", "route.yaml:15: stage second: next stands twice"),
        (WHOLE, "stages: [", "is not YAML"),
        (WHOLE, "stages: {}", "at least one stage"),
        (WHOLE, "- 1", "route.yaml:1: the file: expected names and values"),
    ],
)
def test_what_is_wrong_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert old in WHOLE
    with pytest.raises(ModelInvalid) as caught:
        read_route(written(tmp_path, WHOLE.replace(old, new, 1)))
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("{x: request.x}", "{z: request.x}", "x has no source in feeds"),
        ("{x: request.x}", "{x: request.q}", "fed from request.q, which there is not"),
        ("max(first.y) < 0.5", "max(first.q) < 0.5", "route.yaml:7: there is no first.q"),
        ("max(first.y) < 0.5", "first.y < 0.5", "route.yaml:7: when: 'first.y < 0.5': expected one truth a row"),
        (
            "feeds: {x: request.x}\n    next: end",
            "feeds: {x: first.y}\n    next: end",
            "stage second: x is FP32 [-1, 4], and first.y",
        ),
    ],
)
def test_what_does_not_fit_the_stages_is_said_with_its_line(tmp_path: Path, old: str, new: str, said: str) -> None:
    route = read_route(written(tmp_path, WHOLE.replace(old, new, 1)))
    with pytest.raises(ModelInvalid) as caught:
        check_route(route, {"first": SIGNATURE, "second": SIGNATURE}, SIGNATURE)
    assert said in str(caught.value)


def test_a_stage_that_ends_must_give_what_is_promised(tmp_path: Path) -> None:
    other = Signature(SIGNATURE.inputs, (TensorSpec("y", "FP32", (-1, 5)),))
    with pytest.raises(ModelInvalid, match=r"stage second may give the answer, which promises y FP32 \[-1, 3\]"):
        check_route(read_route(written(tmp_path, WHOLE)), {"first": SIGNATURE, "second": other}, SIGNATURE)


@pytest.mark.parametrize(
    ("text", "truths"),
    [
        ("max(s.y) < 0.5", [True, False]),
        ("argmax(s.y) == 1 or mean(s.y) > 0.5", [False, True]),
        ("not (s.label == 3)", [False, True]),
        ("0 < s.label < 5 and min(s.y) >= 0", [True, False]),
        ("s.y[1] * 2 - 0.1 > 0.5", [False, True]),
        ('s["a name"] == "b"', [False, True]),
        ("sum(abs(s.y)) == 0 or any(s.y > 0.8)", [False, True]),
    ],
)
def test_conditions_mean_what_they_say(text: str, truths: list[bool]) -> None:
    tensors = {
        "y": np.array([[0.1, 0.2, 0.3], [0.9, 0.8, 0.1]], np.float32),
        "label": np.array([3, 7]),
        "a name": np.array([["a"], ["b"]], dtype=object),
    }
    assert Condition(text)({"s": tensors}, 2).tolist() == truths


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os')",
        "s.y.shape",
        "s.y.__class__",
        "[1][0]",
        "lambda: 1",
        "s.y if 1 else 2",
        "max(s.y, s.y)",
        "(x := 1)",
        "s",
        "",
    ],
)
def test_conditions_are_no_programs(text: str) -> None:
    with pytest.raises(ConditionInvalid):
        condition = Condition(text)
        condition({"s": {"y": np.zeros((2, 3))}}, 2)


def test_the_drawing_shows_every_way(tmp_path: Path) -> None:
    assert drawn(read_route(written(tmp_path, WHOLE))).splitlines() == [
        "flowchart LR",
        "  request([request]) --> first",
        '  first -->|"max(first.y) #lt; 0.5"| second',
        "  first --> answer([answer])",
        "  second --> answer([answer])",
        '  second -.->|"fails"| answer',
    ]


def test_the_readme_shows_this_route() -> None:
    readme = README.read_text(encoding="utf-8")
    assert "<!-- route -->" in readme
    assert with_drawing(readme) == readme, "run `make route`"
