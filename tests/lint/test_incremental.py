"""What is remembered never shows: after any edits, a run with a cache says what a run without one says, byte for byte."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from mlscaffold.lint.cache import remembered
from mlscaffold.lint.config import Options
from mlscaffold.lint.discover import read_source
from mlscaffold.lint.engine import run
from mlscaffold.lint.judge import judge
from mlscaffold.lint.kept import READER, KeptFacts
from mlscaffold.lint.reader import read_facts
from mlscaffold.lint.report.json import render
from mlscaffold.lint.workspace import Workspace
from mlscaffold.store import cache_folder, digest_of, prune

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
        "from flask import Flask\n\napp = Flask(__name__)\n# an application\n",
    ],
    "tools/count.py": ["import os\n", "import sys\n\nprint(sys.argv)\n", "import flask\n\napp = flask.Flask('x')\n"],
    "parts/models.py": [
        'from transformers import pipeline\n\nsecond = pipeline("sentiment-analysis", model="bert-large-uncased")\n',
        "import config\nfrom transformers import pipeline\n\nsecond = pipeline(model=config.MODEL)\n",
        "def second(x):\n    return x\n",
        'from transformers import pipeline\n\nsecond = pipeline("sentiment-analysis", model="bert-large-uncased")  # one\n',
        "def second(x):\n    return x\n\n\ndef third(y):\n    return second(y)\n",
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


def shown(root: Path, *, cache: bool, files: tuple[str, ...] | None = None) -> str:
    options = Options(preview=True, cache=cache, files=files)
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
        chosen = ("app.py", "Dockerfile")
        assert shown(self.folder, cache=True, files=chosen) == shown(self.folder, cache=False, files=chosen)


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
    assert len(kept()) == 4
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
    assert set(opened) == {"other/main.py", ".env"}  # the latter is not there; git might have ignored it


def never(*_: object) -> NoReturn:
    pytest.fail("the rules were asked again")


@pytest.mark.parametrize(
    ("name", "added"),
    [
        pytest.param("tools/count.py", "\n\ndef added():\n    return 1\n", id="a file that no server reaches"),
        pytest.param("tests/test_app.py", "\n\ndef added():\n    return 1\n", id="a test"),
        pytest.param("parts/models.py", "# one of two\n", id="a comment in a file that one does"),
    ],
)
def test_what_the_rules_found_stays_found_where_nothing_changed_that_they_asked_for(repository, monkeypatch, name, added):
    shown(repository, cache=True)
    with (repository / name).open("a") as stream:
        stream.write(added)
    expected = shown(repository, cache=False)
    monkeypatch.setattr("mlscaffold.lint.judge.judge", never)
    assert shown(repository, cache=True) == expected
    assert shown(repository, cache=True, files=("app.py",))  # only chooses among the findings


def test_a_comment_in_a_file_that_was_just_changed_is_no_change(repository, monkeypatch):
    monkeypatch.setattr("mlscaffold.lint.index.REST_NS", 2_000_000_000)
    changing = repository / "parts/models.py"
    changing.write_text(FILES["parts/models.py"][1])
    shown(repository, cache=True)
    assert not kept()
    changing.write_text(FILES["parts/models.py"][1] + "# from the settings\n")
    expected = shown(repository, cache=False)
    with monkeypatch.context() as patched:
        patched.setattr("mlscaffold.lint.judge.judge", never)
        assert shown(repository, cache=True) == expected
    changing.write_text(FILES["parts/models.py"][1].replace("MODEL", "OTHER"))
    assert shown(repository, cache=True) == shown(repository, cache=False)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("parts/models.py", '\nsecond = __import__("transformers").pipeline(model="gpt2")\n', id="a reached file"),
        pytest.param("tools/count.py", "import flask\n\napp = flask.Flask('x')\n", id="a server in a file that had none"),
        pytest.param("tools/count.py", "# mls: ignore[MLS101]\n", id="a comment for us"),
        pytest.param("parts/__init__.py", "", id="a new file"),
        pytest.param("app/__init__.py", "second = 1\n", id="a new package beside the module of that name"),
        pytest.param("gunicorn.conf.py", "workers = 9\n", id="a deploy file that is Python"),
        pytest.param("first.joblib", "x" * 9000, id="other weights"),
        pytest.param("Dockerfile", "FROM python:3.12\n", id="a deploy file"),
    ],
)
def test_the_rules_are_asked_again_where_it_may_matter(repository, monkeypatch, name, content):
    shown(repository, cache=True)
    path = repository / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(content)
    expected = shown(repository, cache=False)
    asked: list[Path] = []
    monkeypatch.setattr("mlscaffold.lint.judge.judge", lambda workspace, options: asked.append(path) or judge(workspace, options))
    assert shown(repository, cache=True) == expected
    assert asked


@pytest.mark.parametrize(
    ("content", "same"),
    [
        ("FLAG = 1\nNAME = f'{FLAG}'\n# and why\n", True),
        ("FLAG = True\nNAME = f'{FLAG}'\n", False),
        ("FLAG = 1.0\nNAME = f'{FLAG}'\n", False),
        ("FLAG = 1\nNAME = FLAG,\n", False),
        ("\nFLAG = 1\nNAME = f'{FLAG}'\n", False),
        ("def broken(:\n", False),
    ],
)
def test_facts_are_compared_with_their_kinds(repository, content, same):
    """In Python 1 is True, and two tuples of different kinds with the same parts are equal."""
    path = repository / "parts/models.py"
    path.write_text("FLAG = 1\nNAME = f'{FLAG}'\n")
    shown(repository, cache=True)
    before = digest_of(path.read_bytes())
    path.write_text(content)
    assert Workspace(repository, cache=True).says_the_same("parts/models.py", before) is same


def test_a_file_that_git_ignores_and_a_deploy_file_names_is_not_forgotten(repository):
    subprocess.run(["git", "init", "-q", str(repository)], check=True)
    (repository / ".gitignore").write_text(".env\n")
    (repository / "compose.yaml").write_text("services:\n  a:\n    build: .\n    env_file: .env\n")
    (repository / "parts/models.py").write_text(FILES["parts/models.py"][1])
    said = []
    for number, name in enumerate((None, "gpt2-xl", "bert-base-uncased", None, "gpt2-xl")):
        (repository / ".env").write_text(f"MODEL={name}\n") if name else (repository / ".env").unlink(missing_ok=True)
        said.append(shown(repository, cache=True))
        assert said[-1] == shown(repository, cache=False)
        (repository / "config.py").write_text(FILES["config.py"][0] + f"MARK = {number}\n")  # what is deployed is remembered
        assert shown(repository, cache=True) == shown(repository, cache=False)
    assert said[0] == said[3] != said[1] == said[4] != said[2]


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


def test_a_reader_with_another_file_keeps_facts_of_its_own():
    """Facts are kept for one reader: every file of ours that it is made of counts."""
    names = (
        "import sys, mlscaffold.lint\nknown = {*sys.modules}\n"
        "import mlscaffold.lint.reader, mlscaffold.lint.newer\nprint(*{*sys.modules} - known)"
    )
    loaded = subprocess.run([sys.executable, "-c", names], capture_output=True, text=True, check=True).stdout.split()
    ours = {f"{name.rpartition('.')[2]}.py" for name in loaded if name.startswith("mlscaffold.lint.")}
    assert ours == set(READER)


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
