"""GitHub Actions workflow commands: findings as annotations on the changed lines."""

from mlscaffold.lint.finding import Finding, Report
from mlscaffold.lint.report.wording import printable, summary, way_out

KINDS = {"error": "error", "warning": "warning", "info": "notice"}


def render(report: Report, *, colour: bool = False) -> str:
    """A command a finding, then the summary."""
    del colour
    return "\n".join([*(_command(finding) for finding in report.findings), summary(report)]) + "\n"


def _command(finding: Finding) -> str:
    at = finding.primary
    place = f"file={_property(at.path)},line={at.line},col={at.column}"
    title = _property(f"{finding.code} {finding.name}")
    text = "\n".join(filter(None, [finding.message, finding.why, way_out(finding)]))
    return f"::{KINDS[finding.severity]} {place},title={title}::{_data(text)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    # a path may hold a newline, which the commands can say, and other control characters, which they cannot
    plain = "".join(char if char in "\r\n" else printable(char) for char in text)
    return _data(plain).replace(":", "%3A").replace(",", "%2C")
