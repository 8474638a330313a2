"""How deployables are run: processes joined to them, environments that matter, and the options of the configuration."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from mlscaffold.cli.explain import explained
from mlscaffold.errors import ConfigInvalid
from mlscaffold.lint import lint
from mlscaffold.lint.config import Options, ServiceOptions
from mlscaffold.lint.finding import Report

APP = """import os

from fastapi import FastAPI
from transformers import pipeline

app = FastAPI()
model = pipeline("text-classification", model=os.getenv("MODEL", "distilbert-base-uncased"))
if os.getenv("WITH_TOPICS", "false") == "true":
    topics = pipeline("zero-shot-classification", model="facebook/bart-large-mnli")


@app.post("/predict")
def predict(text: str):
    return model(text)
"""
IMAGE = 'FROM python:3.12\nWORKDIR /srv\nCOPY . .\nCMD ["uvicorn", "main:app", "--workers", "2"]\n'


def report(folder: Path, files: Mapping[str, str], **options: object) -> Report:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return lint(folder, Options(cache=False, **options))  # type: ignore[arg-type]


def service(**options: object) -> dict[str, ServiceOptions]:
    return {"api": ServiceOptions(**options)}  # type: ignore[arg-type]


def test_a_process_is_joined_by_its_entry_file(tmp_path: Path) -> None:
    compose = "services:\n  api:\n    build: .\n    mem_limit: 1g\n    environment: {TOKEN: hunter2}\n"
    (api,) = report(tmp_path, {"main.py": APP, "Dockerfile": IMAGE, "compose.yaml": compose}).services
    (start,) = api.started_by
    assert (api.workers, api.memory_limit) == (2, 2**30)
    assert (start.path, start.line, start.entry, start.name, start.environment) == ("Dockerfile", 4, "main.py", "api", ("TOKEN",))
    assert "hunter2" not in repr(api)


def test_a_file_that_only_imports_the_application_starts_it_too(tmp_path: Path) -> None:
    files = {"main.py": APP, "wsgi.py": "from main import app\n", "Procfile": "web: gunicorn -w 3 wsgi:app\n"}
    (api,) = report(tmp_path, files).services
    assert (api.entry.path, api.workers) == ("main.py", 3)


@pytest.mark.parametrize(
    ("files", "workers"),
    [
        ({}, 3),
        ({"Procfile": "web: python main.py\n"}, 3),
        ({"Procfile": "web: uvicorn main:app\n"}, None),
        ({"Procfile": "web: uvicorn main:app --workers 2\n"}, 2),
    ],
    ids=["no deploy file", "started as a script", "started as a module", "the command line says it"],
)
def test_workers_that_the_code_asks_for(tmp_path: Path, files: dict[str, str], workers: int | None) -> None:
    code = f'{APP}\n\nif __name__ == "__main__":\n    import uvicorn\n\n'
    code += '    uvicorn.run("main:app", workers=int(os.getenv("N", "3")))\n'
    (api,) = report(tmp_path, {"main.py": code, **files}).services
    assert api.workers == workers


def test_services_of_one_factory_are_told_apart_by_their_folders(tmp_path: Path) -> None:
    files = {"common/factory.py": "from fastapi import FastAPI\n\n\ndef made(name):\n    return FastAPI(title=name)\n"}
    for name, workers in (("one", 2), ("two", 3)):
        files[f"services/{name}/app.py"] = (
            f"import fastapi\n\nfrom common.factory import made\n\napp: fastapi.FastAPI = made({name!r})\n"
        )
        files[f"services/{name}/__main__.py"] = "from common.factory import made\n\nmade('unused')\n"
        files[f"services/{name}/Dockerfile"] = f"FROM x\nCMD python -m services.{name} --workers {workers}\n"
    services = report(tmp_path, files).services
    assert {known.entry.path: known.workers for known in services} == {"services/one/app.py": 2, "services/two/app.py": 3}


def test_a_queue_and_a_web_server_of_one_file_have_their_own_processes(tmp_path: Path) -> None:
    app = "from celery import Celery\nfrom fastapi import FastAPI\n\napp = FastAPI()\nqueue = Celery()\n"
    procfile = "web: uvicorn main:app --workers 2\nworker: celery -A main worker -c 8\n"
    services = report(tmp_path, {"main.py": app, "Procfile": procfile}).services
    assert {(known.kind, known.workers) for known in services} == {("web", 2), ("worker", 8)}


def test_a_django_project_is_started_by_its_wsgi_file(tmp_path: Path) -> None:
    files = {
        "site/wsgi.py": "from django.core.wsgi import get_wsgi_application\n\napplication = get_wsgi_application()\n",
        "site/urls.py": "from django.urls import path\n\nurlpatterns = []\n",
        "Procfile": "web: gunicorn -w 5 site.wsgi\n",
    }
    (site,) = report(tmp_path, files).services
    assert (site.entry.path, site.workers) == ("site/urls.py", 5)


TWO = """
services:
  mood: {build: ., environment: {MODEL: distilbert-base-uncased-finetuned-sst-2-english, LOG: a}}
  topics: {build: ., environment: {MODEL: facebook/bart-large-mnli, LOG: b}}
