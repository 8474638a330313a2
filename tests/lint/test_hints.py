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
        pytest.param("import os\nsystem = 'a'\n", id="not of the package"),
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
        pytest.param(["import joblib\nopen_it = joblib.load\n", "from a import open_it\nm = open_it('x')\n"], id="handed on"),
        pytest.param(["import joblib as kept\n", "from a import kept\nm = kept.load('x')\n"], id="a package under another name"),
        pytest.param(["import joblib\nkept = joblib\n", "from a import kept\nm = kept.load('x')\n"], id="a package as a value"),
        pytest.param(["import joblib\n", "from .a import joblib as kept\nm = kept.load('x')\n"], id="renamed on the way"),
        pytest.param(["from joblib import *\n", "from a import load\nm = load('x')\n"], id="all its names"),
    ],
)
def test_hints(sources):
    assert hinted(*sources)


SERVER = "from flask import Flask\napp = Flask('a')\n\n@app.get('/')\ndef f(): return made()\n\n"
CALLS = "import requests\n" + SERVER + "def made(): return requests.get('http://b').text\n"
BY_TEXT = "from importlib import import_module\n" + SERVER
PLUG_IN = {"parts/a.py": "import joblib\n\nmodel = joblib.load('m.joblib')\n"}


def is_walked(root: Path, files: dict[str, str], *, remote: bool) -> bool:
    for name, content in files.items():
        (root / name).parent.mkdir(exist_ok=True)
        (root / name).write_text(content)
    project = project_of(Workspace(root, cache=False), CATALOG, Options(cache=False), remote=remote)
    assert len(project.deployables) == 1
    return not project.evaluator.silent


@pytest.mark.parametrize("remote", [True, False])
def test_calls_of_other_services_matter_only_to_who_asks_for_them(tmp_path, remote):
    assert is_walked(tmp_path, {"app.py": CALLS}, remote=remote) is remote


@pytest.mark.parametrize(
    ("made", "others", "walked"),
    [
        pytest.param("import_module(input()).x", {}, False, id="nothing that it could be"),
        pytest.param("import_module(input()).x", PLUG_IN, True, id="a file of the repository"),
        pytest.param("import_module(input()).x", {"tests/a.py": PLUG_IN["parts/a.py"]}, False, id="a test"),
        pytest.param("import_module('torch').load('a')", {}, True, id="a library"),
        pytest.param("import_module(name).load('a') for name in 'a,torch'.split(',')", {}, True, id="one of a list"),
        pytest.param(
            "import_module(config.engine).load('a')", {"config.yaml": "engine: torch.hub\n"}, True, id="in the settings"
        ),
        pytest.param(
            "import_module(os.environ['ENGINE']).load()", {"Dockerfile": "ENV ENGINE=torch\n"}, True, id="in a deploy file"
        ),
        pytest.param("import_module(input()).load()", {"config.yaml": "path: a/torch/b\n"}, False, id="in a path"),
    ],
)
def test_what_a_text_may_name_is_looked_at(tmp_path, made, others, walked):
    assert is_walked(tmp_path, {"app.py": f"{BY_TEXT}def made(): return [{made}]\n", **others}, remote=False) is walked
