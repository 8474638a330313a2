"""One self-contained page: the architecture as a picture, findings in colour, each with its path."""

from collections.abc import Iterator, Sequence
from html import escape as _escape

from mlscaffold.lint.finding import Finding, Report
from mlscaffold.lint.report.wording import model_facts, printable, summary
from mlscaffold.lint.service import Service

ROW = 46  # pixels from one box to the next
BOX = 34
WIDTHS = (250, 270, 330)  # handlers, entry, models
GAP = 70
MOST_HANDLERS = 14
WORST_FIRST = ("error", "warning", "info")

STYLE = """
:root { color-scheme: light dark; --line: #8a94a6; --box: #f4f6fa; --ink: #1c2330; --page: #fff;
  --error: #c62828; --warning: #b26a00; --info: #1565c0; }
@media (prefers-color-scheme: dark) { :root { --line: #6b7485; --box: #222936; --ink: #e6eaf2; --page: #141922;
  --error: #ff8a80; --warning: #ffc266; --info: #82b7ff; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--page); margin: 2rem auto; max-width: 1080px;
  padding: 0 1rem; }
h1 { margin: 0; } .summary { color: var(--line); margin: 0 0 2rem; }
section.service { border: 1px solid var(--line); border-left-width: 6px; border-radius: 8px;
  padding: 1rem 1.25rem; margin: 0 0 1.5rem; }
section.error { border-left-color: var(--error); } section.warning { border-left-color: var(--warning); }
section.info { border-left-color: var(--info); }
section.service h2 { margin: 0 0 .5rem; font-size: 1.1rem; } .kind { color: var(--line); font-weight: normal; }
svg { max-width: 100%; height: auto; display: block; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
svg .box { fill: var(--box); stroke: var(--line); } svg .link { stroke: var(--line); fill: none; stroke-width: 1.3; }
svg .hit { stroke-width: 2.4; } svg .hit.error { stroke: var(--error); } svg .hit.warning { stroke: var(--warning); }
svg .hit.info { stroke: var(--info); } svg .head { fill: var(--line); font-size: 12px; }
details { border-top: 1px solid color-mix(in srgb, var(--line) 40%, transparent); padding: .5rem 0; } summary { cursor: pointer; }
.tag { font-weight: 700; } .tag.error { color: var(--error); }
.tag.warning { color: var(--warning); } .tag.info { color: var(--info); }
code { background: var(--box); padding: .1em .35em; border-radius: 4px; overflow-wrap: anywhere; }
ol { margin: .4rem 0; } .why { color: var(--line); margin: .3rem 0; }
"""


def render(report: Report, *, colour: bool = False) -> str:
    """The page; it loads nothing from anywhere."""
    del colour
    sections = [_service(report, service) for service in report.services]
    homeless = [finding for finding in report.findings if finding.service not in {service.id for service in report.services}]
    if homeless:
        sections.append(f'<section class="service"><h2>About the run</h2>{_findings(homeless)}</section>')
    if report.skipped:
        rows = "".join(f"<li><code>{escape(file.path)}</code> {escape(file.reason)}</li>" for file in report.skipped)
        sections.append(f'<section class="service"><h2>Not read</h2><ul>{rows}</ul></section>')
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n"
        f"<title>mlscaffold lint: {escape(summary(report))}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        f'<h1>mlscaffold lint</h1>\n<p class="summary">{escape(summary(report))}</p>\n'
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def escape(text: str) -> str:
    """Text that cannot end an element or an attribute, nor hide in control characters."""
    return _escape(printable(text), quote=True)


def _service(report: Report, service: Service) -> str:
    mine = [finding for finding in report.findings if finding.service == service.id]
    worst = _worst(mine)
    kind = escape(f"{service.framework or 'no framework'}, {service.kind}")
    return (
        f'<section class="service {worst}"><h2>{escape(service.id)} <span class="kind">{kind}</span></h2>\n'
        f"{_picture(service, mine)}\n{_findings(mine)}</section>"
    )