"""


def test_one_image_with_two_models_is_two_services_of_one_model_each(tmp_path: Path) -> None:
    found = report(tmp_path, {"main.py": APP, "Dockerfile": IMAGE, "compose.yaml": TWO})
    assert {known.id: [model.name for model in known.models] for known in found.services} == {
        "main@mood": ["distilbert-base-uncased-finetuned-sst-2-english"],
        "main@topics": ["facebook/bart-large-mnli"],
    }
    assert "MLS101" not in {finding.code for finding in found.findings}


def test_environments_that_change_nothing_are_one_service(tmp_path: Path) -> None:
    same = TWO.replace("facebook/bart-large-mnli", "distilbert-base-uncased-finetuned-sst-2-english")
    (only,) = report(tmp_path, {"main.py": APP, "Dockerfile": IMAGE, "compose.yaml": same}).services
    assert (only.id, [start.name for start in only.started_by]) == ("main", ["mood", "topics"])


def test_an_address_chooses_no_model(tmp_path: Path) -> None:
    by_port = TWO.replace("MODEL: ", "MODEL_PORT: ")
    app = APP.replace("MODEL", "MODEL_PORT")  # whoever names a model by its port has one service all the same
    (only,) = report(tmp_path, {"main.py": app, "Dockerfile": IMAGE, "compose.yaml": by_port}).services
    assert [start.name for start in only.started_by] == ["mood", "topics"]


@pytest.mark.parametrize(("value", "found"), [("true", True), ("false", False)])
def test_a_switch_in_a_manifest_decides(tmp_path: Path, value: str, found: bool) -> None:
    manifest = (
        "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {WITH_TOPICS: '" + value + "'}\n---\n"
        "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: api}\nspec: {template: {spec: {containers: [\n"
        "  {name: api, image: api, envFrom: [{configMapRef: {name: c}}]}]}}}\n"
    )
    codes = {known.code for known in report(tmp_path, {"main.py": APP, "Dockerfile": IMAGE, "k8s.yaml": manifest}).findings}
    assert ("MLS101" in codes) is found


def test_a_deploy_file_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    found = report(tmp_path, {"main.py": APP, "compose.yaml": "services:\n  api: {{ x }}\n"})
    assert [(file.path, "template" in file.reason) for file in found.skipped] == [("compose.yaml", True)]


def test_a_comment_at_the_limit_hides_what_is_said_of_it(tmp_path: Path) -> None:
    app = APP.replace('os.getenv("MODEL", "distilbert-base-uncased")', '"facebook/bart-large-mnli"')
    compose = "services:\n  api:\n    build: .\n    mem_limit: 1g{}\n"
    loud = report(tmp_path, {"main.py": app, "Dockerfile": IMAGE, "compose.yaml": compose.format("")}, select=("MLS104",))
    (finding,) = loud.findings
    assert [(at.path, at.line) for at in finding.locations[:2]] == [("compose.yaml", 4), ("Dockerfile", 4)]
    quiet = compose.format("  # mls: ignore[MLS104] -- swapped on purpose")
    assert report(tmp_path, {"compose.yaml": quiet}, select=("MLS104",)).findings == ()


def test_a_deploy_file_is_explained(tmp_path: Path) -> None:
    compose = "services:\n  api:\n    build: .\n    mem_limit: 1g\n"
    found = report(tmp_path, {"main.py": APP, "Dockerfile": IMAGE, "compose.yaml": compose})
    said = explained(found, "Dockerfile", exists=True)
    assert "part of the service main (fastapi), which starts at main.py:6" in said
    assert "line 4: starts it, 2 workers, at most 1.1 GB, by uvicorn main:app --workers 2" in said


# -- options -----------------------------------------------------------------------------------------------------------


def test_an_entry_renames_a_service_and_its_figures_count(tmp_path: Path) -> None:
    files = {"backend/main.py": APP}
    options = service(entry="backend/main.py", workers=4, memory_limit_mb=2000, latency_budget_ms=100)
    (api,) = report(tmp_path, files, services=options).services
    assert (api.id, api.workers, api.memory_limit, api.latency_budget_ms) == ("api", 4, 2_000_000_000, 100)


def test_an_entry_that_no_framework_shows_is_a_service(tmp_path: Path) -> None:
    code = 'import joblib\n\nmodel = joblib.load("model.joblib")\nother = joblib.load("other_model.joblib")\n'
    assert report(tmp_path, {"job.py": code}).services == ()
    (job,) = report(tmp_path, {"job.py": code}, services=service(entry="job.py", mode="batch")).services
    assert (job.id, job.kind, [model.name for model in job.models]) == ("api", "batch", ["model.joblib", "other_model.joblib"])


@pytest.mark.parametrize(("mode", "found"), [("", True), ("online", True), ("batch", False)])
def test_nobody_waits_for_a_batch(tmp_path: Path, mode: str, found: bool) -> None:
    app = APP.replace("distilbert-base-uncased", "facebook/bart-large-mnli")
    findings = report(tmp_path, {"main.py": app}, services={"main": ServiceOptions(mode=mode)}).findings  # type: ignore[arg-type]
    assert ("MLS201" in {finding.code for finding in findings}) is found


def test_a_schedule_makes_a_service(tmp_path: Path) -> None:
    manifest = (
        "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\nspec:\n  schedule: '*/5 * * * *'\n"
        "  jobTemplate: {spec: {template: {spec: {containers: [{name: a, image: b, command: [python, score.py]}]}}}}\n"
    )
    (job,) = report(tmp_path, {"score.py": "print(1)\n", "cron.yaml": manifest}).services
    assert (job.id, job.kind, job.started_by[0].name) == ("score", "batch", "nightly")


def test_options_for_nobody_are_a_mistake(tmp_path: Path) -> None:
    with pytest.raises(ConfigInvalid, match=r"services\.mian: there is no such service; did you mean 'main'"):
        report(tmp_path, {"main.py": APP}, services={"mian": ServiceOptions(workers=2)})


def test_options_of_the_whole_repository_do_not_hinder_a_look_at_a_part(tmp_path: Path) -> None:
    options = {"services": {"backend/main": ServiceOptions(workers=2)}, "source": tmp_path / "mlscaffold.toml"}
    (api,) = report(tmp_path, {"backend/main.py": APP}, **options).services
    (part,) = lint(tmp_path / "backend", Options(cache=False, **options)).services  # type: ignore[arg-type]
    assert (api.workers, part.workers) == (2, None)


CONSUMER = """import joblib
import redis

