"""No file of any kind ends a run: what cannot be read is said, with the reason, and the rest is linted."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings

from mlscaffold.lint.config import Options
from mlscaffold.lint.engine import run
from mlscaffold.lint.report import render
from mlscaffold.lint.workspace import Workspace
from tests.lint.programs import PROGRAM, indented

SERVER = """\
import whisper
from fastapi import FastAPI
from transformers import pipeline

app = FastAPI()
speech = whisper.load_model("large-v3")
mood = pipeline("sentiment-analysis")


@app.post("/calls")
def calls(path: str):
    return mood(speech.transcribe(path)["text"])
"""


def lint(folder: Path, *arguments: str, time_limit_s: int = 60) -> dict[str, object]:
    done = subprocess.run(
        [sys.executable, "-m", "mlscaffold", "lint", str(folder), "--format", "json", *arguments],
        capture_output=True,
        text=True,
        timeout=time_limit_s,
    )
    assert done.returncode in (0, 1), done.stderr
    assert "Traceback" not in done.stderr
    said: dict[str, object] = json.loads(done.stdout)
    return said


def found(said: dict[str, object]) -> set[str]:
    return {finding["code"] for finding in said["findings"]}  # type: ignore[attr-defined]


def skipped(said: dict[str, object]) -> dict[str, str]:
    return {file["path"]: file["reason"] for file in said["skipped"]}  # type: ignore[attr-defined]


BROKEN: dict[str, bytes] = {
    "a syntax error": b"import torch\nfrom fastapi import FastAPI\ndef f(:\n",
    "Python 2": b"import torch\nfrom flask import Flask\nprint 'torch'\n",
    "NUL bytes": b"import torch\nfrom flask import Flask\n\0\0\0",
    "another encoding without saying so": b"import torch\nfrom flask import Flask\nx = '\xe9\xff'\n",
    "an unknown encoding": b"# -*- coding: klingon -*-\nimport torch\nfrom flask import Flask\n",
    "deep nesting": b"import torch\nfrom flask import Flask\nx = " + b"(" * 5000 + b")" * 5000 + b"\n",
    "a deep expression": b"import torch\nfrom flask import Flask\nx = " + b"1 + " * 20000 + b"1\n",
    "50 MB": b"import torch\nfrom flask import Flask\n" + b"x = 'flask torch'\n" * 2_900_000,
}


@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_file_is_skipped_with_its_reason(tmp_path: Path, kind: str) -> None:
    (tmp_path / "app.py").write_text(SERVER)
    (tmp_path / "broken.py").write_bytes(BROKEN[kind])
    said = lint(tmp_path)
    assert found(said) >= {"MLS101", "MLS201"}
    assert kind in ("a deep expression",) or len(skipped(said)["broken.py"]) > 5


@pytest.mark.parametrize("filled", [False, True], ids=["a hole", "written"])
def test_200_mb_are_not_read(tmp_path: Path, filled: bool) -> None:
    (tmp_path / "app.py").write_text(SERVER)
    with (tmp_path / "broken.py").open("wb") as file:
        file.write(b"import torch\nfrom flask import Flask\n")
        for _ in range(12 if filled else 0):
            file.write(b"x = 'flask torch'\n" * 1_000_000)
        file.truncate(200_000_000)
    command = [sys.executable, "-m", "mlscaffold", "lint", str(tmp_path), "--format", "json", "--no-cache"]
    done = subprocess.run(["sh", "-c", 'ulimit -v 190000; exec "$@"', "sh", *command], capture_output=True)  # kB
    said = json.loads(done.stdout)
    assert found(said) >= {"MLS101", "MLS201"}
    assert skipped(said) == {"broken.py": "larger than 1 MB"}


def test_100_000_files_are_listed_and_the_server_among_them_found(tmp_path: Path) -> None:
    for number in range(100):
        folder = tmp_path / f"part{number}"
        folder.mkdir()
        for name in range(1000):
            (folder / f"m{name}.py").touch()
    (tmp_path / "part99/app.py").write_text(SERVER)
    said = lint(tmp_path, time_limit_s=120)
    assert found(said) >= {"MLS101", "MLS201"}
    assert said["files_read"] == 100_001


READABLE: dict[str, bytes] = {
    "a byte order mark": b"\xef\xbb\xbf" + SERVER.encode(),
    "CRLF": SERVER.replace("\n", "\r\n").encode(),
    "a declared encoding": b"# -*- coding: latin-1 -*-\n# caf\xe9\n" + SERVER.encode(),
    "form feeds": SERVER.replace("\n\n\n", "\n\n\f\n").encode(),
    "type parameters": b"def first[T](xs: list[T]) -> T:\n    return xs[0]\n\n\n" + SERVER.encode(),
    "exceptions without parentheses": b"try:\n    pass\nexcept ValueError, TypeError:\n    pass\n\n" + SERVER.encode(),
}


@pytest.mark.parametrize("kind", READABLE)
def test_every_kind_of_valid_file_is_read(tmp_path: Path, kind: str) -> None:
    (tmp_path / "app.py").write_bytes(READABLE[kind])
    said = lint(tmp_path)
    if kind == "exceptions without parentheses" and skipped(said):
        assert "app.py" in skipped(said)  # neither this Python nor LibCST knows the syntax: said, not silent
        return
    assert found(said) >= {"MLS101", "MLS201"}
    assert skipped(said) == {}


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(before=PROGRAM, within=PROGRAM, helper=PROGRAM)
def test_no_valid_program_is_too_much(tmp_path: Path, before: str, within: str, helper: str) -> None:
    """Through the whole pipeline: entries, handlers, walk, rules and a report."""
    server = f"{SERVER.replace('app = ', f'from helper import model, load, x{chr(10)}{before}{chr(10)}app = ')}"
    (tmp_path / "app.py").write_text(
        f"{server}\n@app.get('/x')\nasync def other(self, x, model):\n{indented(within or 'pass')}\n"
    )
    (tmp_path / "helper.py").write_text(helper)
    report = run(Workspace(tmp_path, cache=False), Options(preview=True, cache=False))
    assert render(report, "text")


def test_a_name_that_is_set_again_and_again_takes_no_longer_for_it(tmp_path: Path) -> None:
    again = "    rows = list(rows)\n" * 80
    body = f"\n\n@app.get('/all')\ndef all_calls(rows):\n{again}    for row in rows:\n        mood(row)\n"
    (tmp_path / "app.py").write_text(SERVER + body)
    assert found(lint(tmp_path, "--no-cache", time_limit_s=20)) >= {"MLS101", "MLS201"}


def loop(folder: Path) -> None:
    (folder / "a").mkdir()
    (folder / "a/back").symlink_to(folder, target_is_directory=True)
    (folder / "self.py").symlink_to(folder / "self.py")
    (folder / "gone.py").symlink_to(folder / "nowhere.py")


def odd_names(folder: Path) -> None:
    for name in ("new\nline.py", "quote\"s'.py", "-dash.py", "ünï.py", "tab\t.yaml"):
        (folder / name).write_text("import torch\nimport flask\n")
    with (Path(os.fsencode(folder).decode("utf-8", "surrogateescape")) / os.fsdecode(b"caf\xe9.py")).open("w") as file:
        file.write("import torch\nimport flask\n")


def yaml_bomb(folder: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{chr(98 + n)}: &{chr(98 + n)} [{', '.join([f'*{chr(97 + n)}'] * 9)}]" for n in range(20)]
    (folder / "compose.yaml").write_text("services:\n  api: {build: .}\n" + "\n".join(lines))
    (folder / "docker-compose.yml").write_text("[" * 100_000)


def odd_files(folder: Path) -> None:
    os.mkfifo(folder / "pipe.py")
    (folder / "folder.py").mkdir()
    (folder / "empty.py").touch()
    (folder / "notebook.ipynb").write_text('{"cells": 3}')
    (folder / "broken.ipynb").write_bytes(b"{\xff")
    (folder / "Dockerfile").write_bytes(b"\xff\xfe\0")
    (folder / "config.json").write_text("[" * 100_000)
    (folder / "Procfile").write_bytes(b"web: \xff\xfe")


@pytest.mark.parametrize("make", [loop, odd_names, yaml_bomb, odd_files], ids=lambda make: make.__name__)
@pytest.mark.parametrize("in_git", [False, True], ids=["folder", "repository"])
def test_a_hostile_repository_is_linted(tmp_path: Path, make: Callable[[Path], None], in_git: bool) -> None:
    (tmp_path / "app.py").write_text(SERVER)
    make(tmp_path)
    if in_git:
        subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    assert found(lint(tmp_path)) >= {"MLS101", "MLS201"}


def test_a_folder_that_may_not_be_read_is_said(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(SERVER)
    (tmp_path / "locked").mkdir(mode=0)
    (tmp_path / "locked.py").write_text("import torch, flask\n")
    (tmp_path / "locked.py").chmod(0)
    said = lint(tmp_path)
    assert found(said) >= {"MLS101", "MLS201"}
    if os.geteuid():  # root reads everything
        assert {"locked", "locked.py"} <= set(skipped(said))


def test_linted_code_is_never_run(tmp_path: Path) -> None:
    trap = f"open({str(tmp_path / 'ran')!r}, 'w')\n"
    (tmp_path / "app.py").write_text(trap + SERVER)
    (tmp_path / "sitecustomize.py").write_text(trap)
    (tmp_path / "yaml.py").write_text(trap)
    (tmp_path / "conftest.py").write_text(trap)
    done = subprocess.run([sys.executable, "-m", "mlscaffold", "lint", "--format", "json"], cwd=tmp_path, capture_output=True)
    assert b"MLS101" in done.stdout or (tmp_path / "ran").exists()
    assert not (tmp_path / "ran").exists()
