"""What an organisation brings: rules in a folder of the same form as ours, and signatures of its own loaders."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from mlscaffold.errors import RuleInvalid
from mlscaffold.lint import lint
from mlscaffold.lint.config import Options

RULE = '''"""A service without a health check."""

from collections.abc import Iterator

from mlscaffold.lint.evidence import entry_span
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.project import Project

CODE = "ACME001"
NAME = "no-health-check"
SEVERITY = "warning"


def check(project: Project) -> Iterator[Finding]:
    """One finding per web service without a route of that name."""
    for service in project.deployables:
        if service.kind == "web" and not any("health" in run.name for run in service.handlers):
            yield Finding(
                code=CODE,
                name=NAME,
                severity="warning",
                confidence="high",
                service=service.id,
                message=f"{service.id} has no health check",
                why="Nobody restarts what nobody asks.",
                locations=(entry_span(service),),
            )
'''
PAGE = "# no-health-check (ACME001)\n\n## What it finds\nA web service without `/health`.\n"
CATALOG = """
- framework: acme
  source: the wiki page "Model store"
  identity: [0, name]
  groups:
    - calls: [acme.store.fetch_model]
      kind: vision
      weight: large
"""
APP = """from acme.store import fetch_model
from fastapi import FastAPI

app = FastAPI()
plates = fetch_model("plates")
faces = fetch_model("faces")


@app.post("/predict")
def predict(path: str):
    return plates.predict(path), faces.predict(path)
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    (tmp_path / "acme_rules/serving").mkdir(parents=True)
    (tmp_path / "acme_rules/serving/no_health_check.py").write_text(RULE)
    (tmp_path / "acme_rules/serving/no_health_check.md").write_text(PAGE)
    (tmp_path / "acme.yaml").write_text(CATALOG)
    (tmp_path / "repository").mkdir()
    (tmp_path / "repository/app.py").write_text(APP)
    return tmp_path


def codes(root: Path, **options: object) -> set[str]:
    return {found.code for found in lint(root / "repository", Options(cache=False, **options)).findings}  # type: ignore[arg-type]


def test_a_rule_of_their_own_is_one_like_ours(repository: Path) -> None:
    own = (repository / "acme_rules",)
    assert "ACME001" not in codes(repository)
    assert "ACME001" in codes(repository, rules=own)
    assert codes(repository, rules=own, select=("no-health-check",)) == {"ACME001"}
    assert "ACME001" not in codes(repository, rules=own, ignore=("ACME",))


def test_it_can_be_hidden_with_a_reason(repository: Path) -> None:
    app = repository / "repository/app.py"
    app.write_text(APP.replace("app = FastAPI()", "app = FastAPI()  # mls: ignore[ACME001] -- a proxy asks instead"))
    assert not codes(repository, rules=(repository / "acme_rules",)) & {"ACME001", "MLS901", "MLS902"}


def test_its_page_is_shown(repository: Path) -> None:
    command = [sys.executable, "-m", "mlscaffold", "rule", "ACME001", "--rules", "acme_rules"]
    assert subprocess.run(command, cwd=repository, capture_output=True, text=True).stdout == PAGE


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("no_health_check.md", None, "has no page"),
        ("no_health_check.py", "CODE = 1 / 0\n", "ZeroDivisionError"),
        ("no_health_check.py", '"""x"""\nNAME = "x"\n', "CODE"),
        ("no_health_check.py", RULE.replace("ACME001", "MLS101"), "MLS101 is taken"),
    ],
    ids=["no page", "fails", "no code", "a code of ours"],
)
def test_a_rule_that_cannot_be_loaded_is_said(repository: Path, name: str, content: str | None, said: str) -> None:
    path = repository / "acme_rules/serving" / name
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(RuleInvalid, match=said):
        codes(repository, rules=(repository / "acme_rules",))


def test_their_loaders_are_models_with_a_few_lines(repository: Path) -> None:
    assert codes(repository) == set()
    assert codes(repository, catalog=(repository / "acme.yaml",)) >= {"MLS101", "MLS201"}


def test_both_can_be_named_on_the_command_line_and_in_the_configuration(repository: Path) -> None:
    command = [sys.executable, "-m", "mlscaffold", "lint", "repository", "--format", "json"]
    said = subprocess.run([*command, "--rules", "acme_rules", "--catalog", "acme.yaml"], cwd=repository, capture_output=True)
    (repository / "repository/mlscaffold.toml").write_text('rules = ["../acme_rules"]\ncatalog = ["../acme.yaml"]\n')
    configured = subprocess.run(command, cwd=repository, capture_output=True)
    found = [{one["code"] for one in json.loads(done.stdout)["findings"]} for done in (said, configured)]
    assert found[0] == found[1] >= {"ACME001", "MLS101"}


def test_a_catalogue_that_is_none_is_said(repository: Path) -> None:
    (repository / "acme.yaml").write_text("- framework: acme\n  groups: [{call: [x]}]\n")
    with pytest.raises(RuleInvalid, match=r"acme\.yaml"):
        codes(repository, catalog=(repository / "acme.yaml",))
