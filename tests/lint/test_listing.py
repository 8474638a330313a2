"""The models that a report lists: one entry for one model, however many places load it, and for a table of models."""

from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options
from mlscaffold.lint.report.wording import model_facts
from mlscaffold.lint.service import Also, Model

APP = """from fastapi import FastAPI

app = FastAPI()
"""
TABLE = """import spacy

models = {
    "de": spacy.load("de_core_news_sm"),
    "en": spacy.load("en_core_web_sm"),
    "es": spacy.load("es_core_news_sm"),
    "fr": spacy.load("fr_core_news_sm"),
}
"""
PAIR = """import spacy

models = {"de": spacy.load("de_core_news_sm"), "en": spacy.load("en_core_web_sm")}
"""
RELOADED = """import joblib

model = joblib.load("model.joblib")


@app.post("/refresh")
def refresh():
    global model
    model = joblib.load("model.joblib")
"""
IN_EACH_REQUEST = """import joblib


@app.post("/one")
def one(row: list[float]):
    return joblib.load("model.joblib").predict([row])


@app.post("/two")
def two(row: list[float]):
    return joblib.load("model.joblib").predict([row])
"""

KEPT_BY_ITS_HELPER = """import whisper

kept = {}


def net(size):
    if size not in kept:
        kept[size] = whisper.load_model(size)
    return kept[size]


@app.post("/quick")
def quick(path: str):
    return net("tiny").transcribe(path)


@app.post("/exact")
def exact(path: str):
    return net("large").transcribe(path)
"""
KEPT_BY_THE_CALLERS = """import whisper


def net(size):
    return whisper.load_model(size)


quick = net("tiny")
exact = net("large")
"""
OURS_OR_THEIRS = """import os

import whisper


class Ears:
    def __init__(self, weights=None):
        if weights is None:
            self.net = whisper.load_model("tiny")
        else:
            self.net = whisper.load_model(weights)


ears = Ears(os.environ.get("WEIGHTS"))
"""

TASKS = """import joblib
from celery import Celery, Task

queue = Celery("queue")


class Predicts(Task):
    held = None

    def __call__(self, *words):
        if self.held is None:
            self.held = joblib.load(self.weights)
        return self.run(*words)


@queue.task(bind=True, base=Predicts, weights="model.joblib")
def told(self, row):
    return self.held.predict([row])
"""
SENDS = """from tasks import told


@app.post("/told")
def tell(row: list[float]):
    return told.delay(row).id
"""

TRAINED_AT_START = """from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier

rows, kinds = load_iris(return_X_y=True)
forest = RandomForestClassifier()
forest.fit(rows, kinds)


@app.post("/kind")
def kind(row: list[float]):
    return int(forest.predict([row])[0])
"""
TRAINED_AND_SAVED = """import joblib
from sklearn.svm import SVC


@app.post("/train")
def train(rows: list[list[float]], kinds: list[int]):
    machine = SVC()
    machine.fit(rows, kinds)
    joblib.dump(machine, "model.joblib")
    return list(machine.predict(rows))


@app.post("/kind")
def kind(row: list[float]):
    return joblib.load("model.joblib").predict([row])
"""
FLOW = """from airflow.decorators import dag, task


@dag(schedule="@daily")
def daily():
    @task.virtualenv(requirements=["joblib"])
    def predict():
        from nightly import run

        run("rows.csv")

    predict()


daily()
"""
NIGHTLY = """import joblib
import pandas


def run(path):
    return joblib.load("model.joblib").predict(pandas.read_csv(path))
"""
CALLED_FLOW = """from airflow import DAG
from airflow.operators.python import PythonOperator

from nightly import run

with DAG("daily") as flow:
    PythonOperator(task_id="predict", python_callable=run, op_args=["rows.csv"])
"""
OTHER_FLOW = """from prefect import flow


@flow
def copy():
    print("copied")
"""


