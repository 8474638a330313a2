"""The report as JSON, schema `mlscaffold-lint/1`."""

import json

from mlscaffold.light import as_dict
from mlscaffold.lint.finding import Finding, Location, Report
from mlscaffold.lint.fingerprint import fingerprint
from mlscaffold.lint.service import Service

SCHEMA = "mlscaffold-lint/1"


def render(report: Report, *, colour: bool = False) -> str:
    """The whole report; paths are relative to the linted root."""
    del colour
    data = {
        "schema": SCHEMA,
        "services": [_service(service) for service in report.services],
        "findings": [_finding(finding) for finding in report.findings],
        "baselined": [_finding(finding) for finding in report.baselined],
        "suppressed": [
            {**_finding(hidden.finding), "suppression": {"reason": hidden.reason, "path": hidden.path, "line": hidden.line}}
            for hidden in report.suppressed
        ],
        "skipped": [{"path": file.path, "reason": file.reason} for file in report.skipped],
        "files_read": report.files_read,
    }
    return json.dumps(data, indent=1) + "\n"


def _service(service: Service) -> dict[str, object]:
    return {
        "id": service.id,
        "kind": service.kind,
        "framework": service.framework,
        "root": service.root,
        "entry": {"path": service.entry.path, "line": service.entry.line},
        "models": [
            {
                "name": model.name,
                "framework": model.framework,
                "path": model.path,
                "line": model.line,
                "role": model.role,
                "load": model.load,
                "bytes": model.bytes,
                "parameters": model.parameters,
                "size_evidence": model.size_evidence,
                "reached": model.reached,
                "also": [{"name": other.name, "path": other.path, "line": other.line} for other in model.also],
                "latency_ms": model.latency_ms,
                "latency_p95_ms": model.latency_p95_ms,
            }
            for model in service.models
        ],
        "handlers": [
            {"name": handler.name, "path": handler.path, "line": handler.line, "async": handler.is_async}
            for handler in service.handlers
        ],
        "workers": service.workers,
        "memory_limit": service.memory_limit,
        "latency_budget_ms": service.latency_budget_ms,
        "started_by": [as_dict(start) for start in service.started_by],
    }


def _finding(finding: Finding) -> dict[str, object]:
    return {
        "code": finding.code,
        "name": finding.name,
        "severity": finding.severity,
        "confidence": finding.confidence,
        "service": finding.service,
        "message": finding.message,
        "why": finding.why,
        "preview": finding.preview,
        "fingerprint": fingerprint(finding),
        "locations": [
            _location(location, role="related" if place else "primary") for place, location in enumerate(finding.locations)
        ],
        "suggestion": _suggestion(finding),
    }


def _location(location: Location, *, role: str) -> dict[str, object]:
    return {
        "path": location.path,
        "line": location.line,
        "column": location.column,
        "end_column": location.end_column,
        "role": role,
        "note": location.note,
    }


def _suggestion(finding: Finding) -> dict[str, object] | None:
    way = finding.suggestion
    if way is None:
        return None
    models = {name: path or None for name, path in way.models}
    return {
        "pattern": way.pattern,
        "answers": {"pattern": way.pattern, **({"name": way.name} if way.name else {}), "models": models},
        "command": way.command,
        "stamped": way.stamped,
    }
