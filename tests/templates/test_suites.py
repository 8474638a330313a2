"""Every stamped project passes its own tests, as its owner runs them."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from mlscaffold.patterns import catalogue
from mlscaffold.resources import templates_folder
from tests.templates.conftest import Stamp

STAMPED = [pattern.name for pattern in catalogue(templates_folder()) if pattern.stamped]
BIN = Path(sys.executable).parent
TIME_LIMIT_S = 900


def copied(project: Path, folder: Path) -> Path:
    """A copy that a test may fill with an environment of its own."""
    shutil.copytree(project, folder / "shop")
    return folder / "shop"


@pytest.mark.slow
@pytest.mark.parametrize("pattern", STAMPED)
def test_make_test_in_a_fresh_project(stamped: Stamp, tmp_path: Path, pattern: str) -> None:
    # the first one sets up with venv and pip, as on a plain machine; the others with uv, where it is installed
    path = os.environ["PATH"] if pattern == STAMPED[0] else f"{BIN}:{os.environ['PATH']}"
    environment = {key: value for key, value in os.environ.items() if key != "VIRTUAL_ENV"} | {"PATH": path}
    project = copied(stamped(pattern), tmp_path)
    done = subprocess.run(["make", "test"], cwd=project, env=environment, capture_output=True, text=True, timeout=TIME_LIMIT_S)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]
    assert " passed" in done.stdout


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["two-by-two", "strings", "convolution"])
def test_the_tests_around_a_model_of_the_users_own(
    stamped: Stamp, model_file: Callable[[str], Path], tmp_path: Path, kind: str
) -> None:
    project = copied(stamped("web-single", models={kind: model_file(kind)}), tmp_path)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=project, capture_output=True, text=True, timeout=TIME_LIMIT_S)
    assert done.returncode == 0, done.stdout[-6000:]
