"""The pipeline: facts -> project -> rules -> suppressions -> baseline, on one screen."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from mlscaffold.errors import ConfigInvalid
from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint.catalog import Catalog
from mlscaffold.lint.config import Options
from mlscaffold.lint.deployed import deployed
from mlscaffold.lint.finding import Finding, Location, Report
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.entries import names_server, starts_server
from mlscaffold.lint.project.named import unknown
from mlscaffold.lint.project.services import services_of
from mlscaffold.lint.rule import Rule, load_rules
from mlscaffold.lint.suppress import apply, suppressions
from mlscaffold.lint.workspace import Workspace
from mlscaffold.resources import rules_folder

if TYPE_CHECKING:
    from mlscaffold.lint.measure import Meter


def run(workspace: Workspace, options: Options) -> Report:
    """Everything that the rules find in a workspace.

    Raises:
        ConfigInvalid: an option names no rule.
        RuleInvalid: a rule or the catalogue cannot be loaded.
    """
    with deep_recursion():
        return _run(workspace, options)


def _run(workspace: Workspace, options: Options) -> Report:
    rules = chosen(load_rules((rules_folder(), *options.rules)), options)
    catalog = Catalog((rules_folder() / "catalog",), options.catalog)
    meter = _meter(workspace) if options.measure else None
    project = project_of(workspace, catalog, options, meter)
    if options.source is None or project.configured_in:
        unknown(options.services, project.deployables)
    findings = sorted((_in_cells(found, workspace) for found in _found(rules, project, options)), key=_place)
    python = (path for path in workspace.read_paths if workspace.may_hide(path))
    deploy = (path for path in workspace.listing.config if workspace.may_hide(path))
    comments = [comment for path in python for comment in suppressions(path, workspace.content(path) or b"")]
    comments += [comment for path in deploy for comment in suppressions(path, workspace.config(path) or b"")]
    ran = [word for rule in rules for word in (rule.code, rule.name)]
    outcome = apply(findings, comments, today=time.strftime("%Y-%m-%d", time.gmtime()), ran=ran)
    about = [finding for rule in rules for finding in rule.review(outcome) if _wanted(finding, options)]
    left = sorted((*outcome.findings, *about), key=_place)
    fresh, known = _split(left, options)
    services = services_of(project)
    skipped = {*workspace.skipped, *project.deployment.skipped, *(meter.notes if meter else ())}
    return Report(
        root=str(workspace.given),
        services=services,
        findings=fresh,
        skipped=tuple(sorted(skipped, key=lambda file: (file.path, file.reason))),
        suppressed=outcome.suppressed,
        baselined=known,
        files_read=len(workspace.read_paths),
    )


def _meter(workspace: Workspace) -> Meter:
    from mlscaffold.lint.measure import Meter

    return Meter(workspace.root)


def _split(findings: list[Finding], options: Options) -> tuple[tuple[Finding, ...], tuple[Finding, ...]]:
    """Findings that are new, and those that the baseline knows."""
    if options.baseline is None:
        return tuple(findings), ()
    from mlscaffold.lint import baseline

    split = baseline.split(findings, baseline.read(options.baseline))
    return split.fresh, split.known


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Room for the bounded depth of the walk (20 calls) times that of a question (30), which 1000 Python frames do not hold."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 8_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def chosen(rules: Iterable[Rule], options: Options) -> tuple[Rule, ...]:
    """The rules that run: those selected (out of preview, unless asked for), less those ignored."""
    rules = tuple(rules)
    for word in (*options.select, *options.ignore):
        if not any(rule.answers_to(word) for rule in rules):
            known = ", ".join(rule.code for rule in rules)
            raise ConfigInvalid(f"{word!r} is no rule: expected a code, a prefix of one or a name of: {known}")
    wanted = [
        rule
        for rule in rules
        if (any(rule.answers_to(word) for word in options.select) if options.select else options.preview or not rule.preview)
    ]
    return tuple(rule for rule in wanted if not any(rule.answers_to(word) for word in options.ignore))


def project_of(workspace: Workspace, catalog: Catalog, options: Options, meter: Meter | None = None) -> Project:
    """The joined project: files that name a server, or that a deploy file starts, are parsed at once; the rest when asked for."""
    python = workspace.listing.python
    config = workspace.listing.config
    deployment, scripts = deployed(workspace)
    named = scripts | {service.entry for service in options.services.values()}
    serving = [path for path in python if workspace.names_server(path, names_server) or path in named]
    candidates = (path for path in serving if workspace.readable(path))
    return Project(
        python=python,
        candidates=[*candidates, *_serving_notebooks(workspace)],
        config=config,
        facts=workspace.facts,
        sound=workspace.sound,
        read=workspace.config,
        catalog=catalog,
        files=workspace.listing.others,
        weigh=workspace.weigh,
        deployment=deployment,
        services=options.services,
        latency=meter.of if meter else lambda _: None,
        configured_in=_inside(workspace, options),
        skipped=lambda path: next((file.reason for file in workspace.skipped if file.path == path), ""),
    )


def _serving_notebooks(workspace: Workspace) -> Iterator[str]:
    """The notebooks that start a server; one that cannot be read is noted."""
    for path in workspace.listing.notebooks:
        raw = workspace.config(path)
        if raw is None or starts_server(raw):
            code = workspace.content(path) or b""
            if starts_server(code) and names_server(code):
                yield path


def _inside(workspace: Workspace, options: Options) -> str:
    """The configuration file as a path of the repository, "" where it lies elsewhere."""
    if options.source is None or options.source.absolute().parent != workspace.root.absolute():
        return ""
    return options.source.name


def _found(rules: Iterable[Rule], project: Project, options: Options) -> Iterable[Finding]:
    for rule in rules:
        yield from (finding for finding in rule.check(project) if _wanted(finding, options))


def _in_cells(finding: Finding, workspace: Workspace) -> Finding:
    """Spans in notebooks say their cell."""
    if not any(at.path in workspace.cells for at in finding.locations):
        return finding
    return replace(finding, locations=tuple(_in_cell(at, workspace) for at in finding.locations))


def _in_cell(at: Location, workspace: Workspace) -> Location:
    cell, line = workspace.cells.get(at.path, {}).get(at.line, (0, 0))
    return replace(at, note=f"{at.note} (cell {cell}, line {line})".lstrip()) if cell else at


def _wanted(finding: Finding, options: Options) -> bool:
    if any(_ignored(finding, glob, codes) for glob, codes in options.per_file_ignores.items()):
        return False
    return options.files is None or any(location.path in options.files for location in finding.locations)


def _ignored(finding: Finding, glob: str, codes: Iterable[str]) -> bool:
    from fnmatch import fnmatch

    named = any(finding.code.startswith(word.upper()) or finding.name == word for word in codes)
    return named and fnmatch(finding.primary.path, glob)


def _place(finding: Finding) -> tuple[str, int, str, str]:
    return (finding.primary.path, finding.primary.line, finding.code, finding.service)