kind = joblib.load("kind_model.joblib")
price = joblib.load("price_model.joblib")
queue = redis.Redis()


def main():
    while True:
        _, row = queue.blpop("rows")
        queue.rpush("answers", str((kind.predict([row]), price.predict([row]))))


if __name__ == "__main__":
    main()
"""


def test_a_program_that_a_deploy_file_starts_and_never_ends_is_a_worker(tmp_path: Path) -> None:
    compose = "services:\n  scorer:\n    build: .\n    command: python consume.py\n"
    found = report(tmp_path, {"consume.py": CONSUMER, "compose.yaml": compose})
    (worker,) = found.services
    assert (worker.kind, worker.entry.path, [model.name for model in worker.models]) == (
        "worker",
        "consume.py",
        ["kind_model.joblib", "price_model.joblib"],
    )
    assert [finding.code for finding in found.findings] == ["MLS101"]
    assert [spot.note for spot in found.findings[0].locations if spot.line == 1] == ["the program starts here"]
    assert found.findings[0].message == (
        "2 models in one process: kind_model.joblib, price_model.joblib; one program runs them all"
    )


def test_a_program_that_runs_to_its_end_is_a_job_and_no_server(tmp_path: Path) -> None:
    job = CONSUMER.replace("while True:", "for _ in range(9):")
    found = report(tmp_path, {"score.py": job, "Dockerfile": 'FROM python:3.12\nCMD ["python", "score.py"]\n'})
    assert [service.kind for service in found.services] == ["batch"]
    assert not found.findings


def test_a_program_that_nothing_starts_or_that_has_no_model_is_no_service(tmp_path: Path) -> None:
    assert not report(tmp_path, {"score.py": CONSUMER}).services
    files = {"clean.py": "print('cleaned')\n", "Dockerfile": 'FROM python:3.12\nCMD ["python", "clean.py"]\n'}
    assert not report(tmp_path, files).services


def test_what_a_serving_class_inherits_runs_as_its_own(tmp_path: Path) -> None:
    base = (
        "from ray import serve\nfrom transformers import pipeline\n\n\nclass Base:\n    NAME = 'distilbert-base-uncased'\n\n"
        "    def __init__(self):\n        self.pipe = pipeline('text-classification', model=self.NAME)\n\n"
        "    async def __call__(self, text):\n        return self.pipe(text)\n\n\n"
        "@serve.deployment\nclass Small(Base):\n    pass\n\n\n"
        "@serve.deployment\nclass Large(Base):\n    NAME = 'roberta-large'\n"
    )
    services = report(tmp_path, {"app.py": base}).services
    assert [[model.name for model in service.models] for service in services] == [["distilbert-base-uncased"], ["roberta-large"]]
    assert [[handler.name for handler in service.handlers] for service in services] == [["__call__"], ["__call__"]]


ROUTED = """from fastapi import FastAPI
from ray import serve

