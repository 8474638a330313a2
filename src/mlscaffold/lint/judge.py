"""From files to what the rules find: facts -> project -> rules."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from mlscaffold.light import TYPE_CHECKING, replace
from mlscaffold.lint.catalog import Catalog
from mlscaffold.lint.deployed import deployed
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.glance import names_server, starts_server
from mlscaffold.lint.judgement import Judgement, place
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.named import unknown
from mlscaffold.lint.project.services import services_of
from mlscaffold.lint.rule import chosen, load_rules
from mlscaffold.resources import rules_folder

if TYPE_CHECKING:
    from mlscaffold.lint.config import Options
    from mlscaffold.lint.measure import Meter
    from mlscaffold.lint.workspace import Workspace


def judge(workspace: Workspace, options: Options) -> Judgement:
    """What the chosen rules find in a workspace.

    Raises:
        ConfigInvalid: an option names no rule, or a service that there is not.
        RuleInvalid: a rule or the catalogue cannot be loaded.
    """
    with deep_recursion():
        return _judge(workspace, options)


def _judge(workspace: Workspace, options: Options) -> Judgement:
    rules = chosen(load_rules((rules_folder(), *options.rules)), options)
    catalog = Catalog((rules_folder() / "catalog",), options.catalog)
    meter = _meter(workspace) if options.measure else None
    # A rule of somebody else's may ask for anything.
    remote = bool(options.rules) or any(rule.without_models for rule in rules)
    project = project_of(workspace, catalog, options, meter, remote=remote)
    if options.source is None or project.configured_in:
        unknown(options.services, project.deployables)
    found = (finding for rule in rules for finding in rule.check(project))
    findings = _each_once(sorted((_in_cells(finding, workspace) for finding in found), key=place))
    services = services_of(project)
    commented = (path for path in (*workspace.read_paths, *workspace.listing.config) if workspace.may_hide(path))
    skipped = {*workspace.skipped, *project.deployment.skipped, *(meter.notes if meter else ())}
    return Judgement(
        findings=tuple(findings),
        services=services,
        skipped=tuple(sorted(skipped, key=lambda file: (file.path, file.reason))),
        files_read=len(workspace.read_paths),
        commented=tuple(commented),
    )


def _meter(workspace: Workspace) -> Meter:
    from mlscaffold.lint.measure import Meter

    return Meter(workspace.root)


@contextmanager
def deep_recursion() -> Iterator[None]:
    """Room for the bounded depth of the walk (20 calls) times that of a question (30), which 1000 Python frames do not hold."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(max(before, 8_000))
    try:
        yield
    finally:
        sys.setrecursionlimit(before)


def project_of(
    workspace: Workspace, catalog: Catalog, options: Options, meter: Meter | None = None, *, remote: bool = True
) -> Project:
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
        read=workspace.config,
        catalog=catalog,
        files=workspace.listing.others,
        weigh=workspace.weigh,
        deployment=deployment,
        services=options.services,
        remote=remote,
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


def _each_once(findings: list[Finding]) -> list[Finding]:
    """Findings that say the same of the same place are one, with the places of all: two loads of the same weights."""
    known: dict[tuple[str, str, str, Location], Finding] = {}
    for finding in findings:
        key = (finding.code, finding.service, finding.message, finding.primary)
        first = known.setdefault(key, finding)
        further = tuple(at for at in finding.locations if at not in first.locations)
        known[key] = replace(first, locations=first.locations + further)
    return list(known.values())


def _in_cells(finding: Finding, workspace: Workspace) -> Finding:
    """Spans in notebooks say their cell."""
    if not any(at.path in workspace.cells for at in finding.locations):
        return finding
    return replace(finding, locations=tuple(_in_cell(at, workspace) for at in finding.locations))


def _in_cell(at: Location, workspace: Workspace) -> Location:
    cell, line = workspace.cells.get(at.path, {}).get(at.line, (0, 0))
    return replace(at, note=f"{at.note} (cell {cell}, line {line})".lstrip()) if cell else at
