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


FOLDER = """import os

import easyocr
from fastapi import FastAPI

app = FastAPI()
reader = easyocr.Reader(["en"])


@app.post("/folder")
def folder(path: str):
    names = [name for name in os.listdir(path) if name.endswith(".png")]
    total = len(names)
    found = []

    for start in range(0, total, 8):
        for name in names[start : start + 8]:
            found += reader.readtext(name)
    return found
"""
REGISTRY = """import spacy
from flask import Flask, request

app = Flask(__name__)
models = {}


@app.route("/ents")
def ents():
    name = request.args["model"]
    pipeline = models.get(name)
    if pipeline is None:
        pipeline = spacy.load(name)

        models[name] = pipeline
    return [ent.text for ent in pipeline(request.args["text"]).ents]
"""
HELD = """import spacy
from flask import Flask, request


class Texts:
    def load(self):
        self.inner = spacy.load("en_core_web_sm")
        self.other = spacy.load("de_core_news_sm")

    def ask(self, text):
        return self.inner(text), self.other(text)


app = Flask(__name__)


texts = Texts()


@app.route("/ents")
def ents():
    texts.load()
    return str(texts.ask(request.args["text"]))
"""
FETCHED = """import boto3
import onnxruntime


def fetch(key):
    return boto3.client("s3").get_object(Bucket="models", Key=key)["Body"].read()


def lambda_handler(event, context):
    weights = fetch("price.onnx")
    session = onnxruntime.InferenceSession(weights)
    return session.run(None, event)
"""
TWO_ROUTES = """import joblib
from flask import Flask, request

app = Flask(__name__)


def price(row):
    return joblib.load("price.joblib").predict([row])


@app.route("/one", methods=["POST"])
def one():
    return str(price(request.json))


@app.route("/two", methods=["POST"])
def two():
    return str(price(request.json))
"""


@pytest.mark.parametrize(
    ("text", "code", "line", "note"),
    [
        (FOLDER, "MLS204", 12, "what it goes through is listed here"),
        (REGISTRY, "MLS101", 5, "kept in models"),
        (REGISTRY, "MLS101", 15, "kept here"),
        (HELD, "MLS101", 17, "Texts is made here"),
        (FETCHED, "MLS203", 10, "calls fetch"),
        (FETCHED, "MLS203", 6, "fetches from elsewhere (boto3.client.get_object)"),
        (TWO_ROUTES, "MLS203", 17, "handler /two"),
        (TWO_ROUTES, "MLS203", 18, "calls price"),
    ],
)
def test_a_finding_points_at_what_decides(root, text, code, line, note):
    (root / "app.py").write_text(text)
    (finding,) = [known for known in lint(root, Options()).findings if known.code == code]
    assert (line, note) in {(spot.line, spot.note) for spot in finding.locations}


def test_a_pool_that_the_loop_waits_for_is_not_called_the_loop(tmp_path):
    (tmp_path / "app.py").write_text(
        "from concurrent.futures import ThreadPoolExecutor\n\nimport whisper\nfrom fastapi import FastAPI\n\n"
        'app = FastAPI()\nmodel = whisper.load_model("large-v3")\npool = ThreadPoolExecutor(2)\n\n\n'
        "def heard(path):\n    return model.transcribe(path)\n\n\n"
        '@app.post("/")\nasync def hear(path: str):\n    return pool.submit(heard, path).result()\n'
    )
    found = next(finding for finding in lint(tmp_path, Options(cache=False)).findings if finding.code == "MLS202")
    assert found.message == "POST / stops the event loop until a pool has run large-v3 (transcribe)"
    assert found.primary.note == "computes here, in a pool that the loop waits for"
