"""Every way out that a finding prints runs as printed, in the repository that it was printed for."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from mlscaffold.light import replace
from mlscaffold.lint import lint
from mlscaffold.lint.finding import Finding
from mlscaffold.lint.rule import load_rules
from mlscaffold.resources import rules_folder
from tests.rules.cases import Case, cases_of, options_in, write

RULES = [rule for rule in load_rules([rules_folder()]) if not rule.code.startswith("MLS9")]  # those are mended where they stand
CASES = [case for rule in RULES for case in cases_of(rule.page) if case.marks]
HELPDESK = Path(__file__).parents[2] / "demo/helpdesk"


def found(folder: Path) -> Iterator[Finding]:
    yield from (
        finding for finding in lint(folder, replace(options_in(folder), preview=True, cache=False)).findings if finding.suggestion
    )


def run_as_printed(command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    return subprocess.run(
        ["bash", "-c", command], cwd=folder, env=environment, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.page.stem}-{case.name}")
def test_the_way_out_of_a_case(case: Case, tmp_path: Path) -> None:
    write(case, tmp_path)
    findings = list(found(tmp_path))
    assert findings, "no finding of this case has a way out"
    for command in {finding.suggestion.command for finding in findings if finding.suggestion and finding.suggestion.stamped}:
        done = run_as_printed(command, tmp_path)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        made = [path.parent for path in tmp_path.glob("*/.mlscaffold")]
        assert len(made) == command.count("mlscaffold new ")
        for project in made:
            shutil.rmtree(project)  # another command may want the same name


def test_what_is_not_stamped_yet_says_so() -> None:
    for finding in found(HELPDESK):
        assert finding.suggestion
        if not finding.suggestion.stamped:
            done = run_as_printed(finding.suggestion.command, HELPDESK)
            assert done.returncode == 2
            assert "not stamped by this version yet" in done.stderr