@pytest.fixture
def listed(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("MLSCAFFOLD_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "repository"
    root.mkdir()

    def models(text: str) -> tuple[Model, ...]:
        (root / "app.py").write_text(APP + text)
        (service,) = lint(root, Options(jobs=1)).services
        return service.models

    return models


def test_a_table_is_one_entry_that_names_the_others(listed) -> None:
    (table,) = listed(TABLE)
    assert (table.name, table.line) == ("de_core_news_sm", 7)
    assert [(other.name, other.line) for other in table.also] == [
        ("en_core_web_sm", 8),
        ("es_core_news_sm", 9),
        ("fr_core_news_sm", 10),
    ]


def test_a_pair_is_two_entries(listed) -> None:
    assert [model.name for model in listed(PAIR)] == ["de_core_news_sm", "en_core_web_sm"]


def test_a_model_that_two_places_load_is_one_entry(listed) -> None:
    (model,) = listed(RELOADED)
    assert (model.line, model.also) == (6, (Also("model.joblib", "app.py", 12),))


def test_what_a_helper_keeps_is_listed_where_it_is_loaded(listed) -> None:
    assert [(model.name, model.line) for model in listed(KEPT_BY_ITS_HELPER)] == [("tiny", 11), ("large", 11)]


def test_what_a_helper_hands_out_is_listed_where_it_is_asked_for(listed) -> None:
    assert [(model.name, model.line) for model in listed(KEPT_BY_THE_CALLERS)] == [("tiny", 11), ("large", 12)]


def test_a_model_of_ours_and_one_that_is_given_instead_are_two_entries(listed) -> None:
    assert [(model.line, model.also) for model in listed(OURS_OR_THEIRS)] == [(12, ()), (14, ())]


def test_what_tasks_load_is_held_by_their_worker_alone(listed, tmp_path: Path) -> None:
    (tmp_path / "repository" / "tasks.py").write_text(TASKS)
    (tmp_path / "repository" / "app.py").write_text(APP + SENDS)
    services = lint(tmp_path / "repository", Options(jobs=1)).services
    assert {service.id: [model.name for model in service.models] for service in services} == {
        "app": [],
        "tasks": ["model.joblib"],
    }


def test_what_a_server_trains_and_asks_is_its_model_where_it_loads_none(listed) -> None:
    assert [(model.name, model.line, model.load) for model in listed(TRAINED_AT_START)] == [
        ("RandomForestClassifier", 9, "module")
    ]


def test_what_is_trained_beside_the_model_that_serves_is_none(listed) -> None:
    assert [(model.name, model.line) for model in listed(TRAINED_AND_SAVED)] == [("model.joblib", 18)]


@pytest.mark.parametrize(
    ("flow", "expected"),
    [
        pytest.param(FLOW, [("airflow", "batch", [("nightly.py", 6)])], id="a task of its own environment"),
        pytest.param(CALLED_FLOW, [("airflow", "batch", [("nightly.py", 6)])], id="an operator"),
        pytest.param(OTHER_FLOW, [], id="a flow without a model is no service"),
    ],
)
def test_flows_are_jobs_with_the_models_that_their_steps_load(tmp_path: Path, monkeypatch, flow: str, expected: object) -> None:
    monkeypatch.setenv("MLSCAFFOLD_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "repository"
    root.mkdir()
    (root / "flow.py").write_text(flow)
    (root / "nightly.py").write_text(NIGHTLY)
    report = lint(root, Options(jobs=1))
    said = [(known.framework, known.kind, [(model.path, model.line) for model in known.models]) for known in report.services]
    assert (said, report.findings) == (expected, ())


def test_each_load_in_a_request_is_an_entry(listed) -> None:
    assert [model.line for model in listed(IN_EACH_REQUEST)] == [9, 14]


def test_a_table_says_how_many_more_it_holds() -> None:
    others = tuple(Also(name, "app.py", 1) for name in ("en", "fr", "de"))
    model = Model("de", "spacy", "app.py", 1, "model", "module", also=others)
    assert model_facts(model) == "de and 2 more (spacy)"