def _worst(findings: Sequence[Finding]) -> str:
    return next((severity for severity in WORST_FIRST if any(one.severity == severity for one in findings)), "")


def _picture(service: Service, findings: Sequence[Finding]) -> str:
    handlers = [(handler.name, _hit(findings, handler.path, handler.line)) for handler in service.handlers[:MOST_HANDLERS]]
    if len(service.handlers) > MOST_HANDLERS:
        handlers.append((f"… {len(service.handlers) - MOST_HANDLERS} more", ""))
    models = [(model_facts(model), _hit(findings, model.path, model.line)) for model in service.models]
    entry = [(f"{service.entry.path}:{service.entry.line}", _hit(findings, service.entry.path, service.entry.line))]
    columns = (handlers, entry, models)
    height = 24 + ROW * max(len(column) for column in columns)
    lefts = (0, WIDTHS[0] + GAP, WIDTHS[0] + WIDTHS[1] + 2 * GAP)
    width = lefts[2] + WIDTHS[2]
    parts = [f'<svg viewBox="0 0 {width} {height}" width="{width}" role="img" aria-label="{escape(_told(service))}">']
    for left, head, column in zip(lefts, ("handlers", "entry", "models"), columns, strict=True):
        parts.append(f'<text class="head" x="{left}" y="12">{head if column else ""}</text>')
    middle = 24 + BOX / 2
    for place, (_, severity) in enumerate(handlers):
        parts.append(_link(lefts[0] + WIDTHS[0], 24 + place * ROW + BOX / 2, lefts[1], middle, severity))
    for place, (_, severity) in enumerate(models):
        parts.append(_link(lefts[1] + WIDTHS[1], middle, lefts[2], 24 + place * ROW + BOX / 2, severity))
    for left, box_width, column in zip(lefts, WIDTHS, columns, strict=True):
        for place, (label, severity) in enumerate(column):
            parts.append(_box(left, 24 + place * ROW, box_width, label, severity))
    return "".join([*parts, "</svg>"])


def _told(service: Service) -> str:
    return f"{service.id}: {len(service.handlers)} handlers, {len(service.models)} models"


def _hit(findings: Sequence[Finding], path: str, line: int) -> str:
    return _worst([one for one in findings if any(at.path == path and at.line == line for at in one.locations)])


def _link(x1: float, y1: float, x2: float, y2: float, severity: str) -> str:
    middle = (x1 + x2) / 2
    hit = f" hit {severity}" if severity else ""
    return f'<path class="link{hit}" d="M{x1} {y1:g} C{middle:g} {y1:g} {middle:g} {y2:g} {x2} {y2:g}"/>'


def _box(left: int, top: int, width: int, label: str, severity: str) -> str:
    most, label = width // 8, printable(label)
    shown = label if len(label) <= most else f"{label[: most - 1]}…"
    hit = f" hit {severity}" if severity else ""
    return (
        f'<g><title>{escape(label)}</title><rect class="box{hit}" x="{left}" y="{top}" width="{width}" height="{BOX}" rx="6"/>'
        f'<text x="{left + 10}" y="{top + BOX / 2 + 4.5:g}">{escape(shown)}</text></g>'
    )


def _findings(findings: Sequence[Finding]) -> str:
    return "\n".join("".join(_finding(finding)) for finding in findings)


def _finding(finding: Finding) -> Iterator[str]:
    tag = f'<span class="tag {finding.severity}">{escape(finding.code)}</span>'
    yield f"<details open><summary>{tag} {escape(finding.message)}</summary>"
    yield f'<p class="why">{escape(finding.why)} (confidence {finding.confidence})</p><ol>'
    for at in finding.locations:
        yield f"<li><code>{escape(at.path)}:{at.line}</code> {escape(at.note)}</li>"
    yield "</ol>"
    way = finding.suggestion
    if way:
        text = way.command if way.stamped else f"mlscaffold patterns {way.pattern}"
        yield f"<p>Way out, the pattern <b>{escape(way.pattern)}</b>: <code>{escape(text)}</code></p>"
    yield "</details>"
