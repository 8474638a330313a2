"""`lint --measure`: real ONNX files, run in a process of their own; what cannot be measured is noted."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options, ServiceOptions
from mlscaffold.lint.finding import Report
from mlscaffold.lint.measure import Meter
from tests import onnx_models as models

APP = """import onnxruntime
from fastapi import FastAPI

app = FastAPI()
session = onnxruntime.InferenceSession("model.onnx")


@app.post("/predict")
def predict(row: list[float]):
    return session.run(None, {"x": [row]})
"""


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MLSCAFFOLD_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "repository"
    root.mkdir()
    (root / "app.py").write_text(APP)
    models.save(models.wide(), root / "model.onnx")
    return root


def measured(root: Path, **options: object) -> Report:
    return lint(root, Options(measure=True, preview=True, **options))  # type: ignore[arg-type]


def test_a_model_is_measured_when_it_is_asked_for_only(repository: Path) -> None:
    (plain,) = lint(repository).services[0].models
    (model,) = measured(repository).services[0].models
    assert (plain.latency_ms, plain.latency_p95_ms) == (None, None)
    assert model.latency_ms and model.latency_p95_ms
    assert 0 < model.latency_ms <= model.latency_p95_ms < 1000


def test_the_budget_is_held_against_the_measured_latency(repository: Path) -> None:
    models.save(models.wide(6000), repository / "model.onnx")  # 144 MB to read for each row: far over a millisecond
    tight, wide = ({"app": ServiceOptions(latency_budget_ms=budget)} for budget in (1, 60_000))
    (finding,) = [found for found in measured(repository, services=tight).findings if found.code == "MLS209"]
    assert (finding.confidence, "measured here" in finding.message, finding.primary.line) == ("high", True, 10)
    assert "MLS209" not in {found.code for found in measured(repository, services=wide).findings}


def test_a_large_model_that_is_quick_is_no_finding(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlscaffold.lint.project.sizes.LARGE_BYTES", 1_000_000)  # what a test can afford to call large
    assert "MLS201" in {found.code for found in lint(repository).findings}
    assert "MLS201" not in {found.code for found in measured(repository).findings}


def test_what_was_measured_is_remembered_under_the_content(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = Meter(repository).of("model.onnx")
    (repository / "model.onnx").rename(repository / "renamed.onnx")
    monkeypatch.setattr("mlscaffold.onnxfile.read", lambda *_, **__: pytest.fail("it was measured again"))
    assert Meter(repository).of("renamed.onnx") == first
    for kept in (repository.parent / "cache").glob("latency-*"):
        kept.write_text("{damaged")
    with pytest.raises(pytest.fail.Exception):
        Meter(repository).of("renamed.onnx")


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda path: path.write_text("no model"), "not an ONNX file"),
        (lambda path: path.write_bytes(b""), "empty"),
        (lambda path: models.save(models.unknown_operator(), path), "operator that onnxruntime"),
        (lambda path: models.move_external(models.save_external(path.parent), "../../etc/passwd"), "outside its own folder"),
        (lambda path: path.symlink_to("/etc/hostname"), "leaves the repository"),
    ],
    ids=["text", "empty", "custom operator", "external data elsewhere", "a link"],
)
def test_what_cannot_be_measured_is_noted(repository: Path, make: Callable[[Path], object], said: str) -> None:
    (repository / "model.onnx").unlink()
    make(repository / "model.onnx")
    report = measured(repository)
    (note,) = [file.reason for file in report.skipped if file.path == "model.onnx"]
    assert note.startswith("not measured: ")
    assert said in note
    assert str(repository) not in note
    assert report.services[0].models[0].latency_ms is None


def test_a_model_that_never_ends_is_left(repository: Path) -> None:
    models.save(models.endless_loop(), repository / "model.onnx")
    meter = Meter(repository, time_limit_s=5)
    assert meter.of("model.onnx") is None
    assert "no answer within 5 s" in meter.notes[0].reason


def test_a_run_has_a_most(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mlscaffold.lint.measure.MOST_MODELS", 0)
    meter = Meter(repository)
    assert meter.of("model.onnx") is None
    assert "the next run goes on" in meter.notes[0].reason


def test_the_linter_itself_never_imports_onnxruntime(repository: Path) -> None:
    code = (
        "import os, sys\nfrom mlscaffold.__main__ import main\nos._exit = sys.exit\n"
        "try:\n    main()\nfinally:\n    sys.stderr.write(str('onnxruntime' in sys.modules))"
    )
    command = [sys.executable, "-c", code, "lint", "--measure", "--format", "json", str(repository)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert json.loads(done.stdout)["services"][0]["models"][0]["latency_ms"] > 0
    assert done.stderr == "False"
