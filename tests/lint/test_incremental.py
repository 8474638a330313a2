"""What is remembered never shows: after any edits, a run with a cache says what a run without one says, byte for byte."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mlscaffold.lint.cache import remembered
from mlscaffold.lint.config import Options
from mlscaffold.lint.discover import read_source
from mlscaffold.lint.engine import run
from mlscaffold.lint.kept import KeptFacts
from mlscaffold.lint.reader import read_facts
from mlscaffold.lint.report.json import render
from mlscaffold.lint.workspace import Workspace
from mlscaffold.store import cache_folder, prune

FILES = {
    "app.py": [
        "import joblib\nfrom fastapi import FastAPI\nfrom parts.models import second\n\napp = FastAPI()\n"
        'first = joblib.load("first.joblib")\n\n@app.post("/first")\nasync def one(row: list[float]):\n'
        "    return first.predict([row])\n",
        "from fastapi import FastAPI\nfrom parts.models import second\n\napp = FastAPI()\n\n"
        '@app.get("/")\ndef two(x: str):\n    return second(x)\n',
        "import joblib\nfrom fastapi import FastAPI\nfrom parts.models import second\n\napp = FastAPI()\n"
        '# mls: ignore[MLS101] -- agreed\nfirst = joblib.load("first.joblib")\n\n@app.post("/first")\n'
        "def one(row: list[float]):\n    return first.predict([row])\n",
        "from flask import Flask\n\napp = Flask(__name__)\n",
        "def broken(:\n",
    ],
    "parts/models.py": [
        'from transformers import pipeline\n\nsecond = pipeline("sentiment-analysis", model="bert-large-uncased")\n',
        "import config\nfrom transformers import pipeline\n\nsecond = pipeline(model=config.MODEL)\n",
        "def second(x):\n    return x\n",
    ],
    "config.py": ['import os\n\nMODEL = os.getenv("MODEL", "gpt2-xl")\n', 'MODEL = "distilbert-base-uncased"\n'],
    "Dockerfile": [
        'FROM python:3.12\nENV MODEL=bert-large-cased\nCMD ["uvicorn", "app:app", "--workers", "4"]\n',
        'FROM python:3.12\nCMD ["python", "other/main.py"]\n',
    ],
    "other/main.py": [
        "import torch\nfrom flask import Flask\n\napp = Flask(__name__)\nnet = torch.load('net.pt')\n\n"
        "@app.route('/')\ndef f():\n    return net(1)\n",
    ],
    "first.joblib": ["x" * 3000, "x" * 5000, "version https://git-lfs.github.com/spec/v1\nsize 999999\n"],
    "pyproject.toml": ["[project]\nname = 'x'\n", ""],
    "compose.yaml": [
        "services:\n  a:\n    build: .\n    command: gunicorn -c gunicorn.conf.py app:app\n"
        "    environment:\n      MODEL: bert-large-cased\n",
        "services:\n  a:\n    command: [broken\n",
        "",
    ],
    "gunicorn.conf.py": ["workers = 4\npreload_app = True\n", "workers = 2\n", ""],
    "tests/test_app.py": ["import fastapi\n", "import fastapi\n\ndef broken(:\n", "# mls: file-ignore[MLS101] -- agreed\n", ""],
}
STATES = [(name, content) for name, contents in FILES.items() for content in (*contents, None)]


def shown(root: Path, *, cache: bool) -> str:
    options = Options(preview=True, cache=cache)
    workspace = Workspace(root, cache=cache)
    _, (text,) = remembered(workspace, options, "json", lambda: (0, (render(run(workspace, options)),)))
    return text


class Edits(RuleBasedStateMachine):
    """Files of one repository come, change, go and rest."""

    @initialize()
    def begin(self) -> None:
        self.folder = Path(os.environ["MLSCAFFOLD_CACHE_DIR"]).parent / "edited"
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        for name in ("app.py", "parts/models.py", "config.py"):
            self.put((name, FILES[name][0]))

    @rule(state=st.sampled_from(STATES))
    def put(self, state: tuple[str, str | None]) -> None:
        path = self.folder / state[0]
        if state[1] is None:
            path.unlink(missing_ok=True)
            return
        path.parent.mkdir(exist_ok=True)
        path.write_text(state[1])

    @rule(state=st.sampled_from(STATES))
    def put_with_the_date_of_before(self, state: tuple[str, str | None]) -> None:
        path = self.folder / state[0]
        if state[1] is not None and path.exists():
            found = path.stat()
            path.write_text(state[1])
            os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns))

    @invariant()
    def the_cache_does_not_show(self) -> None:
        assert shown(self.folder, cache=True) == shown(self.folder, cache=False)


def test_no_edit_is_missed(tmp_path, monkeypatch):
    monkeypatch.setenv("MLSCAFFOLD_CACHE_DIR", str(tmp_path / "cache"))
    # Files rest at once: what is remembered of them is used as much as can be.
    monkeypatch.setattr("mlscaffold.lint.index.REST_NS", -10_000_000_000)
    Edits.TestCase.settings = settings(
        max_examples=40, stateful_step_count=12, deadline=None, suppress_health_check=list(HealthCheck)
    )
    Edits.TestCase("runTest").runTest()


@pytest.fixture
def repository(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("MLSCAFFOLD_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setattr("mlscaffold.lint.index.REST_NS", -10_000_000_000)
    for name, contents in FILES.items():
        path = tmp_path / "repository" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(contents[0])
    return tmp_path / "repository"


def kept() -> list[Path]:
    return sorted((cache_folder() / "facts").glob("*/*/*"))


def test_facts_of_files_that_stay_are_kept_and_read_back(repository, monkeypatch):
    changing = repository / "other/main.py"
    shown(repository, cache=True)
    assert len(kept()) == 5
    changing.write_text("import fastapi as f\n")
    expected = shown(repository, cache=False)
    read: list[bytes] = []
    monkeypatch.setattr("mlscaffold.lint.reader.read_facts", lambda content: read.append(content) or read_facts(content))
    assert shown(repository, cache=True) == expected
    assert read == [b"import fastapi as f\n"]


def test_files_that_stay_are_not_opened_again(repository, monkeypatch):
    shown(repository, cache=True)
    (repository / "other/main.py").write_text("import fastapi\n")
    expected = shown(repository, cache=False)
    opened: list[str] = []
    monkeypatch.setattr(
        "mlscaffold.lint.workspace.read_source", lambda root, path: opened.append(path) or read_source(root, path)
    )
    assert shown(repository, cache=True) == expected
    assert set(opened) == {"other/main.py"}


@pytest.mark.parametrize("spoil", [lambda held: b"", lambda held: held[:-4], lambda held: held[:40] + b"?" + held[41:]])
def test_damaged_facts_are_read_anew(repository, spoil):
    shown(repository, cache=True)
    for content in FILES["config.py"][::-1]:
        (repository / "config.py").write_text(content)
        shown(repository, cache=True)
    assert kept()
    for path in kept():
        path.write_bytes(spoil(path.read_bytes()))
    (repository / "config.py").write_text("MODEL = 'gpt2'\n")
    assert shown(repository, cache=True) == shown(repository, cache=False)


def test_kept_facts_are_the_facts_that_were_read(tmp_path, monkeypatch):
    monkeypatch.setenv("MLSCAFFOLD_CACHE_DIR", str(tmp_path))
    source = Path(__file__).read_bytes()
    facts = read_facts(source)
    KeptFacts().write(b"1" * 20, facts)
    assert KeptFacts().read(b"1" * 20) == facts
    assert KeptFacts().read(b"2" * 20) is None


def test_a_cache_does_not_grow_for_ever(tmp_path):
    for age in range(10):
        path = tmp_path / str(age)
        path.touch()
        os.utime(path, (1_000_000 - age, 1_000_000 - age))
    prune(tmp_path.iterdir(), most=3)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0", "1", "2"]


def test_runs_at_the_same_time_share_a_cache(repository):
    """Four processes start at once on an empty cache, then after a change, while files come to rest."""
    command = [sys.executable, "-m", "mlscaffold", "lint", str(repository), "--preview", "--format", "json"]
    for number, content in enumerate(FILES["parts/models.py"] * 2):
        (repository / "parts/models.py").write_text(content + f"# {number}\n")
        alone = subprocess.run([*command, "--no-cache"], capture_output=True)
        assert alone.returncode in (0, 1), alone.stderr
        together = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) for _ in range(4)]
        said = [process.communicate(timeout=60) for process in together]
        assert [output for output, _ in said] == [alone.stdout] * 4
        assert [errors for _, errors in said] == [b""] * 4
    assert not list(cache_folder().rglob("*.tmp*"))
