"""One result, whatever the order of files, the state of the cache and where the repository lies."""

import marshal
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.cache import remembered
from mlscaffold.lint.config import Options
from mlscaffold.lint.discover import list_files, read_source
from mlscaffold.lint.engine import run
from mlscaffold.lint.finding import SkippedFile
from mlscaffold.lint.glance import names_server
from mlscaffold.lint.project.imports import Imports
from mlscaffold.lint.report.json import render
from mlscaffold.lint.workspace import Workspace
from mlscaffold.store import cache_folder, digest_of, read_value, write_value

APP = """import joblib
from fastapi import FastAPI
from parts.second import second_model

app = FastAPI()
first_model = joblib.load("first_model.joblib")

@app.post("/first")
async def first(row: list[float]):
    return first_model.predict([row])

@app.post("/second")
def second(row: list[float]):
    return second_model.predict([row])
"""
SECOND = 'import joblib\n\nsecond_model = joblib.load("second_model.joblib")\n'


@pytest.fixture
def repository(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("MLSCAFFOLD_CACHE_DIR", str(tmp_path / "cache"))
    root = tmp_path / "repository"
    (root / "parts").mkdir(parents=True)
    (root / "app.py").write_text(APP)
    (root / "parts/second.py").write_text(SECOND)
    return root


def shown(root: Path, **options) -> str:
    """The report as the command line prints it: with what it remembers."""
    chosen = Options(**options)
    workspace = Workspace(root, exclude=chosen.exclude, cache=chosen.cache)
    _, (text,) = remembered(workspace, chosen, "json", lambda: (0, (render(run(workspace, chosen)),)))
    return text


def test_both_models_are_found_with_the_way_to_them(repository):
    (finding,) = [known for known in lint(repository).findings if known.code == "MLS101"]
    assert {("app.py", 6), ("parts/second.py", 3), ("app.py", 3), ("app.py", 5)} <= {
        (spot.path, spot.line) for spot in finding.locations
    }
    assert finding.subjects == ("first_model.joblib", "second_model.joblib")


def test_cold_warm_and_uncached_runs_say_the_same(repository):
    assert shown(repository) == shown(repository) == shown(repository, cache=False)


def test_the_number_of_jobs_changes_nothing(repository):
    assert shown(repository, jobs=1) == shown(repository, jobs=4) == shown(repository, jobs=4, cache=False)


def test_the_files_that_are_passed_only_choose_among_the_findings(repository):
    whole = lint(repository).findings
    chosen = lint(repository, Options(files=("parts/second.py",))).findings
    touching = [found for found in whole if any(at.path == "parts/second.py" for at in found.locations)]
    assert list(chosen) == touching
    assert 0 < len(touching) < len(whole)


def test_the_order_of_the_file_system_does_not_matter(repository, monkeypatch):
    expected = shown(repository, cache=False)
    walk = os.walk
    monkeypatch.setattr(os, "walk", lambda *a, **k: ((top, inside[::-1], names[::-1]) for top, inside, names in walk(*a, **k)))
    assert shown(repository, cache=False) == expected


def test_a_change_is_seen_at_once_even_when_date_and_size_stay(repository):
    before = shown(repository)
    path = repository / "parts/second.py"
    stat = path.stat()
    path.write_text(SECOND.replace("second_model.joblib", "secund_model.joblib"))
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert path.stat().st_size == stat.st_size
    assert shown(repository) != before


def test_what_is_remembered_is_used(repository):
    shown(repository)
    for path in cache_folder().glob("printed-*"):
        *_, (code, _) = read_value(path.name)
        write_value(path.name, ({}, {}, (code, ("as kept",))))
    assert shown(repository) == "as kept"
    assert shown(repository, cache=False) != "as kept"


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda kept: b"", id="empty"),
        pytest.param(lambda kept: b"nonsense", id="nonsense"),
        pytest.param(lambda kept: kept[:-3], id="cut short"),
        pytest.param(lambda kept: kept[:30] + bytes([kept[30] ^ 1]) + kept[31:], id="one bit"),
        pytest.param(lambda kept: marshal.dumps(({}, {}, (0, ("planted",)))), id="without its hash"),
        pytest.param(lambda kept: sound([1, 2]), id="another shape"),
        pytest.param(lambda kept: sound(({}, "planted")), id="another shape inside"),
    ],
)
def test_a_damaged_or_foreign_cache_is_ignored(repository, spoil):
    expected = shown(repository)
    kept = [path for path in cache_folder().iterdir() if not path.name.startswith("catalog")]
    assert {path.name.partition("-")[0] for path in kept} >= {"printed", "looks", "deployed", "judged"}
    for path in kept:
        path.write_bytes(spoil(path.read_bytes()))
    assert shown(repository) == expected


def sound(value: object) -> bytes:
    held = marshal.dumps(value)
    return digest_of(held) + held


