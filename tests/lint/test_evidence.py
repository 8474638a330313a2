"""What a finding points at, and what a report shows of models that nothing leads to."""

from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options

SERVER = """import os

import whisper
from fastapi import FastAPI

MODEL = os.getenv("ASR_MODEL", "large-v3")
app = FastAPI()
model = whisper.load_model(MODEL)


@app.post("/pages")
def pages(files: list[str]):
    found = []
    for name in files:
        found.append(model.transcribe(name))
    return found
"""
BACKENDS = """import os

from fastapi import FastAPI

ENGINE = os.getenv("ENGINE", "whisper")


def make():
    if ENGINE == "whisper":
        import whisper

        return whisper.load_model("base")
    from faster_whisper import WhisperModel

    return WhisperModel("base")


app = FastAPI()
model = make()


@app.post("/text")
def text(path: str):
    return model.transcribe(path)
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("MLSCAFFOLD_CACHE_DIR", str(tmp_path / "cache"))
    (tmp_path / "repository").mkdir()
    return tmp_path / "repository"


def test_a_finding_points_at_the_setting_that_names_the_model(root):
    (root / "app.py").write_text(SERVER)
    (root / "Dockerfile").write_text("FROM python:3.12\n\nENV ASR_MODEL=large-v2\n")
    (finding,) = [known for known in lint(root, Options()).findings if known.code == "MLS201"]
    assert ("Dockerfile", 3, "its name is written here") in {(spot.path, spot.line, spot.note) for spot in finding.locations}
    assert "large-v2" in finding.message


def test_a_finding_points_at_the_loop_around_the_call(root):
    (root / "app.py").write_text(SERVER)
    (finding,) = [known for known in lint(root, Options()).findings if known.code == "MLS204"]
    assert ("app.py", 14, "in this loop") in {(spot.path, spot.line, spot.note) for spot in finding.locations}


def test_an_alternative_is_shown_and_counts_for_nothing(root):
    (root / "app.py").write_text(BACKENDS)
    report = lint(root, Options())
    (service,) = report.services
    assert [(model.framework, model.line, model.reached) for model in service.models] == [
        ("openai-whisper", 12, True),
        ("faster-whisper", 15, False),
    ]
    assert not [finding for finding in report.findings if finding.code.startswith("MLS1")]


COLUMNS = """from fastapi import FastAPI
from lightgbm import Booster

app = FastAPI()
price = Booster(model_file="price.txt")


@app.get("/columns")
async def columns():
    return {"columns": price.feature_name()}
"""


def test_a_question_about_the_model_is_no_inference(root):
    (root / "app.py").write_text(COLUMNS)
    assert lint(root, Options()).findings == ()
    (root / "app.py").write_text(COLUMNS.replace("feature_name()", "predict([1])"))
    assert [known.code for known in lint(root, Options()).findings] == ["MLS202"]


def test_a_file_that_nobody_can_tell_is_no_name(root):
    computed = COLUMNS.replace('"price.txt"', "find() + '/' + find()").replace("feature_name()", "predict([1])")
    (root / "app.py").write_text("from elsewhere import find\n" + computed)
    (finding,) = lint(root, Options()).findings
    assert finding.message == "GET /columns runs lightgbm on the event loop (predict)"
