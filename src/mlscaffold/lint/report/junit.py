"""JUnit XML: a test suite a service, a failed test case a finding."""

from collections.abc import Sequence
from xml.etree import ElementTree as ET

from mlscaffold.lint.finding import Finding, Report
from mlscaffold.lint.report.wording import printable, way_out


def render(report: Report, *, colour: bool = False) -> str:
    """One suite for each service, also the clean ones, and one for findings that belong to none."""
    del colour
    names = [service.id for service in report.services]
    names += sorted({finding.service for finding in report.findings} - set(names))
    suites = ET.Element("testsuites", name="mlscaffold lint")
    for name in names or [""]:
        _suite(suites, name, [finding for finding in report.findings if finding.service == name])
    ET.indent(suites)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(suites, encoding="unicode") + "\n"


def _suite(suites: ET.Element, name: str, findings: Sequence[Finding]) -> None:
    shown = printable(name) or "repository"
    count = str(max(len(findings), 1))
    suite = ET.SubElement(suites, "testsuite", name=shown, tests=count, failures=str(len(findings)), errors="0")
    if not findings:
        ET.SubElement(suite, "testcase", classname=shown, name="no findings")
    for finding in findings:
        at = finding.primary
        place = f"{printable(at.path)}:{at.line}"
        case = ET.SubElement(suite, "testcase", classname=shown, name=f"{finding.code} {finding.name} {place}")
        failure = ET.SubElement(case, "failure", message=finding.message, type=finding.severity)
        notes = [f"{printable(other.path)}:{other.line} {other.note}".rstrip() for other in finding.locations]
        failure.text = "\n".join(filter(None, [finding.why, *notes, way_out(finding)]))