def test_a_file_that_rests_is_not_read_again_and_one_that_was_written_is(repository, monkeypatch):
    expected = shown(repository)
    clock = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: clock() + 3_000_000_000)  # the files have rested
    shown(repository, preview=True)
    (kept,) = cache_folder().glob("index-*")
    assert set(read_value(kept.name)) == {"app.py", "parts/second.py"}
    monkeypatch.setattr("mlscaffold.lint.workspace.read_source", lambda root, name: pytest.fail(f"{name} is read again"))
    assert shown(repository) == expected


def test_a_file_that_was_just_written_is_not_trusted(repository):
    shown(repository)
    assert not list(cache_folder().glob("index-*"))


def test_weights_that_grow_are_seen(repository):
    weights = repository / "first_model.joblib"
    weights.write_bytes(b"0" * 3_000)
    assert '"bytes": 3000' in shown(repository)
    weights.write_bytes(b"0" * 4_000)
    assert '"bytes": 4000' in shown(repository)


def test_a_pointer_to_other_weights_is_seen(repository):
    pointer = repository / "first_model.joblib"
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 12345\n")
    assert '"bytes": 12345' in shown(repository)
    pointer.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 54321\n")
    assert '"bytes": 54321' in shown(repository)


def test_nothing_is_written_into_the_repository(repository):
    before = sorted(repository.rglob("*"))
    lint(repository)
    assert sorted(repository.rglob("*")) == before


def test_a_run_that_cannot_keep_a_cache_works(repository, monkeypatch):
    monkeypatch.setenv("MLSCAFFOLD_CACHE_DIR", "/dev/null/cache")
    assert lint(repository).findings


