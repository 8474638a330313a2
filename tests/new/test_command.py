"""`mlscaffold new` and `mlscaffold patterns` as a user calls them."""

import hashlib
import json
import os
import pty
import select
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

from tests import onnx_models as models


def mlscaffold(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "mlscaffold", *arguments], cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_a_pattern_and_nothing_more(tmp_path: Path) -> None:
    done = mlscaffold("new", "--pattern", "web-single", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["digits-web-single"]
    assert "make run" in done.stdout


def test_an_alias_stamps_too(tmp_path: Path) -> None:
    done = mlscaffold("new", "shop", "--pattern", "web", "--json", cwd=tmp_path)
    assert json.loads(done.stdout)["pattern"] == "web-single"


def test_json_says_what_was_made(tmp_path: Path) -> None:
    models.save(models.linear(), tmp_path / "price.onnx")
    done = mlscaffold("new", "shop", "--pattern", "web-single", "--model", "price.onnx", "--json", cwd=tmp_path)
    said = json.loads(done.stdout)
    assert said["models"][0]["inputs"] == [{"name": "x", "datatype": "FP32", "shape": [-1, 4]}]
    assert said["written"] is True
    files = {str(path.relative_to(tmp_path / "shop")) for path in (tmp_path / "shop").rglob("*") if path.is_file()}
    assert set(said["files"]) == files


def test_a_dry_run_writes_nothing(tmp_path: Path) -> None:
    done = mlscaffold("new", "--pattern", "web-single", "--dry-run", cwd=tmp_path)
    assert done.returncode == 0
    assert "would make" in done.stdout
    assert list(tmp_path.iterdir()) == []


def test_settings_and_an_answers_file(tmp_path: Path) -> None:
    models.save(models.linear(), tmp_path / "m.onnx")
    (tmp_path / "answers.yaml").write_text("pattern: web-single\nname: shop\nmodels: {price: m.onnx}\nsettings: {port: 9123}\n")
    done = mlscaffold("new", "--answers", "answers.yaml", "--set", "port=9124", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    lock = json.loads((tmp_path / "shop/.mlscaffold/lock.json").read_text())
    assert lock["answers"]["settings"]["port"] == 9124
    assert list(lock["answers"]["models"]) == ["price"]


def test_weights_in_a_file_of_their_own_come_along(tmp_path: Path) -> None:
    models.save_external(tmp_path / "wide")
    done = mlscaffold("new", "shop", "--pattern", "web-single", "--model", "wide/model.onnx", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (tmp_path / "shop/models/wide/1").iterdir()) == ["model.onnx", "weights.bin"]
    card = yaml.safe_load((tmp_path / "shop/models/wide/model.yaml").read_text())
    digest = hashlib.sha256((tmp_path / "wide/weights.bin").read_bytes()).hexdigest()
    assert card["external_data"] == {"weights.bin": digest}


def test_a_slow_model_is_warned_of_with_the_figure(tmp_path: Path) -> None:
    models.save(models.wide(2048), tmp_path / "wide.onnx")
    done = mlscaffold(
        "new", "shop", "--pattern", "web-single", "--model", "wide.onnx", "--set", "latency_budget_ms=1", cwd=tmp_path
    )
    flat = " ".join(done.stderr.split())
    assert done.returncode == 0, done.stderr
    if "online big-size" not in flat:  # a machine that multiplies 2048 x 2048 within a millisecond
        assert "ms a sample" in done.stdout
        return
    assert "for one sample here (the budget is 1 ms)" in flat
    assert "--pattern async, batch or time-lag" in flat


def test_a_big_model_is_warned_of_with_the_figure(tmp_path: Path) -> None:
    models.save(models.wide(9000), tmp_path / "wide.onnx")  # 324 MB
    done = mlscaffold("new", "shop", "--pattern", "web-single", "--model", "wide.onnx", "--dry-run", cwd=tmp_path)
    assert "online big-size: wide has 324 MB of weights" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["new"], "--pattern"),
        (["new", "--pattern", "seriall"], "serial"),
        (["new", "--pattern", "all-in-one"], "is an anti-pattern"),
        (["new", "--pattern", "edge"], "not stamped by this version yet"),
        (["new", "--pattern", "web-single", "--model", "nowhere.onnx"], "no such file"),
        (["new", "--pattern", "web-single", "--model", "text.onnx"], "not an ONNX file"),
        (["new", "--pattern", "web-single", "--model", "a=text.onnx", "--model", "b=text.onnx"], "takes 1 model; 2 given"),
        (["new", "full", "--pattern", "web-single"], "is not empty"),
        (["new", "text.onnx", "--pattern", "web-single"], "is a file"),
        (["new", "--pattern", "web-single", "--set", "prot=1"], "did you mean 'port'"),
        (["new", "--answers", "nowhere.yaml"], "cannot be read"),
        (["patterns", "parallell"], "parallel"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_run_says_why_and_exits_2_and_writes_nothing(tmp_path: Path, arguments: list[str], said: str) -> None:
    (tmp_path / "text.onnx").write_text("not a model\n" * 5)
    (tmp_path / "full").mkdir()
    (tmp_path / "full/thesis.txt").write_text("precious")
    before = sorted(tmp_path.rglob("*"))
    done = mlscaffold(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
    assert sorted(tmp_path.rglob("*")) == before


def test_the_catalogue_as_json() -> None:
    done = mlscaffold("patterns", "--json", cwd=Path.cwd())
    said = {pattern["name"]: pattern for pattern in json.loads(done.stdout)}
    assert len([name for name, pattern in said.items() if not pattern["refused"]]) == 12
    assert {name for name, pattern in said.items() if pattern["refused"]} == {"all-in-one", "online-big-size"}
    for pattern in said.values():
        if not pattern["refused"]:
            assert all(pattern[key] for key in ("summary", "when", "merits", "demerits", "decide", "diagram"))


def converse(command: list[str], answers: list[str], cwd: Path) -> tuple[str, int]:
    """Run a program on a terminal and type an answer at each prompt; what it showed and its exit code."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(cwd)
        os.execve(command[0], command, {**os.environ, "TERM": "xterm", "COLUMNS": "120"})
    shown, waiting, end = "", list(answers), time.monotonic() + 60
    since = 0
    while time.monotonic() < end:
        if select.select([terminal], [], [], 0.2)[0]:
            try:
                piece = os.read(terminal, 4096).decode(errors="replace")
            except OSError:  # the program has ended
                break
            shown += piece
        if waiting and ": " in shown[since:][-40:]:
            since = len(shown)
            os.write(terminal, f"{waiting.pop(0)}\n".encode())
    return shown, os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


def test_the_wizard_recommends_and_stamps(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "mlscaffold", "new"]
    shown, code = converse(command, ["server", "now", "one", "new", "light", "web-single", "my-shop", ""], tmp_path)
    assert code == 0, shown
    assert (tmp_path / "my-shop/README.md").exists(), shown
    assert "best first" in shown
