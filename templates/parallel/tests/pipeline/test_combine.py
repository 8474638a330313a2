"""Several answers made one, row by row."""

import re
from pathlib import Path

import numpy as np
import pytest

from services.proxy.combine import Answer, first, mean, vote
from services.proxy.members import read_plan
from services.proxy.settings import HERE
from serving.repository import ModelInvalid


def answer(label: list[int], *scores: list[float]) -> Answer:
    return {"label": np.array(label, np.int64), "scores": np.array(scores, np.float32)}


ONE = answer([0, 1], [0.9, 0.1], [0.3, 0.7])
TWO = answer([1, 1], [0.4, 0.6], [0.2, 0.8])
THREE = answer([1, 0], [0.2, 0.8], [0.9, 0.1])


def test_mean_averages_floats_and_takes_the_label_of_the_nearest_member() -> None:
    whole = mean({"one": ONE, "two": TWO, "three": THREE})
    np.testing.assert_allclose(whole["scores"], [[0.5, 0.5], [1.4 / 3, 1.6 / 3]], rtol=1e-6)
    assert whole["label"].tolist() == [1, 1]
    assert whole["scores"].dtype == np.float32


def test_vote_is_the_majority_of_each_row_and_the_winners_average() -> None:
    whole = vote({"one": ONE, "two": TWO, "three": THREE})
    assert whole["label"].tolist() == [1, 1]
    np.testing.assert_allclose(whole["scores"], [[0.3, 0.7], [0.25, 0.75]], rtol=1e-6)


def test_of_a_tie_the_member_that_stands_first_wins() -> None:
    assert vote({"one": ONE, "two": TWO})["label"].tolist() == [0, 1]
    assert vote({"two": TWO, "one": ONE})["label"].tolist() == [1, 1]


def test_first_is_first() -> None:
    assert first({"two": TWO, "one": ONE}) is TWO


def test_votes_without_labels_are_averages() -> None:
    only = {"a": {"scores": np.array([[1.0]])}, "b": {"scores": np.array([[3.0]])}}
    assert vote(only)["scores"].tolist() == [[2.0]]


RIGHT = (HERE / "members.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("quorum: 1", "quorum: 99", "quorum: expected 1 to"),
        ("quorum: 1", "quorum: some", "members.yaml:"),
        ("wait_ms: 1000", "wait_ms: 0", "wait_ms: expected milliseconds"),
        ("combine:", "combined:", "members.yaml:"),
        ("request.", "elsewhere.", "expected request.INPUT"),
        ("wait_ms: 1000", "wait_ms: 1000\ngood: max(answer.x", "members.yaml:"),
    ],
)
def test_what_is_wrong_with_the_file_is_said(tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "members.yaml"
    text = RIGHT.replace(old, new)
    assert text != RIGHT
    path.write_text(re.sub("combine: .*", "combine: first-good", text) if "good:" in new else text)
    with pytest.raises(ModelInvalid) as caught:
        read_plan(path)
    assert said in str(caught.value)


@pytest.mark.parametrize("combine", ["mena", "services.proxy.combine:nothing", "no.such.module:f"])
def test_an_unknown_function_is_said(tmp_path: Path, combine: str) -> None:
    path = tmp_path / "members.yaml"
    path.write_text(
        "\n".join(f"combine: {combine}" if line.startswith("combine:") else line for line in RIGHT.splitlines())
    )
    with pytest.raises(ModelInvalid, match="combine:"):
        read_plan(path)