def test_the_hot_path_imports_nothing_heavy(repository):
    code = (
        "import sys; from pathlib import Path; from mlscaffold.lint import lint; lint(Path(sys.argv[1]));"
        "heavy = 'yaml typer rich libcst onnxruntime copier jinja2 dataclasses typing json hashlib subprocess tempfile tomllib';"
        "print([name for name in heavy.split() if name in sys.modules])"
    )
    lint(repository)  # the catalogue is compiled once
    (repository / "parts/second.py").write_text(SECOND + "\n# changed: the engine runs\n")
    done = subprocess.run([sys.executable, "-c", code, str(repository)], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_git_decides_which_files_there_are(repository):
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    (repository / ".gitignore").write_text("hidden.py\n")
    (repository / "hidden.py").write_text("x = 1\n")
    (repository / "new file\n.py").write_text("x = 1\n")
    assert list_files(repository).python == ("app.py", "new file\n.py", "parts/second.py")


def test_what_is_excluded_is_not_listed(repository):
    assert list_files(repository, exclude=("parts/*",)).python == ("app.py",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [(b"x = 1\0", "binary: holds a NUL byte"), (b"#" * 1_000_001, "larger than 1 MB")],
    ids=["binary", "huge"],
)
def test_what_cannot_be_read_is_said(repository, content, reason):
    (repository / "odd.py").write_bytes(content)
    assert read_source(repository, "odd.py") == SkippedFile("odd.py", reason)


def test_links_that_loop_end(repository):
    (repository / "loop").symlink_to(repository)
    (repository / "dangling.py").symlink_to(repository / "nowhere.py")
    assert SkippedFile("dangling.py", "no regular file") in lint(repository).skipped


@pytest.mark.parametrize(
    ("importer", "module", "level", "expected"),
    [
        pytest.param("a/src/app/main.py", "app.ml", 0, "a/src/app/ml.py", id="nearest-root"),
        pytest.param("b/src/app/main.py", "app.ml", 0, "b/src/app/ml.py", id="same-name-elsewhere"),
        pytest.param("a/src/app/main.py", "ml", 1, "a/src/app/ml.py", id="relative"),
        pytest.param("a/src/app/requests.py", "requests", 0, None, id="never-itself"),
        pytest.param("a/src/app/main.py", "requests", 0, None, id="a-package-is-no-root"),
        pytest.param("a/src/app/main.py", "json", 0, None, id="standard-library"),
        pytest.param("c/run.py", "only_here", 0, "c/lib/only_here.py", id="pythonpath"),
    ],
)
def test_imports_lead_to_the_nearest_root(importer, module, level, expected):
    paths = ["a/src/app/__init__.py", "a/src/app/main.py", "a/src/app/ml.py", "a/src/app/requests.py", "b/src/app/__init__.py",
             "b/src/app/main.py", "b/src/app/ml.py", "c/run.py", "c/lib/only_here.py"]  # fmt: skip
    assert Imports(paths, outside=["requests"]).resolve(importer, module, level) == expected


@pytest.mark.parametrize(
    "source",
    [
        "import flask",
        "import torch, flask",
        "import torch as t, flask as f",
        "import torch, \\\n    flask",
        "import torch; import flask",
        "try: import flask\nexcept ImportError: pass",
        "try: from flask import Flask\nexcept ImportError: pass",
        "if True:\n\tfrom flask.views import View",
        "\ufeffimport flask",
        "import torch,\\\r\n flask\r\n",
    ],
)
def test_every_way_to_import_a_framework_is_noticed(source):
    assert names_server(source.encode())


@pytest.mark.parametrize(
    "source", ["import flasks", "import torch, flasks", "# import flask", "x = 'import, flask'", "from . import flask"]
)
def test_what_imports_no_framework_is_left_alone(source):
    assert not names_server(source.encode())


def test_the_page_that_configures_itself_is_the_entry_of_what_it_shows(tmp_path):
    (tmp_path / "views").mkdir()
    (tmp_path / "views/price.py").write_text("import streamlit as st\n\n\ndef show():\n    st.write(1)\n    st.write(2)\n")
    (tmp_path / "home.py").write_text(
        "import streamlit as st\nfrom views.price import show\n\nst.set_page_config(page_title='Prices')\nshow()\n"
    )
    services = run(Workspace(tmp_path, exclude=(), cache=False), Options()).services
    assert [(service.entry.path, service.framework) for service in services] == [("home.py", "streamlit")]


def test_a_deploy_file_on_the_way_to_a_model_is_not_read_as_python(repository):
    (repository / "app.py").write_text(
        "import os\nfrom fastapi import FastAPI\nfrom transformers import pipeline\n\napp = FastAPI()\n"
        'SHORT = os.getenv("SHORT", "no")\nsummarize = pipeline("summarization", model="facebook/bart-large-cnn")\n\n'
        '@app.get("/articles/{article_id}")\ndef article(article_id: int):\n'
        '    if SHORT == "yes":\n        return summarize(str(article_id))\n    return article_id\n'
    )
    (repository / ".env").write_text("SHORT=yes\nLIMIT=10 a\n")
    report = lint(repository, Options(preview=True, cache=False))
    assert "MLS210" in {finding.code for finding in report.findings}
    assert report.skipped == ()


TWICE = """from fastapi import FastAPI
from transformers import pipeline

app = FastAPI()
model = pipeline("text-generation", model="mistralai/Mistral-7B-v0.1")


def again():
    global model
    model = pipeline("text-generation", model="mistralai/Mistral-7B-v0.1")


@app.post("/write")
def write(text: str):
    if model is None:
        again()
    return model(text)
"""


def test_two_loads_of_the_same_weights_are_one_finding(tmp_path):
    (tmp_path / "app.py").write_text(TWICE)
    findings = lint(tmp_path, Options(select=("MLS201",), cache=False)).findings
    assert len(findings) == 1
    assert {5, 10, 17} <= {at.line for at in findings[0].locations}


def test_a_module_that_gives_an_application_its_routes_is_run_with_it(tmp_path):
    (tmp_path / "api.py").write_text("from fastapi import FastAPI\n\napp = FastAPI()\n")
    (tmp_path / "words.py").write_text(
        "from fastapi import APIRouter\nfrom transformers import pipeline\n\nrouter = APIRouter()\n"
        'model = pipeline("summarization", model="facebook/bart-large-cnn")\n\n\n'
        '@router.post("/words")\ndef words(text: str):\n    return model(text)\n'
    )
    (tmp_path / "function").mkdir()
    (tmp_path / "function" / "__init__.py").write_text(
        "from api import app\nfrom words import router\n\napp.include_router(router)\n"
    )
    (service,) = lint(tmp_path, Options(cache=False)).services
    assert [handler.name for handler in service.handlers] == ["POST /words"]
    assert len(service.models) == 1


OWN_KIND = """from fastapi import FastAPI
from pydantic import BaseModel, Field
import joblib


class Part(BaseModel):
    part: "Part" = Field(default_factory=lambda: Part())
    parts: list = Field(default_factory=Part)


class Part(Part):
    rest: Part = Field(default_factory=Part)


app = FastAPI()
model = joblib.load("model.joblib")
held = Part()


@app.post("/predict")
def predict(x: list):
    Part()
    return model.predict(x)
"""


def test_a_record_that_is_made_of_its_own_kind_ends(tmp_path):
    (tmp_path / "app.py").write_text(OWN_KIND)
    (service,) = lint(tmp_path, Options(cache=False)).services
    assert len(service.models) == 1


def test_a_global_that_is_given_itself_ends(tmp_path):
    (tmp_path / "app.py").write_text(
        "from fastapi import FastAPI\nimport joblib\n\napp = FastAPI()\n\n\ndef put():\n    global model\n    model = model\n\n\n"
        'def load():\n    global model\n    model = joblib.load("model.joblib")\n\n\nload()\n\n\n'
        '@app.post("/predict")\ndef predict(x: list):\n    put()\n    return model.predict(x)\n'
    )
    (service,) = lint(tmp_path, Options(cache=False)).services
    assert len(service.models) == 1
