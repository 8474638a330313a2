"""Several applications with models of their own in one process or one container."""

from collections.abc import Iterator, Sequence

from mlscaffold.light import Final
from mlscaffold.lint.deploy.process import Process
from mlscaffold.lint.evidence import at, entry_span, load_spans, spans, suggestion
from mlscaffold.lint.finding import Finding, Location
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, Load

CODE = "MLS105"
NAME = "apps-in-one-process"
SEVERITY: Final = "warning"
PREVIEW = True
WHY = "They are released, restarted and scaled together, and the first that falls takes the others along."

Part = tuple[str, tuple[Load, ...]]  # an application's file, the models that only it brings in


def check(project: Project) -> Iterator[Finding]:
    """One finding per application that carries others with models, and per container that runs several servers with models."""
    for service in project.deployables:
        parts = _parts(project, service)
        if len(parts) > 1:
            yield _mounted(project, service, parts)
    yield from _side_by_side(project)


def _parts(project: Project, service: Deployable) -> list[Part]:
    """The applications in a process with the models of each: what several of them import is counted with the first."""
    mounted = project.mounted_in(service.entry.path)
    reached = [(site.path, frozenset(project.modules.closure([site.path], wide=True))) for site in mounted]
    taken: set[Load] = set()
    parts: list[Part] = []
    for path, modules in reached:
        loads = tuple(load for load in service.models if load.site.path in modules and load not in taken)
        taken.update(loads)
        if loads:
            parts.append((path, loads))
    rest = tuple(load for load in service.models if load not in taken)
    return [*parts, (service.entry.path, rest)] if rest and parts else parts


def _mounted(project: Project, service: Deployable, parts: list[Part]) -> Finding:
    loads = [load for _, held in parts for load in held]
    sites = [site for site in project.mounted_in(service.entry.path) if site.path in {path for path, _ in parts}]
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="high",
        service=service.id,
        message=f"{len(parts)} applications with models of their own run in one process: {_listed(path for path, _ in parts)}",
        why=WHY,
        locations=spans(
            entry_span(service),
            [at(site, "an application that it carries") for site in sites],
            [span for load in loads for span in load_spans(load)],
        ),
        suggestion=suggestion("web-single", service, loads, project.files),
        subjects=tuple(sorted(path for path, _ in parts)),
    )


def _side_by_side(project: Project) -> Iterator[Finding]:
    containers: dict[str, list[tuple[Deployable, Process]]] = {}
    for service in project.deployables:
        for process in service.processes:
            if service.models and process.source != "shell":  # a script outside an image runs on somebody's machine
                containers.setdefault(process.container, []).append((service, process))
    said: set[frozenset[str]] = set()
    for held in containers.values():
        # All but the last have to go on beside it, or the last would never be started.
        ordered = sorted(held, key=lambda pair: (pair[1].command.path, pair[1].command.line))
        together = [pair for pair in ordered[:-1] if pair[1].command.background] + ordered[-1:]
        ids = frozenset(service.id for service, _ in together)
        if len(ids) > 1 and ids not in said:
            said.add(ids)
            yield _company(project, together)


def _company(project: Project, held: Sequence[tuple[Deployable, Process]]) -> Finding:
    first = held[0][0]
    services = list({service.id: service for service, _ in held}.values())
    loads = [load for service in services for load in service.models]
    starts = [Location(process.command.path, process.command.line, note=f"starts {service.id}") for service, process in held]
    return Finding(
        code=CODE,
        name=NAME,
        severity=SEVERITY,
        confidence="medium",
        service=first.id,
        message=f"one container starts {len(services)} servers with models: {_listed(service.id for service in services)}",
        why=WHY,
        locations=spans(starts[0], starts[1:], map(entry_span, services), [span for load in loads for span in load_spans(load)]),
        suggestion=suggestion("web-single", first, loads, project.files),
        subjects=tuple(sorted(service.id for service in services)),
    )


def _listed(names: Iterator[str]) -> str:
    return ", ".join(names)
