"""What several formats say in the same words, safely for a terminal."""

from collections import Counter

from mlscaffold.light import replace
from mlscaffold.lint.finding import Finding, Report
from mlscaffold.lint.service import Model
from mlscaffold.units import human_size


def printable(text: str) -> str:
    """The text with control characters, lone surrogates and bidirectional marks escaped: linted code is not trusted."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else _escaped(char) for char in text)


def readable(report: Report) -> Report:
    """The report with every text that is shown made printable; paths and services stay what they are, they identify."""
    return replace(
        report,
        findings=tuple(map(_readable, report.findings)),
        baselined=tuple(map(_readable, report.baselined)),
        suppressed=tuple(
            replace(hidden, finding=_readable(hidden.finding), reason=printable(hidden.reason)) for hidden in report.suppressed
        ),
        services=tuple(
            replace(
                service,
                models=tuple(replace(model, name=printable(model.name)) for model in service.models),
                handlers=tuple(replace(handler, name=printable(handler.name)) for handler in service.handlers),
            )
            for service in report.services
        ),
        skipped=tuple(replace(file, reason=printable(file.reason)) for file in report.skipped),
    )


def _readable(finding: Finding) -> Finding:
    locations = tuple(replace(at, note=printable(at.note)) for at in finding.locations)
    return replace(finding, message=printable(finding.message), why=printable(finding.why), locations=locations)


def _escaped(char: str) -> str:
    return char.encode("unicode_escape", errors="surrogatepass").decode("ascii")


def summary(report: Report) -> str:
    """One line: how many findings of which severity in how many services, and what was not read."""
    counts = Counter(finding.severity for finding in report.findings)
    found = ", ".join(_counted(counts[severity], severity) for severity in ("error", "warning", "info") if counts[severity])
    parts = [f"{found or 'no findings'} in {_counted(len(report.services), 'service')}"]
    parts += [f"{len(report.baselined)} in the baseline"] if report.baselined else []
    parts += [f"{len(report.suppressed)} suppressed"] if report.suppressed else []
    parts += [f"{_counted(len(report.skipped), 'file')} not read"] if report.skipped else []
    return "; ".join(parts)


def _counted(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 or word == "info" else f"{count} {word}s"


def way_out(finding: Finding) -> str:
    """The suggestion as one line, or nothing."""
    way = finding.suggestion
    if way is None:
        return ""
    return f"Way out: {way.command}" if way.stamped else f"Way out: the pattern {way.pattern} (mlscaffold patterns {way.pattern})"


def model_facts(model: Model) -> str:
    """A model's name with its framework and size: "ner.onnx (onnxruntime, 120 MB)"; "and 11 more" of its table."""
    facts = [model.framework]
    facts += [human_size(model.bytes)] if model.bytes else []
    facts += [f"{model.parameters / 1e6:.0f} M parameters"] if model.parameters and not model.bytes else []
    more = len({other.name for other in model.also} - {model.name})
    return f"{model.name}{f' and {more} more' if more else ''} ({', '.join(facts)})"
