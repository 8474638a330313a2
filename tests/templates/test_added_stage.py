"""A stage that is added to a stamped serial project later, as its README says: one folder, one line."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from tests.templates.conftest import Stamp
from tests.templates.processes import free_port, post, running, service


def copied_as(folder: Path, name: str) -> None:
    """A copy of a folder beside it in which its name is another."""
    copy = shutil.copytree(folder, folder.parent / name, ignore=shutil.ignore_patterns("__pycache__"))
    for path in (path for path in copy.rglob("*") if path.suffix in (".py", ".yaml") or path.name == "Dockerfile"):
        text = path.read_text()
        path.write_text(text.replace(folder.name.upper(), name.upper()).replace(folder.name, name).replace("8082", "8083"))


@pytest.fixture(scope="module")
def project(stamped: Stamp, tmp_path_factory: pytest.TempPathFactory) -> Path:
    copy = tmp_path_factory.mktemp("added") / "shop"
    shutil.copytree(stamped("serial"), copy, ignore=shutil.ignore_patterns("__pycache__"))
    copied_as(copy / "services/expert", "third")
    copied_as(copy / "models/expert", "third")
    with (copy / "services/proxy/route.yaml").open("a") as route:
        route.write('  third: {url: "http://127.0.0.1:8083", feeds: {image: request.image}}\n')
    return copy


def test_make_run_starts_it_with_the_others(project: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "services"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.partition(":")[0] for line in done.stdout.splitlines()] == ["digits", "expert", "proxy", "third"]
    assert "third: http://127.0.0.1:8083/" in done.stderr


def test_requests_go_through_it(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = np.load(project / "models/heldout.npz")["images"].reshape(-1, 64).astype(float)
    with ExitStack() as together:
        urls = {name: together.enter_context(running(project, name)) for name in ("digits", "expert", "third")}
        monkeypatch.setitem(os.environ, "PROXY_URLS", json.dumps(urls))
        port = free_port()
        together.enter_context(service(project, "proxy", port=port))
        bodies = (json.dumps({"image": image.tolist()}).encode() for image in images[:100])
        routes = {tuple(post(f"http://127.0.0.1:{port}/predict", body)["route"]) for body in bodies}
    assert routes == {("digits",), ("digits", "expert", "third")}


def test_make_route_draws_it(project: Path) -> None:
    done = subprocess.run([sys.executable, "-m", "services.proxy.draw"], cwd=project, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "expert --> third" in (project / "README.md").read_text()
