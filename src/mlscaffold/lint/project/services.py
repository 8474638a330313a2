"""Deployables as the report shows them."""

from __future__ import annotations

from mlscaffold.lint.deploy.process import Figure, Process
from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, Load
from mlscaffold.lint.project.listing import Listed, listed
from mlscaffold.lint.project.trained import trained
from mlscaffold.lint.service import Also, Entry, Handler, Model, Service, Start


def services_of(project: Project) -> tuple[Service, ...]:
    """Every deployable with its models and handlers."""
    return tuple(_service(project, known) for known in project.deployables)


def _service(project: Project, known: Deployable) -> Service:
    return Service(
        id=known.id,
        kind=known.kind,
        framework=known.framework,
        root=known.root,
        entry=Entry(known.entry.path, known.entry.line),
        models=tuple(_model(project, one) for one in listed((*known.loads, *known.alternatives, *_trained(known)))),
        handlers=tuple(Handler(run.name, run.site.path, run.site.line, run.hook.function.is_async) for run in known.handlers),
        workers=_count(known.workers()),
        memory_limit=_count(known.memory()),
        latency_budget_ms=known.options.latency_budget_ms,
        started_by=tuple(_start(process) for process in known.processes),
    )


def _trained(known: Deployable) -> tuple[Load, ...]:
    """What a server trains and asks: a job that trains does nothing else."""
    return trained(known.events, known.loads) if known.serves else ()


def _start(process: Process) -> Start:
    command = process.command
    return Start(
        path=command.path,
        line=command.line,
        command=command.text,
        name=process.name,
        entry=next(iter(process.entries), ""),
        workers=_count(command.workers),
        threads=_count(command.threads),
        memory_limit=_count(process.memory),
        replicas=process.replicas,
        timeout_s=command.timeout_s.value if command.timeout_s else None,
        port=command.port,
        preload=command.preload,
        environment=tuple(name for name, _ in process.environment),  # names only: values may be secrets
    )


def _count(figure: Figure | None) -> int | None:
    return int(figure.value) if figure else None


def _model(project: Project, one: Listed) -> Model:
    load = one.load
    shown = load.shown or load.site
    size = project.sizes.of(load.model)
    latency = project.measured(load)
    return Model(
        name=load.name,
        framework=load.model.framework,
        path=shown.path,
        line=shown.line,
        role=load.role,
        load=load.moment,
        bytes=size.bytes,
        parameters=size.parameters,
        size_evidence=size.evidence,
        reached=load.reached,
        also=tuple(Also(other.name, other.site.path, other.site.line) for other in one.also),
        latency_ms=latency.median_ms if latency else None,
        latency_p95_ms=latency.p95_ms if latency else None,
    )
