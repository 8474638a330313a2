"""Deployables as the report shows them."""

from __future__ import annotations

from mlscaffold.lint.project import Project
from mlscaffold.lint.project.deployable import Deployable, Load
from mlscaffold.lint.service import Entry, Handler, Model, Service


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
        models=tuple(_model(project, load) for load in known.loads),
        handlers=tuple(Handler(run.name, run.site.path, run.site.line, run.hook.function.is_async) for run in known.handlers),
    )


def _model(project: Project, load: Load) -> Model:
    size = project.sizes.of(load.model)
    return Model(
        name=load.name,
        framework=load.model.framework,
        path=load.site.path,
        line=load.site.line,
        role=load.role,
        load=load.moment,
        bytes=size.bytes,
        parameters=size.parameters,
        size_evidence=size.evidence,
    )
