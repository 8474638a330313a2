"""What several formats say in the same words, safely for a terminal."""

from collections import Counter

from mlscaffold.lint.finding import Report


def printable(text: str) -> str:
    """The text with control characters, lone surrogates and bidirectional marks escaped: linted code is not trusted."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() or char == "\t" else _escaped(char) for char in text)


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
