"""A deployable in which nothing can happen is not walked, and every other is."""

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
        pytest.param(["from importlib import import_module\n"], id="modules that nobody imports"),
    ],
)
def test_hints(sources):
    assert hinted(*sources)


CALLS = (
    "import requests\nfrom flask import Flask\napp = Flask('a')\n\n@app.get('/')\ndef f(): return requests.get('http://b').text\n"
)


@pytest.mark.parametrize("remote", [True, False])
def test_calls_of_other_services_matter_only_to_who_asks_for_them(tmp_path, remote):
    (tmp_path / "app.py").write_text(CALLS)
    project = project_of(Workspace(tmp_path, cache=False), CATALOG, Options(cache=False), remote=remote)
    assert len(project.deployables) == 1
    assert project.evaluator.silent is not remote
