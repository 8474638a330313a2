"""The architecture as a Mermaid flowchart: deployables, the models that they hold, findings in colour."""

from collections.abc import Iterator

from mlscaffold.lint.finding import Report
from mlscaffold.lint.report.wording import model_facts, printable
from mlscaffold.lint.service import Service

CLASSES = {
    "error": "fill:#fde2e1,stroke:#c62828",
    "warning": "fill:#fff1d6,stroke:#ef8f00",
    "info": "fill:#e3f0fd,stroke:#1976d2",
}
WORST_FIRST = ("error", "warning", "info")


def render(report: Report, *, colour: bool = False) -> str:
    """A `flowchart LR`, one subgraph a service."""
    del colour
    lines = ["flowchart LR"]
    for number, service in enumerate(report.services):
        lines += _service(report, service, f"s{number}")
    lines += [f"  classDef {severity} {style}" for severity, style in CLASSES.items()]
    return "\n".join(lines) + "\n"


def _service(report: Report, service: Service, key: str) -> Iterator[str]:
    mine = [finding for finding in report.findings if finding.service == service.id]
    title = f"{service.id} ({service.framework or service.kind})"
    codes = sorted({finding.code for finding in mine})
    yield f'  subgraph {key}["{_label(title)}{"<br>" + ", ".join(codes) if codes else ""}"]'
    yield f'    {key}e["{_label(f"{service.entry.path}:{service.entry.line}")}"]'
    for number, handler in enumerate(service.handlers[:12]):
        yield f'    {key}h{number}(["{_label(handler.name)}"])'
    for number, model in enumerate(service.models):
        yield f'    {key}m{number}[("{_label(model_facts(model))}")]'
        yield f"    {key}e --> {key}m{number}"
    yield "  end"
    worst = next((severity for severity in WORST_FIRST if any(finding.severity == severity for finding in mine)), "")
    if worst:
        yield f"  class {key} {worst}"


def _label(text: str) -> str:
    # Mermaid's own escapes; quotes and brackets in a label would end it
    plain = printable(text).replace("\\", "/")
    return "".join(f"#{ord(char)};" if char in '"#<>[](){}|`' else char for char in plain)
