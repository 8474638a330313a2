"""What runs the linter for users: the pre-commit hook, the GitHub Action, the GitLab job."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
BIN = Path(sys.executable).parent
SERVER = """\
import whisper
from fastapi import FastAPI
from transformers import pipeline

app = FastAPI()
speech = whisper.load_model("base")
mood = pipeline("sentiment-analysis", model="distilbert-base-uncased-finetuned-sst-2-english")


@app.post("/calls")
def calls(path: str):
    return mood(speech.transcribe(path)["text"])
"""


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "init.defaultBranch=main")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone of this repository, with what is not committed yet."""
    folder = tmp_path_factory.mktemp("hook") / "mlscaffold"
    git(ROOT, "clone", "--quiet", "--no-hardlinks", str(ROOT), str(folder))
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes((ROOT / name).read_bytes())
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--allow-empty", "--message", "as it stands")
    return folder


@pytest.mark.xdist_group("packaging")
def test_the_pre_commit_hook_stops_a_commit(clone: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    config = {"repos": [{"repo": str(clone), "rev": "HEAD", "hooks": [{"id": "mlscaffold-lint"}]}]}
    (tmp_path / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    (tmp_path / "app.py").write_text("print('hello')\n")
    git(tmp_path, "add", ".")
    environment = {**os.environ, "PRE_COMMIT_HOME": str(clone.parent / "pre-commit"), "PATH": f"{BIN}:{os.environ['PATH']}"}

    def hook() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [BIN / "pre-commit", "run", "mlscaffold-lint"], cwd=tmp_path, capture_output=True, text=True, env=environment
        )

    clean = hook()
    assert clean.returncode == 0, clean.stdout + clean.stderr
    (tmp_path / "app.py").write_text(SERVER)
    git(tmp_path, "add", ".")
    stopped = hook()
    assert stopped.returncode == 1
    assert "MLS101" in stopped.stdout


def test_the_hook_and_the_action_are_what_their_readers_expect() -> None:
    check = BIN / "check-jsonschema"
    subprocess.run([check, "--builtin-schema", "vendor.github-actions", ROOT / "action.yml"], check=True)
    subprocess.run([check, "--builtin-schema", "vendor.gitlab-ci", ROOT / "ci/gitlab.yml"], check=True)
    subprocess.run([BIN / "pre-commit", "validate-manifest", ROOT / ".pre-commit-hooks.yaml"], check=True)


def test_no_input_of_the_action_becomes_program_text() -> None:
    for step in yaml.safe_load((ROOT / "action.yml").read_text())["runs"]["steps"]:
        assert "${{" not in step["run"]


def test_the_action_s_script_annotates_sums_up_and_fails(tmp_path: Path) -> None:
    (tmp_path / "repo dir").mkdir()
    (tmp_path / "repo dir/app.py").write_text(SERVER)
    environment = {
        "PATH": os.environ["PATH"],
        "FOLDER": "repo dir",
        "FORMAT": "github",
        "SARIF": "lint.sarif",
        "MORE": "--ignore\nMLS202",
        "GITHUB_STEP_SUMMARY": str(tmp_path / "summary.md"),
    }
    script = ["bash", str(ROOT / "ci/lint.sh"), str(BIN / "mlscaffold")]
    done = subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert "::error file=app.py" in done.stdout or "::warning file=app.py" in done.stdout
    assert "MLS101" in (tmp_path / "summary.md").read_text()
    assert json.loads((tmp_path / "lint.sarif").read_text())["runs"][0]["results"]
    (tmp_path / "repo dir/app.py").write_text("print('hello')\n")
    assert subprocess.run(script, cwd=tmp_path, env=environment, capture_output=True).returncode == 0
