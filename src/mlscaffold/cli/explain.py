"""`mlscaffold lint --explain-path FILE`: what was understood of one file, and what follows from it."""

from collections.abc import Iterator

from mlscaffold.errors import TargetUnreadable
from mlscaffold.lint.finding import Report
from mlscaffold.lint.report.wording import model_facts, printable
from mlscaffold.lint.service import Service
from mlscaffold.units import human_size


def explained(report: Report, path: str, *, exists: bool) -> str:
    """What the run says of a file, in lines.

    Raises:
        TargetUnreadable: there is no such file.
    """
    if not exists:
        raise TargetUnreadable(f"--explain-path {path}: there is no such file below the linted folder")
    lines = [printable(path), *_reading(report, path)]
    lines += [line for service in report.services for line in _part(service, path)]
    if len(lines) == 2:
        lines.append("  no deployable starts, loads a model or answers requests in it, so that nothing in it counts")
    lines += _findings(report, path)
    return "\n".join(lines) + "\n"


def _reading(report: Report, path: str) -> list[str]:
    reason = next((file.reason for file in report.skipped if file.path == path), "")
    return [f"  not read: {printable(reason)}" if reason else "  read"]


def _part(service: Service, path: str) -> Iterator[str]:
    models = [model for model in service.models if model.path == path]
    handlers = [handler for handler in service.handlers if handler.path == path]
    starts = [start for start in service.started_by if start.path == path]
    if service.entry.path != path and not models and not handlers and not starts:
        return
    start = "starts here" if service.entry.path == path else f"starts at {printable(service.entry.path)}"
    kind = service.framework or service.kind
    yield f"  part of the service {printable(service.id)} ({kind}), which {start}:{service.entry.line}"
    for process in starts:
        workers = f"{process.workers} workers, " if process.workers else ""
        memory = f"at most {human_size(process.memory_limit)}, " if process.memory_limit else ""
        yield f"    line {process.line}: starts it, {workers}{memory}by {printable(process.command)}"
    for model in models:
        yield f"    line {model.line}: loads {printable(model_facts(model))}, role {model.role}, {model.load}"
    for handler in handlers:
        yield f"    line {handler.line}: {'async ' if handler.is_async else ''}handler {printable(handler.name)}"


def _findings(report: Report, path: str) -> Iterator[str]:
    for finding in report.findings:
        for at in finding.locations:
            if at.path == path:
                yield f"  {finding.code} line {at.line}: {printable(at.note or finding.message)}"
    for hidden in report.suppressed:
        if any(at.path == path for at in hidden.finding.locations):
            yield f"  {hidden.finding.code} is suppressed: {printable(hidden.reason)}"
