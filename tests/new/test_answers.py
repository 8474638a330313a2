"""Flags, answers files and names."""

from pathlib import Path

import pytest

from mlscaffold.errors import AnswersInvalid
from mlscaffold.new.answers import Answers, ModelAnswer, axes_of, from_file, from_flags
from mlscaffold.patterns import usable_name


def flags(**given: object) -> Answers:
    values: dict[str, object] = {"pattern": "", "name": "", "models": [], "settings": [], **given}
    return from_flags(**values)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("fraud=x/y.onnx", ModelAnswer("fraud", Path("x/y.onnx"))),
        ("x/Fraud_Model v2.onnx", ModelAnswer("fraud-model-v2", Path("x/Fraud_Model v2.onnx"))),
        ("repository/fraud/3/model.onnx", ModelAnswer("fraud", Path("repository/fraud/3/model.onnx"))),
        ("fraud", ModelAnswer("fraud", None)),
    ],
    ids=["named", "named after the file", "named after the model repository", "a place for one to come"],
)
def test_model_flag(text: str, expected: ModelAnswer) -> None:
    assert flags(models=[text]).models == (expected,)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"models": ["fraud="]}, "path is missing"),
        ({"models": ["Fraud!=x.onnx"]}, "for example 'fraud'"),
        ({"models": ["models=x.onnx"]}, "taken by the project"),
        ({"models": ["class=x.onnx"]}, "taken by the project itself or by Python"),
        ({"models": ["a=x.onnx", "a=y.onnx"]}, "two models are called 'a'"),
        ({"name": "../up"}, "project name '../up' cannot be used"),
        ({"name": "x" * 41}, "at most 40"),
        ({"settings": ["port"]}, "key=value"),
        ({"settings": ["prot=1"]}, "did you mean 'port'"),
        ({"settings": ["port=high"]}, "whole number"),
        ({"settings": ["port=80"]}, "1024 to 65000"),
        ({"settings": ["project_title=a\nb"]}, "one printable line"),
    ],
)
def test_what_cannot_be_used_is_said(given: dict[str, object], said: str) -> None:
    with pytest.raises(AnswersInvalid) as caught:
        flags(**given)
    assert said in str(caught.value)


def test_an_answers_file_and_flags_over_it(tmp_path: Path) -> None:
    file = tmp_path / "answers.yaml"
    file.write_text(
        "pattern: serial\nname: shop\nmodels: {ner: ner.onnx, mood: }\nsettings: {port: 9000, latency_budget_ms: 50}\n"
    )
    merged = flags(name="store", settings=["port=9100"]).over(from_file(file))
    assert merged == Answers(
        pattern="serial",
        name="store",
        models=(ModelAnswer("ner", tmp_path / "ner.onnx"), ModelAnswer("mood", None)),
        settings={"port": 9100, "latency_budget_ms": 50},
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "expected the keys"),
        (b"- a\n", "found list"),
        (b"patern: serial\n", "did you mean 'pattern'"),
        (b"a: [\n", "is not YAML"),
        (b"\xff\xfe\x00", "cannot be read"),
        (b"models: [a]\n", "models: expected names and values"),
        (b"models: {a: 1}\n", "models.a: expected the path"),
        (b"settings: {port: true}\n", "whole number"),
    ],
)
def test_a_broken_answers_file_is_said(tmp_path: Path, content: bytes, said: str) -> None:
    file = tmp_path / "answers.yaml"
    file.write_bytes(content)
    with pytest.raises(AnswersInvalid) as caught:
        from_file(file)
    assert said in str(caught.value)


def test_axes() -> None:
    assert axes_of(flags(settings=["axes=height:48,width:40"])) == {"height": 48, "width": 40}
    with pytest.raises(AnswersInvalid, match="NAME:SIZE"):
        axes_of(flags(settings=["axes=height"]))


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("Größe 2", "gr-e-2"),
        ("2nd", "nd"),
        ("…", "other"),
        ("a" * 60, "a" * 40),
        ("Models", "models-model"),
        ("class", "class-model"),
    ],
)
def test_usable_name(text: str, name: str) -> None:
    assert usable_name(text, "other") == name
