"""One line a finding: `path:line:column: CODE message`, as editors and grep read it."""

from mlscaffold.lint.finding import Report
from mlscaffold.lint.report.wording import printable, summary


def render(report: Report, *, colour: bool = False) -> str:
    """The findings, a line each, and a last line with their number."""
    del colour
    lines = [
        f"{printable(at.path)}:{at.line}:{at.column}: {finding.code} {finding.message}"
        for finding in report.findings
        for at in finding.locations[:1]
    ]
    return "\n".join([*lines, summary(report)]) + "\n"
