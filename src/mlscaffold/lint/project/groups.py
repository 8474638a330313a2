"""Which starts are deployables of their own."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.lint.project.closures import Closures
from mlscaffold.lint.project.entries import Start
from mlscaffold.lint.project.evaluate import Evaluator
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import ClassValue, ExternalObject, Site

Groups = list[tuple[Start, Site]]

_OF_SCRIPTS = ("streamlit", "django", "chainlit")  # one deployable is made of many files
_OF_A_CLASS = ("litserve", "grpc", "tornado", "label-studio-ml", "http.server")
_MOUNTING = ("mount", "mount_gradio_app", "DispatcherMiddleware", "WSGIMiddleware")


def without_repeated(groups: Groups, modules: Closures, evaluator: Evaluator) -> Groups:
    """Scripts that a page imports, routes that a project includes, tasks of one queue: one deployable each."""
    reached = {site.path: frozenset(modules.closure([site.path], wide=True)) for _, site in groups}
    return [
        (start, site)
        for start, site in groups
        if not _is_part(start, site, groups, reached, modules)
        and not _is_served(start, site, groups, reached)
        and not _is_extended(start, groups, evaluator)
    ]


def _is_part(start: Start, site: Site, groups: Groups, reached: dict[str, frozenset[str]], modules: Closures) -> bool:
    """Whether another script of the framework brings it in: one that imports it, or that shows it as a page."""
    framework = start.server.framework
    if framework not in _OF_SCRIPTS:
        return False
    others = [other.path for known, other in groups if known.server.framework == framework and other.path != site.path]
    if any(site.path in reached[other] and other not in reached[site.path] for other in others):
        return True
    if framework != "streamlit":
        return False
    is_page = "/pages/" in f"/{site.path}" and any("/pages/" not in f"/{other}" for other in others)
    return is_page or any(site.path in modules.pages(other) for other in others)


def _is_served(start: Start, site: Site, groups: Groups, reached: dict[str, frozenset[str]]) -> bool:
    """Whether an application that imports the class is what serves it."""
    framework = start.server.framework
    if start.holder is None or framework not in _OF_A_CLASS:
        return False
    return any(
        known.holder is None and known.server.framework in (framework, "flask") and site.path in reached[other.path]
        for known, other in groups
    )


def _is_extended(start: Start, groups: Groups, evaluator: Evaluator) -> bool:
    """Whether it is a base class that other servers of the repository extend: no server itself."""
    holder = start.holder
    if holder is None:
        return False
    others = (other.holder for other, _ in groups if other.holder is not None and other.holder != holder)
    bases = (owner for other in others for owner in evaluator.lineage(other)[1:] if isinstance(owner, ClassValue))
    return any((owner.path, owner.index) == (holder.path, holder.index) for owner in bases)


def mounts_of(groups: Groups, modules: Closures, evaluator: Evaluator) -> dict[Site, str]:
    """The applications that others carry, each with the file of the one that does."""
    mounts: dict[Site, str] = {}
    for path in sorted({site.path for _, site in groups}):
        for inner in modules.closure([path]):
            mounts.update((site, path) for site in _mounted_in(inner, evaluator) if site.path != path)
    return mounts


def _mounted_in(path: str, evaluator: Evaluator) -> Iterator[Site]:
    """Where the applications are made that a module mounts."""
    module = evaluator.source.module(path)
    for index, _, call in module.calls() if module else ():
        if last_name(call.function) not in _MOUNTING:
            continue
        frame = evaluator.free_frame(path, index)
        for part in (*call.arguments, *(value for _, value in call.keywords)):
            yield from (value.site for value in evaluator.evaluate(part, frame) if isinstance(value, ExternalObject))
