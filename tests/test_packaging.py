"""What users install: a wheel that was built from the sdist, in a clean environment."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from mlscaffold.patterns import catalogue
from mlscaffold.resources import templates_folder

ROOT = Path(__file__).parents[1]
STAMPED = [pattern.name for pattern in catalogue(templates_folder()) if pattern.stamped]
pytestmark = pytest.mark.xdist_group("packaging")


def run(*command: str | Path, cwd: Path, expected: int = 0) -> str:
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "VIRTUAL_ENV")}
    done = subprocess.run([str(word) for word in command], cwd=cwd, capture_output=True, text=True, env=environment)
    assert done.returncode == expected, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)  # sdist, then the wheel from it
    (made,) = folder.glob("*.whl")
    return made


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an environment's programs that holds the wheel and what it needs, and nothing else."""
    venv = tmp_path_factory.mktemp("clean") / "venv"
    run(sys.executable, "-m", "venv", venv, cwd=ROOT)
    pip = (venv / "bin/python", "-m", "pip", "install", "--quiet", "--disable-pip-version-check")
    run(*pip, "--require-hashes", "--requirement", ROOT / "requirements/runtime.txt", cwd=ROOT)
    run(*pip, "--no-deps", wheel, cwd=ROOT)
    return venv / "bin"


def test_the_wheel_holds_rules_and_templates_and_nothing_that_a_build_made(wheel: Path) -> None:
    names = run(sys.executable, "-m", "zipfile", "-l", wheel, cwd=ROOT)
    assert "mlscaffold/templates/base/" in names
    assert "mlscaffold/rules/catalog/" in names
    assert "py.typed" in names
    assert "__pycache__" not in names
    assert ".pyc" not in names


def test_the_wheel_holds_every_file_of_the_checkout(wheel: Path) -> None:
    names = run(sys.executable, "-m", "zipfile", "-l", wheel, cwd=ROOT)
    listed = run("git", "ls-files", "-z", "rules", "templates", cwd=ROOT).split("\0")
    missing = [name for name in listed if name and f"mlscaffold/{name} " not in names]
    assert missing == []


@pytest.mark.parametrize("pattern", STAMPED)
def test_an_installed_wheel_stamps_as_the_checkout_does(installed: Path, pattern: str, tmp_path: Path) -> None:
    run(installed / "mlscaffold", "new", "shop", "--pattern", pattern, cwd=tmp_path)
    run(sys.executable, "-m", "mlscaffold", "new", "checkout/shop", "--pattern", pattern, cwd=tmp_path)
    locks = [json.loads((tmp_path / place / ".mlscaffold/lock.json").read_text()) for place in ("shop", "checkout/shop")]
    differing = {name for name in locks[0]["files"] if locks[0]["files"][name] != locks[1]["files"].get(name)}
    assert differing <= {"README.md"}  # it shows the latency that was measured at the time
    assert set(locks[0]["files"]) == set(locks[1]["files"])


def test_an_installed_wheel_lints(installed: Path) -> None:
    report = json.loads(run(installed / "mlscaffold", "lint", "--format", "json", "demo/helpdesk", cwd=ROOT, expected=1))
    codes = {finding["code"] for finding in report["findings"]}
    assert {"MLS101", "MLS201"} <= codes
