"""Stamped projects, made once a session."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from mlscaffold.new import new
from mlscaffold.new.answers import Answers, ModelAnswer
from tests import onnx_models

Stamp = Callable[..., Path]


@pytest.fixture(scope="session")
def stamped(tmp_path_factory: pytest.TempPathFactory) -> Stamp:
    """`stamped("web-single", models={"price": path}, settings={"port": 9000})` -> the project's folder."""
    made: dict[tuple[object, ...], Path] = {}

    def stamp(pattern: str, models: Mapping[str, Path | None] | None = None, **settings: str | int) -> Path:
        key = (pattern, tuple((models or {}).items()), tuple(settings.items()))
        if key not in made:
            answers = Answers(
                pattern=pattern,
                models=tuple(ModelAnswer(name, path) for name, path in (models or {}).items()),
                settings=settings,
            )
            made[key] = tmp_path_factory.mktemp(pattern) / "shop"
            new(answers, made[key])
        return made[key]

    return stamp


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """`model_file("two-by-two")` -> an ONNX file of that kind (see tests/onnx_models.py)."""
    folder = tmp_path_factory.mktemp("models")

    def save(kind: str) -> Path:
        path = folder / kind / "model.onnx"
        return path if path.exists() else onnx_models.save(onnx_models.SERVABLE[kind](), path)

    return save
