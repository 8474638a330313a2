"""A deployable in which nothing can happen is not walked, and every other is."""

from pathlib import Path

import pytest

from mlscaffold.lint.catalog import Catalog
from mlscaffold.lint.config import Options
from mlscaffold.lint.judge import project_of
from mlscaffold.lint.project.hints import Hints
from mlscaffold.lint.project.source import Module
from mlscaffold.lint.reader import read_facts
from mlscaffold.lint.workspace import Workspace
from mlscaffold.resources import rules_folder

CATALOG = Catalog((rules_folder() / "catalog",))
HINTS = Hints(CATALOG, remote=True)


def hinted(*sources: str) -> bool:
    return HINTS.any_in([Module(f"{hash(source)}.py", read_facts(source.encode())) for source in sources])


@pytest.mark.parametrize(
    "source",
    [
        pytest.param("from fastapi import FastAPI\napp = FastAPI()\n@app.get('/')\ndef f(): return 1\n", id="no model at all"),
        pytest.param("import asyncio, os, subprocess\nprint(os.path.join('a'), asyncio.gather)\n", id="not the names"),
        pytest.param("def get(self): return self.session.get('x')\n", id="not the packages"),
        pytest.param('"""model.fit(x)"""\n# model.predict(x)\n', id="only in words"),
    ],
)
def test_silence(source):
    assert not hinted(source)


@pytest.mark.parametrize(
    "sources",
    [
        pytest.param(["import joblib\nm = joblib.load('x')\n"], id="a load"),
        pytest.param(["from joblib import load as open_it\nm = open_it('x')\n"], id="under another name"),
        pytest.param(["import joblib\n", "from a import joblib\nm = joblib.load('x')\n"], id="the package elsewhere"),
        pytest.param(["import joblib\nm = getattr(joblib, 'load')('x')\n"], id="the name in a text"),
        pytest.param(["class Net(torch.nn.Module): pass\nimport torch\n"], id="a network"),
        pytest.param(["def f(model, x): model.fit(x)\n"], id="training by its name"),
        pytest.param(["def f(engine, x): return engine.transcribe(x)\n"], id="inference by its name"),
        pytest.param(["import requests\n@requests.get\ndef f(): pass\n"], id="in a decorator"),
        pytest.param(["import requests\ndef f(x=requests.post): pass\n"], id="in a default"),
    ],
)
def test_hints(sources):
    assert hinted(*sources)


CALLS = (
    "import requests\nfrom flask import Flask\napp = Flask('a')\n\n@app.get('/')\ndef f(): return requests.get('http://b').text\n"
)
BY_NAME = (
    "from importlib import import_module\nfrom flask import Flask\napp = Flask('a')\n\n@app.get('/')\ndef f(): return made()\n\n"
)
MODEL = "import joblib\n\nmodel = joblib.load('m.joblib')\n"


def is_walked(root: Path, *, remote: bool, **files: str) -> bool:
    for name, content in files.items():
        (root / f"{name}.py").write_text(content)
    project = project_of(Workspace(root, cache=False), CATALOG, Options(cache=False), remote=remote)
    assert len(project.deployables) == 1
    return not project.evaluator.silent


@pytest.mark.parametrize("remote", [True, False])
def test_calls_of_other_services_matter_only_to_who_asks_for_them(tmp_path, remote):
    assert is_walked(tmp_path, remote=remote, app=CALLS) is remote


@pytest.mark.parametrize(
    ("code", "walked"),
    [
        pytest.param("def made(): return import_module('parts').model\n", True, id="a module that nobody imports"),
        pytest.param("def made(): return import_module('torch')\n", True, id="a library"),
        pytest.param("def made(): return [import_module(name) for name in open('names')]\n", False, id="who knows what"),
        pytest.param("def made(): return import_module('other').text\n", False, id="a module without a model"),
        pytest.param("made = import_module\n", True, id="handed on"),
        pytest.param(
            "def import_module(name): return name\n\ndef made(): return import_module('a')\n", False, id="another function"
        ),
    ],
)
def test_what_a_text_names_is_looked_at(tmp_path, code, walked):
    files = {"app": BY_NAME + code, "parts": MODEL, "other": "text = 'a'\n"}
    assert is_walked(tmp_path, remote=False, **files) is walked
