"""Loads that stand in a deployable's modules without a way that leads to them: the alternatives that a setting may choose,
and what the walk could not follow. They are shown, and count for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from mlscaffold.lint.facts import MODULE
from mlscaffold.lint.project.deployable import Load
from mlscaffold.lint.project.entries import is_test
from mlscaffold.lint.project.evaluate import Evaluator
from mlscaffold.lint.project.events import State
from mlscaffold.lint.project.loads import name_of
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import ModelValue, Site
from mlscaffold.lint.syntax import Call, Expr, dotted


def unreached(evaluator: Evaluator, modules: Iterable[str], loads: tuple[Load, ...]) -> tuple[Load, ...]:
    """The loads in functions of these modules that are not among those known, in the order of their places."""
    known = {site for load in loads for site in (load.site, load.inner, load.call)}
    found: dict[Site, Load] = {}
    for path in modules:
        if is_test(path):
            continue
        for model in _models(evaluator, path):
            if model.site not in known and model.role == "model" and not model.helper:
                found.setdefault(model.site, _load(model))
    return tuple(found.values())


def _models(evaluator: Evaluator, path: str) -> Iterator[ModelValue]:
    module = evaluator.source.module(path)
    if module is None:
        return
    if path not in evaluator.loading:  # a module may be part of hundreds of deployables
        evaluator.loading[path] = tuple(_named_loads(evaluator, module))
    for index, call, name in evaluator.loading[path]:
        loaded = evaluator.load(name, call, evaluator.free_frame(path, index))
        yield from (model for model in loaded if isinstance(model, ModelValue))


def _named_loads(evaluator: Evaluator, module: Module) -> Iterator[tuple[int, Call, str]]:
    """The calls inside a module's functions that load by their names alone."""
    for index, _, call in module.calls():
        if index == MODULE or not evaluator.catalog.may_load(last_name(call.function)):
            continue
        name = _imported_name(call.function, index, module)
        if name and evaluator.catalog.loads.get(name):
            yield index, call, name


def _imported_name(function: Expr, index: int, module: Module) -> str:
    """The full name of what is called, by the imports alone: to ask for more would cost a walk of its own."""
    head, _, rest = dotted(function).partition(".")
    scope = index
    while scope >= 0 and head:
        known = module.imports_in.get(scope, {}).get(head)
        if known is not None:
            top = known.module if known.alias or known.name else head
            return ".".join(part for part in (top, known.name, rest) if part) if not known.level else ""
        scope = module.function(scope).parent
    return ""


def _load(model: ModelValue) -> Load:
    return Load(
        model=model,
        site=model.site,
        role="model",
        moment="lazy",
        name=name_of(model),
        state=State("lazy"),
        trail=(),
        reached=False,
    )
