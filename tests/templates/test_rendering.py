"""What every stamped project promises of its files, whatever the pattern and the model."""

import json
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlscaffold.lint import lint
from mlscaffold.lint.config import Options
from mlscaffold.new.lock import file_digest
from mlscaffold.patterns import Pattern, catalogue
from mlscaffold.resources import templates_folder
from tests import onnx_models
from tests.templates.conftest import Stamp

STAMPED = [pattern for pattern in catalogue(templates_folder()) if pattern.stamped]
IMAGES = ("convolution", "linear")
CASES = [(pattern, kind) for pattern in STAMPED for kind in ("", *(IMAGES if pattern.takes == "image" else onnx_models.SERVABLE))]
TEXT = (".py", ".md", ".yaml", ".yml", ".toml", ".txt", ".in", ".html", ".js", ".css", ".json", "")


@pytest.fixture(params=CASES, ids=lambda case: f"{case[0].name}-{case[1] or 'example'}")
def project(request: pytest.FixtureRequest, stamped: Stamp, model_file: Callable[[str], Path]) -> Path:
    pattern, kind = request.param
    if not kind:
        return stamped(pattern.name)
    names = [kind, *(f"{kind}-{place}" for place in range(2, max(pattern.least, 1) + 1))]
    return stamped(pattern.name, models={name: model_file(kind) for name in names})


def texts(project: Path) -> list[Path]:
    return [path for path in sorted(project.rglob("*")) if path.is_file() and path.suffix in TEXT and not made_by_running(path)]


def made_by_running(path: Path) -> bool:
    """Other tests run services of the same stamped project."""
    return any(part == "__pycache__" or part.endswith("_cache") for part in path.parts)


def test_it_passes_its_own_linter_and_formatter(project: Path) -> None:
    for command in (["check", "--no-cache", "."], ["format", "--check", "--no-cache", "--diff", "."]):
        done = subprocess.run([sys.executable, "-m", "ruff", *command], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_it_has_no_traces_of_the_template(project: Path) -> None:
    found = []
    for path in texts(project):
        content = path.read_text(encoding="utf-8")
        name = path.relative_to(project)
        if ".github" not in name.parts and re.search(r"\{% |\{%- |\{\{ |\{\{- ", content):
            found.append(f"{name}: Jinja")
        if "\n\n\n\n" in content or (path.suffix in (".md", ".yaml", ".yml", ".toml") and "\n\n\n" in content):
            found.append(f"{name}: a hole")
        if content and not content.endswith("\n"):
            found.append(f"{name}: no newline at its end")
        if re.search(r"[ \t]+$", content, re.M) and path.suffix in (".py", ".yaml", ".toml"):
            found.append(f"{name}: blanks at a line's end")
    assert found == []


def test_mlscaffold_finds_nothing_in_it(project: Path) -> None:
    report = lint(project, Options(cache=False))
    assert [finding.message for finding in report.findings] == []
    assert report.services, "the linter did not even see the server"


@pytest.mark.parametrize("pattern", STAMPED, ids=lambda pattern: pattern.name)
def test_the_procfile_is_what_make_run_would_write(stamped: Stamp, pattern: Pattern) -> None:
    project = stamped(pattern.name)
    done = subprocess.run([sys.executable, "-m", "services"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout == (project / "Procfile").read_text()


def test_its_lock_file_is_true(project: Path) -> None:
    lock = json.loads((project / ".mlscaffold/lock.json").read_text())
    files = {str(path.relative_to(project)) for path in project.rglob("*") if path.is_file() and not made_by_running(path)}
    assert set(lock["files"]) == files - {".mlscaffold/lock.json"}
    assert all(file_digest(project / name) == digest for name, digest in lock["files"].items())
    assert str(Path.home()) not in json.dumps(lock)


@pytest.mark.parametrize("pattern", STAMPED, ids=lambda pattern: pattern.name)
def test_the_same_answers_make_the_same_project(pattern: Pattern, stamped: Stamp) -> None:
    first = json.loads((stamped(pattern.name) / ".mlscaffold/lock.json").read_text())
    again = json.loads((stamped(pattern.name, port=8080) / ".mlscaffold/lock.json").read_text())
    assert {name for name, digest in first["files"].items() if again["files"][name] != digest} <= {"README.md"}
