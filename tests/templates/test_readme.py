"""The requests that a stamped project's readme shows work as they are printed."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.templates.conftest import Stamp
from tests.templates.processes import free_port, packages, running

KINDS = ["", "two-by-two", "static-batch", "strings", "boolean", "half"]


@pytest.fixture(scope="module", params=KINDS, ids=lambda kind: kind or "example")
def project(request: pytest.FixtureRequest, stamped: Stamp, model_file: Callable[[str], Path]) -> Path:
    models = {request.param: model_file(request.param)} if request.param else None
    return stamped("web-single", models=models, port=free_port())


def blocks(project: Path, language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", (project / "README.md").read_text(), re.MULTILINE | re.DOTALL)


@pytest.mark.skipif(not shutil.which("curl"), reason="needs curl")
def test_every_request_is_answered_as_printed(project: Path) -> None:
    package = packages(project)[0]
    commands = [block for block in blocks(project, "sh") if block.startswith("curl")]
    (client,) = blocks(project, "python")
    port = re.search(r"127\.0\.0\.1:(\d+)/predict", commands[0])
    assert port
    with running(project, package, port=int(port[1])):
        for command in commands:
            checked = command.replace("curl", "curl --fail-with-body", 1)
            done = subprocess.run(checked, shell=True, cwd=project, capture_output=True)
            assert done.returncode == 0, f"{command}{done.stdout!r}"
        done = subprocess.run([sys.executable, "-c", client], cwd=project, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
        assert "None" not in done.stdout


def test_it_names_what_there_is(project: Path) -> None:
    text = (project / "README.md").read_text()
    targets = set(re.findall(r"^([a-z]+):", (project / "Makefile").read_text(), re.MULTILINE))
    assert set(re.findall(r"^make (\w+)", text, re.MULTILINE)) <= targets
    named = re.findall(r"`([\w./-]+/)`", text) + re.findall(r"`((?:models|deploy|services)/[\w./-]+)`", text)
    assert named
    assert [path for path in named if not (project / path).exists()] == []
