"""Every case of every rule's page, and what all pages have in common."""

import pytest

from mlscaffold.light import replace
from mlscaffold.lint import lint
from mlscaffold.lint.rule import load_rules
from mlscaffold.resources import rules_folder
from tests.rules.cases import Case, cases_of, options_in, write

RULES = load_rules([rules_folder()])
HEADINGS = ["What it finds", "Why it hurts", "How sure we are", "Cases", "Way out", "Options"]
CASES = [(rule, case) for rule in RULES for case in cases_of(rule.page)]


@pytest.mark.parametrize(("rule", "case"), [pytest.param(rule, case, id=f"{rule.code}-{case.name}") for rule, case in CASES])
def test_case(rule, case: Case, tmp_path):
    write(case, tmp_path)
    # What is said about comments depends on the rules that they name.
    select = () if rule.code.startswith("MLS9") else (rule.code,)
    report = lint(tmp_path, replace(options_in(tmp_path), select=select, cache=False))
    told = ("error", "warning", rule.severity)  # information counts only where the rule gives nothing else
    found = [finding for finding in report.findings if finding.code == rule.code and finding.severity in told]
    spots = {(spot.path, spot.line, rule.code) for finding in found for spot in finding.locations}
    primary = {(finding.primary.path, finding.primary.line, rule.code) for finding in found}
    assert (primary - case.marks, case.marks - spots) == (set(), set()), [finding.message for finding in found]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_page_has_its_headings_and_its_title(rule):
    lines = rule.page.read_text(encoding="utf-8").splitlines()
    assert lines[0] == f"# {rule.name} ({rule.code})"
    assert [line[3:] for line in lines if line.startswith("## ")] == HEADINGS


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.code)
def test_page_has_as_many_quiet_cases_as_others(rule):
    cases = cases_of(rule.page)
    quiet = [case for case in cases if not case.marks]
    assert len(quiet) >= len(cases) - len(quiet) > 0 or (quiet and rule.code.startswith("MLS9"))


def test_codes_and_names_are_unique():
    assert len({rule.code for rule in RULES}) == len({rule.name for rule in RULES}) == len(RULES)
