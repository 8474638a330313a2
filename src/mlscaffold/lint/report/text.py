"""Findings for a reader at a terminal: source spans with captions, as compilers show them; as readable without colour."""

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from mlscaffold.light import dataclass
from mlscaffold.lint.finding import Finding, Location, Report
from mlscaffold.lint.report.wording import printable, summary

WIDEST = 110  # characters of a source line that are shown
MOST_SHOWN = 12  # places of one finding: they come in the order of their worth
LARGEST = 2_000_000  # bytes; of a larger file no line is shown


@dataclass(frozen=True, slots=True)
class Paint:
    """ANSI colours, or nothing."""

    on: bool

    def __call__(self, code: str, text: str) -> str:
        return f"\033[{code}m{text}\033[0m" if self.on else text

    def severity(self, severity: str, text: str) -> str:
        return self({"error": "1;31", "warning": "1;33"}.get(severity, "1;36"), text)

    def frame(self, text: str) -> str:
        return self("34", text)

    def bold(self, text: str) -> str:
        return self("1", text)


def render(report: Report, *, colour: bool = False) -> str:
    """Every finding with its spans, then what was not read, then the number of findings."""
    paint = Paint(colour)
    sources: dict[str, list[str]] = {}
    blocks = ["\n".join(_finding(finding, Path(report.root), sources, paint)) for finding in report.findings]
    if report.skipped:
        lines = [f"  {printable(file.path)}: {file.reason}" for file in report.skipped[:20]]
        more = [f"  … and {len(report.skipped) - 20} more (--format json lists all)"] if len(report.skipped) > 20 else []
        blocks.append("\n".join([paint.bold("not read"), *lines, *more]))
    return "\n\n".join([*blocks, summary(report)]) + "\n"


def _finding(finding: Finding, root: Path, sources: dict[str, list[str]], paint: Paint) -> Iterator[str]:
    head = paint.severity(finding.severity, f"{finding.severity}[{finding.code}]")
    yield f"{head} {finding.name}: {paint.bold(finding.message)}"
    shown, more = finding.locations[:MOST_SHOWN], len(finding.locations) - MOST_SHOWN
    width = max(len(str(location.line)) for location in shown)
    gutter = " " * width
    for place, (path, group) in enumerate(groupby(shown, key=lambda location: location.path)):
        spans = list(group)
        arrow = "-->" if place == 0 else ":::"
        yield f"{gutter}{paint.frame(arrow)} {printable(path)}:{spans[0].line}:{spans[0].column}"
        yield f"{gutter} {paint.frame('|')}"
        lines = _lines(root, path, sources)
        for number, span in enumerate(spans):
            mark = "^" if place == number == 0 else "-"
            yield from _span(span, lines, width, mark, finding.severity, paint)
    if more > 0:
        places = "place" if more == 1 else "places"
        yield f"{gutter} {paint.frame(':')} {more} more {places} on the way (--format json and html have all)"
    about = ("service", f"{finding.service} (confidence {finding.confidence})")
    notes = [about if finding.service else ("confidence", finding.confidence), ("why", finding.why)]
    notes += _way_out(finding)
    for label, text in notes:
        if text:
            yield f"{gutter} {paint.frame('=')} {paint.bold(label)}: {printable(text)}"
    yield f"{gutter} {paint.frame('=')} {paint.bold('more')}: mlscaffold rule {finding.code}"


def _way_out(finding: Finding) -> list[tuple[str, str]]:
    way = finding.suggestion
    if way is None:
        return []
    if way.stamped:
        return [("fix", way.command)]
    tells = f"mlscaffold patterns {way.pattern}"
    return [("fix", f"the pattern {way.pattern} ({tells}); this version describes it but does not stamp it yet")]


def _span(span: Location, lines: list[str], width: int, mark: str, severity: str, paint: Paint) -> Iterator[str]:
    bar = paint.frame("|")
    number = paint.frame(f"{span.line:>{width}}")
    source = lines[span.line - 1] if 0 < span.line <= len(lines) else ""
    if not source.strip():
        yield f"{number} {bar}"
        yield f"{' ' * width} {bar} {paint.severity(severity, mark)} {span.note}".rstrip()
        return
    cut = len(source) - len(source.lstrip()) if len(source) > WIDEST else 0  # long lines give up their indentation first
    shown = source[cut : cut + WIDEST].rstrip()
    first = len(shown) - len(shown.lstrip())  # a span of a whole line starts where the line does
    start = min(max(span.column - 1 - cut, first if span.column == 1 else 0), len(shown))
    end = span.end_column - 1 - cut if span.end_column else len(shown)
    length = max(1, min(end, len(shown)) - start)
    before = "".join("\t" if char == "\t" else " " * len(printable(char)) for char in shown[:start])
    marks = mark * len(printable(shown[start : start + length]) or mark)
    dots = " …" if len(source.rstrip()) > cut + WIDEST else ""
    yield f"{number} {bar} {printable(shown)}{dots}"
    painted = paint.severity(severity, marks) if mark == "^" else paint.frame(marks)
    yield f"{' ' * width} {bar} {before}{painted} {span.note}".rstrip()


def _lines(root: Path, path: str, sources: dict[str, list[str]]) -> list[str]:
    if path not in sources:
        file = root / path
        try:
            small = file.is_file() and file.stat().st_size <= LARGEST
            text = file.read_text(encoding="utf-8-sig", errors="replace") if small else ""
            # not splitlines: Python counts no form feed and no U+2028 as the end of a line
            sources[path] = text.split("\n")
        except (OSError, ValueError):
            sources[path] = []
    return sources[path]
