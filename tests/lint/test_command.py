"""`mlscaffold lint` as users, hooks and CI call it."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from mlscaffold.cli.app import app
from mlscaffold.cli.quick import FLAGS, LintArguments, read
from mlscaffold.light import field_names

HELPDESK = Path(__file__).parents[2] / "demo/helpdesk"


def mlscaffold(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mlscaffold", *arguments]
    return subprocess.run(command, cwd=cwd, capture_output=True, text=True, stdin=subprocess.DEVNULL)


def codes(done: subprocess.CompletedProcess[str]) -> set[str]:
    return {finding["code"] for finding in json.loads(done.stdout)["findings"]}


@pytest.fixture
def helpdesk(tmp_path: Path) -> Path:
    for path in HELPDESK.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts and ".mlscaffold_cache" not in path.parts:
            target = tmp_path / "helpdesk" / path.relative_to(HELPDESK)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes())
    return tmp_path / "helpdesk"


def test_both_readers_of_flags_know_the_same() -> None:
    command = typer.main.get_command(app).commands["lint"]  # type: ignore[attr-defined]
    options = {flag for option in command.params for flag in option.opts if flag.startswith("-")}
    assert options - {"--help", "-h"} == set(FLAGS)
    assert {field for field, _ in FLAGS.values()} == set(field_names(LintArguments)) - {"paths"}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["."], LintArguments(paths=(".",))),
        (["a.py", "--format", "json", "b.py"], LintArguments(paths=("a.py", "b.py"), format="json")),
        (["--select=MLS1", "--select", "MLS2"], LintArguments(select=("MLS1", "MLS2"))),
        (["--preview", "--", "--odd.py"], LintArguments(paths=("--odd.py",), preview=True)),
        (["--nonsense"], None),
        (["--format"], None),
        (["--format", "--preview"], None),
        (["--preview=yes"], None),
        (["--help"], None),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_plain_flags_are_read_without_typer(words: list[str], expected: LintArguments | None) -> None:
    assert read(words) == expected


def test_a_folder_a_current_folder_and_a_path_from_elsewhere_say_the_same(helpdesk: Path) -> None:
    inside = mlscaffold("lint", "--format", "json", cwd=helpdesk)
    outside = mlscaffold("lint", "helpdesk", "--format", "json", cwd=helpdesk.parent)
    assert inside.returncode == outside.returncode == 1
    assert json.loads(inside.stdout) == json.loads(outside.stdout)


def test_the_example_has_both_anti_patterns(helpdesk: Path) -> None:
    assert codes(mlscaffold("lint", "--format", "json", cwd=helpdesk)) >= {"MLS101", "MLS103", "MLS201", "MLS202"}


def test_select_and_ignore_take_codes_names_and_prefixes(helpdesk: Path) -> None:
    assert codes(mlscaffold("lint", "--format", "json", "--select", "MLS101", cwd=helpdesk)) == {"MLS101"}
    assert codes(mlscaffold("lint", "--format", "json", "--select", "big-model-online", cwd=helpdesk)) == {"MLS201"}
    left = codes(mlscaffold("lint", "--format", "json", "--ignore", "MLS1,MLS202", cwd=helpdesk))
    assert left
    assert not {code for code in left if code.startswith("MLS1") or code == "MLS202"}


@pytest.mark.parametrize(
    ("arguments", "code"),
    [([], 1), (["--fail-on", "never"], 0), (["--fail-on", "error"], 1), (["--select", "MLS902", "--fail-on", "error"], 0)],
    ids=lambda value: " ".join(value) or "plain" if isinstance(value, list) else str(value),
)
def test_exit_codes(helpdesk: Path, arguments: list[str], code: int) -> None:
    assert mlscaffold("lint", *arguments, cwd=helpdesk).returncode == code


def test_a_clean_project_is_clean(tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text("print('hello')\n")
    done = mlscaffold("lint", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "no findings in 0 services\n")


def test_reports_go_to_files_several_at_once(helpdesk: Path) -> None:
    done = mlscaffold("lint", "-o", "out/lint.sarif", "-o", "concise=out/lint.txt", "-o", "out/lint.html", cwd=helpdesk)
    assert done.returncode == 1
    assert json.loads((helpdesk / "out/lint.sarif").read_text())["version"] == "2.1.0"
    assert "MLS101" in (helpdesk / "out/lint.txt").read_text()
    assert (helpdesk / "out/lint.html").read_text().startswith("<!doctype html>")


def test_files_narrow_the_findings_not_the_view(helpdesk: Path) -> None:
    whole = json.loads(mlscaffold("lint", "--format", "json", cwd=helpdesk).stdout)["findings"]
    part = json.loads(mlscaffold("lint", "helpdesk/retrain.py", "--format", "json", cwd=helpdesk).stdout)["findings"]
    assert part == [one for one in whole if any(at["path"] == "helpdesk/retrain.py" for at in one["locations"])]
    assert part


def test_a_suppression_with_reason_hides_and_is_told(helpdesk: Path) -> None:
    app_file = helpdesk / "helpdesk/models.py"
    app_file.write_text(f"# mls: file-ignore[MLS101, MLS102] -- split is planned\n{app_file.read_text()}")
    said = json.loads(mlscaffold("lint", "--format", "json", cwd=helpdesk).stdout)
    assert "MLS101" not in {one["code"] for one in said["findings"]}
    assert {one["suppression"]["reason"] for one in said["suppressed"]} == {"split is planned"}


def test_a_baseline_lets_the_old_pass_and_the_new_fail(helpdesk: Path) -> None:
    assert mlscaffold("lint", "--write-baseline", "--baseline", "known.json", cwd=helpdesk).returncode == 0
    assert mlscaffold("lint", "--baseline", "known.json", cwd=helpdesk).returncode == 0
    with (helpdesk / "helpdesk/app.py").open("a") as file:
        file.write("\nimport easyocr\nreader = easyocr.Reader(['en'])\n\n\n")
        file.write("@app.post('/scan')\nasync def scan(path: str):\n    return reader.readtext(path)\n")
    done = mlscaffold("lint", "--baseline", "known.json", "--format", "json", cwd=helpdesk)
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["findings"]
    assert said["baselined"]


def test_configuration_counts(helpdesk: Path) -> None:
    (helpdesk / "pyproject.toml").write_text('[tool.mlscaffold.lint]\nselect = ["MLS103"]\nfail-on = "never"\n')
    done = mlscaffold("lint", "--format", "json", cwd=helpdesk)
    assert done.returncode == 0
    assert codes(done) == {"MLS103"}
    assert 'fail-on = "never"' in mlscaffold("lint", "--show-settings", cwd=helpdesk).stdout


def test_files_may_be_left_out_of_a_rule(helpdesk: Path) -> None:
    (helpdesk / "mlscaffold.toml").write_text('[per-file-ignores]\n"helpdesk/models.py" = ["MLS101"]\n')
    left = codes(mlscaffold("lint", "--format", "json", cwd=helpdesk))
    assert "MLS101" not in left
    assert "MLS201" in left


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("Dockerfile", 'CMD ["python", "-m", "service.start"]'),
        ("compose.yaml", "services:\n  api:\n    command: uvicorn service.start:application"),
        ("Procfile", "web: gunicorn service.start:application"),
        ("start.sh", "exec python service/start.py"),
    ],
)
def test_what_a_deploy_file_starts_is_a_deployable(tmp_path: Path, name: str, content: str) -> None:
    # the file that is started names no framework: a module elsewhere makes the application
    (tmp_path / "service").mkdir()
    (tmp_path / "service/start.py").write_text("from common.factory import build\n\napplication = build('one')\n")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/start.py").write_text("from common.factory import build\n\napplication = build('two')\n")
    (tmp_path / "common").mkdir()
    (tmp_path / "common/factory.py").write_text(
        "from fastapi import FastAPI\n\n\ndef build(name):\n    app = FastAPI(title=name)\n    return app\n"
    )
    (tmp_path / name).write_text(content + "\n")
    second = content.replace("service.start", "other.start").replace("service/start", "other/start")
    (tmp_path / f"other/{name}").write_text(second + "\n")
    said = json.loads(mlscaffold("lint", "--format", "json", cwd=tmp_path).stdout)
    assert {service["entry"]["path"] for service in said["services"]} == {"service/start.py", "other/start.py"}


def test_changed_since_reports_what_touches_the_changes(helpdesk: Path) -> None:
    def git(*arguments: str) -> None:
        subprocess.run(
            ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", *arguments], cwd=helpdesk, check=True, capture_output=True
        )

    git("init", "-b", "main")
    git("add", ".")
    git("commit", "-m", "all")
    assert codes(mlscaffold("lint", "--changed-since", "main", "--format", "json", cwd=helpdesk)) == set()
    with (helpdesk / "helpdesk/retrain.py").open("a") as file:
        file.write("\n# a change\n")
    assert "MLS103" in codes(mlscaffold("lint", "--changed-since", "main", "--format", "json", cwd=helpdesk))
    done = mlscaffold("lint", "--changed-since", "nowhere", cwd=helpdesk)
    assert done.returncode == 2
    assert "nowhere" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["lint", "nowhere"], "no such file or folder"),
        (["lint", "--format", "sraif"], "did you mean 'sarif'"),
        (["lint", "--fail-on", "loud"], "expected one of"),
        (["lint", "--jobs", "many"], "whole number"),
        (["lint", "--select", "MLS999"], "MLS999"),
        (["lint", "--baseline", "nowhere.json"], "cannot be read"),
        (["lint", "--config", "nowhere.toml"], "cannot be read"),
        (["lint", "--color", "pink"], "auto, always or never"),
        (["lint", "-o", "/proc/nowhere/x.json"], "cannot be written"),
        (["rule", "MLS999"], "MLS999"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_what_cannot_run_says_why_and_exits_2(helpdesk: Path, arguments: list[str], said: str) -> None:
    done = mlscaffold(*arguments, cwd=helpdesk)
    assert done.returncode == 2, done.stdout
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_path_is_explained(helpdesk: Path) -> None:
    said = mlscaffold("lint", "--explain-path", "helpdesk/models.py", cwd=helpdesk).stdout
    assert "part of the service helpdesk/app (fastapi), which starts at helpdesk/app.py" in said
    assert "line 10: loads large-v3 (openai-whisper" in said
    assert "MLS101 line 11" in said
    assert "nothing in it counts" in mlscaffold("lint", "--explain-path", "helpdesk/__init__.py", cwd=helpdesk).stdout
    assert mlscaffold("lint", "--explain-path", "nowhere.py", cwd=helpdesk).returncode == 2


def test_an_unknown_flag_is_explained_by_typer(helpdesk: Path) -> None:
    done = mlscaffold("lint", "--fromat", "json", cwd=helpdesk)
    assert done.returncode == 2
    assert "--format" in done.stderr


def test_rules_are_listed_and_explained(tmp_path: Path) -> None:
    listed = mlscaffold("rules", cwd=tmp_path)
    assert listed.returncode == 0
    assert "several-models-in-one-server" in listed.stdout
    page = mlscaffold("rule", "MLS101", cwd=tmp_path)
    assert "What it finds" in page.stdout
    assert mlscaffold("rule", "several-models-in-one-server", cwd=tmp_path).stdout == page.stdout
