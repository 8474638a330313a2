"""Markdown for a job summary or a review comment: the picture, then a section a finding."""

import re
from collections.abc import Iterator

from mlscaffold.lint.finding import Finding, Report
from mlscaffold.lint.report import mermaid
from mlscaffold.lint.report.wording import printable, summary

SIGNS = {"error": "🔴", "warning": "🟠", "info": "🔵"}


def render(report: Report, *, colour: bool = False) -> str:
    """The whole report."""
    del colour
    lines = ["# mlscaffold lint", "", f"**{summary(report)}**", ""]
    if report.services:
        lines += ["```mermaid", mermaid.render(report).rstrip(), "```", ""]
    for finding in report.findings:
        lines += [*_section(finding), ""]
    if report.skipped:
        lines += ["## Not read", ""]
        lines += [f"- {_code(file.path)}: {_escaped(file.reason)}" for file in report.skipped]
    return "\n".join(lines).rstrip() + "\n"


def _section(finding: Finding) -> Iterator[str]:
    yield f"## {SIGNS[finding.severity]} {finding.code} {finding.name}"
    yield ""
    yield f"{_escaped(finding.message)} ({finding.severity}, confidence {finding.confidence}, service {_code(finding.service)})"
    yield ""
    if finding.why:
        yield f"*{_escaped(finding.why)}*"
        yield ""
    for at in finding.locations:
        yield f"- {_code(f'{at.path}:{at.line}')} {_escaped(at.note)}".rstrip()
    way = finding.suggestion
    if way:
        yield ""
        text = way.command if way.stamped else f"mlscaffold patterns {way.pattern}"
        yield f"Way out, the pattern **{way.pattern}**: {_code(text)}"


def _code(text: str) -> str:
    plain = printable(text).replace("\n", " ")
    if "`" not in plain:
        return f"`{plain}`"
    fence = "`" * (1 + max(len(run) for run in re.findall("`+", plain)))  # longer than any run inside, so that none ends it
    return f"{fence} {plain} {fence}"


def _escaped(text: str) -> str:
    return "".join(f"\\{char}" if char in "\\`*_[]<>|#" else char for char in printable(text))
