"""GitLab Code Quality: a JSON list that merge requests show."""

import json

from mlscaffold.lint.finding import Finding, Report
from mlscaffold.lint.fingerprint import fingerprint
from mlscaffold.lint.report.wording import way_out

SEVERITIES = {"error": "major", "warning": "minor", "info": "info"}


def render(report: Report, *, colour: bool = False) -> str:
    """Every finding that is neither suppressed nor known."""
    del colour
    return json.dumps([_issue(finding) for finding in report.findings], indent=1) + "\n"


def _issue(finding: Finding) -> dict[str, object]:
    return {
        "description": finding.message,
        "check_name": finding.code,
        "fingerprint": fingerprint(finding),
        "severity": SEVERITIES[finding.severity],
        "location": {"path": finding.primary.path, "lines": {"begin": finding.primary.line}},
        "content": {"body": " ".join(filter(None, [finding.why, way_out(finding)]))},
        "categories": ["Performance" if finding.code.startswith("MLS2") else "Complexity"],
        "other_locations": [{"path": at.path, "lines": {"begin": at.line}} for at in finding.locations[1:]],
    }
