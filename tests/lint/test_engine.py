"""One result, whatever the order of files, the state of the cache and where the repository lies."""

import os
import pickle
import subprocess
import sys
from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options
from mlscaffold.lint.discover import list_files, read_source
from mlscaffold.lint.finding import SkippedFile
from mlscaffold.lint.project.imports import Imports
from mlscaffold.lint.report.json import render

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
    return render(lint(root, Options(**options)))


def test_both_models_are_found_with_the_way_to_them(repository):
    (finding,) = [known for known in lint(repository).findings if known.code == "MLS101"]
    assert {("app.py", 6), ("parts/second.py", 3), ("app.py", 3), ("app.py", 5)} <= {
        (spot.path, spot.line) for spot in finding.locations
    }
    assert finding.subjects == ("first_model.joblib", "second_model.joblib")


def test_cold_warm_and_uncached_runs_say_the_same(repository):
    assert shown(repository) == shown(repository) == shown(repository, cache=False)


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


class Bomb:
    def __reduce__(self):
        return (os.mkdir, (os.environ["MLSCAFFOLD_CACHE_DIR"] + "/planted",))


@pytest.mark.parametrize("planted", [b"", b"nonsense", pickle.dumps([1, 2]), None], ids=["empty", "nonsense", "foreign", "code"])
def test_a_damaged_or_foreign_cache_is_ignored(repository, planted):
    expected = shown(repository)
    cache = Path(os.environ["MLSCAFFOLD_CACHE_DIR"])
    reports = list(cache.glob("report-*"))
    assert reports
    for path in reports:
        path.write_bytes(pickle.dumps(Bomb()) if planted is None else planted)
    assert shown(repository) == expected
    assert not (cache / "planted").exists()


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
        "print([m for m in ('yaml', 'typer', 'rich', 'libcst', 'onnxruntime', 'copier', 'jinja2') if m in sys.modules])"
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