app = FastAPI()


@serve.deployment(name="first")
@serve.ingress(app)
class First:
    @app.get("/first")
    def first(self): ...


@serve.deployment(name="second")
@serve.ingress(app)
class Second(Base):
    @app.get("/second")
    def second(self): ...


one, two = First.bind(), Second.bind()
"""


def test_a_class_that_is_a_server_has_its_own_routes(tmp_path: Path) -> None:
    base = "class Base:\n    @app.get('/both')\n    def both(self): ...\n\n\n"
    text = ROUTED.replace('@serve.deployment(name="first")', f'{base}@serve.deployment(name="first")')
    services = report(tmp_path, {"app.py": text}).services
    assert [[handler.name for handler in service.handlers] for service in services] == [
        ["GET /first"],
        ["GET /both", "GET /second"],
    ]


TOKENS = """from fastapi import FastAPI
from transformers import AutoTokenizer, pipeline

app = FastAPI()
tokens = AutoTokenizer.from_pretrained("distilbert-base-uncased")
classify = pipeline("text-classification", model="prajjwal1/bert-tiny")


@app.post("/count")
async def count(text: str):
    return len(tokens.encode(text))
"""


def test_a_tokenizer_on_the_loop_is_not_worth_a_word(tmp_path: Path) -> None:
    assert not report(tmp_path, {"app.py": TOKENS}).findings
    asked = TOKENS.replace("len(tokens.encode(text))", "classify(text)")
    assert [finding.code for finding in report(tmp_path, {"app.py": asked}).findings] == ["MLS202"]
