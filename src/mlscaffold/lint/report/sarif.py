"""SARIF 2.1.0 (OASIS): each finding with its path as related locations and as a code flow; what a baseline knows is marked."""

import json
from urllib.parse import quote

from mlscaffold import __version__
from mlscaffold.lint.finding import Finding, Location, Report
from mlscaffold.lint.fingerprint import fingerprint
from mlscaffold.lint.report.wording import printable, way_out

SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
LEVELS = {"error": "error", "warning": "warning", "info": "note"}
RANKS = {"high": 90.0, "medium": 60.0, "low": 30.0}  # SARIF's rank is a priority from 0 to 100
ROOT = "SRCROOT"


def render(report: Report, *, colour: bool = False) -> str:
    """One run with every finding, also those that are suppressed or in the baseline."""
    del colour
    marked = bool(report.baselined)
    results = [_result(finding, "new" if marked else "") for finding in report.findings]
    results += [_result(finding, "unchanged") for finding in report.baselined]
    for hidden in report.suppressed:
        suppression = {"kind": "inSource", "justification": hidden.reason or "no reason given"}
        results.append({**_result(hidden.finding, "new" if marked else ""), "suppressions": [suppression]})
    shown = [*report.findings, *report.baselined, *(hidden.finding for hidden in report.suppressed)]
    run = {
        "tool": {"driver": {"name": "mlscaffold", "semanticVersion": __version__, "rules": _rules(shown)}},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {ROOT: {"description": {"text": "the folder that was linted"}}},
        "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": _notifications(report)}],
        "results": results,
    }
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _rules(findings: list[Finding]) -> list[dict[str, object]]:
    first = {finding.code: finding for finding in reversed(findings)}
    return [
        {
            "id": code,
            "name": "".join(word.capitalize() for word in finding.name.split("-")),
            "shortDescription": {"text": finding.name.replace("-", " ")},
            "fullDescription": {"text": finding.why or finding.name},
            "help": {"text": f"mlscaffold rule {code} tells what it finds, why it hurts and how sure it is."},
            "defaultConfiguration": {"level": LEVELS[finding.severity]},
        }
        for code, finding in sorted(first.items())
    ]


def _result(finding: Finding, state: str) -> dict[str, object]:
    lines = [finding.message, finding.why, way_out(finding)]
    return {
        "ruleId": finding.code,
        "level": LEVELS[finding.severity],
        "rank": RANKS[finding.confidence],
        "message": {"text": " ".join(filter(None, lines))},
        "locations": [_location(finding.primary)],
        "relatedLocations": [{"id": number, **_location(at)} for number, at in enumerate(finding.locations[1:], 1)],
        "codeFlows": [{"threadFlows": [{"locations": [{"location": _location(at)} for at in finding.locations]}]}],
        "partialFingerprints": {"mlscaffold/v1": fingerprint(finding)},
        "properties": {"service": printable(finding.service), "confidence": finding.confidence},
        **({"baselineState": state} if state else {}),
    }


def _location(at: Location) -> dict[str, object]:
    region: dict[str, object] = {"startLine": max(at.line, 1), "startColumn": max(at.column, 1)}
    if at.end_column and at.end_column > at.column:
        region["endColumn"] = at.end_column
    where = {"physicalLocation": {"artifactLocation": _artifact(at.path), "region": region}}
    return {**where, **({"message": {"text": at.note}} if at.note else {})}


def _artifact(path: str) -> dict[str, object]:
    return {"uri": quote(path.encode(errors="surrogateescape")), "uriBaseId": ROOT}


def _notifications(report: Report) -> list[dict[str, object]]:
    return [
        {
            "level": "warning",
            "message": {"text": f"not read: {file.reason}"},
            "locations": [{"physicalLocation": {"artifactLocation": _artifact(file.path)}}],
        }
        for file in report.skipped
    ]
