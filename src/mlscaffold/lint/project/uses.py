"""How the models of a deployable work together: a chain, side by side in one handler, or each on routes of its own."""

from __future__ import annotations

from collections.abc import Sequence

from mlscaffold.light import dataclass
from mlscaffold.lint.project.deployable import Deployable, HandlerRun, Load
from mlscaffold.lint.project.values import Site


@dataclass(frozen=True, slots=True)
class Use:
    """The pattern that fits, and what the code does in words."""

    pattern: str
    words: str


_CHAIN = Use("serial", "one handler uses them one after the other")
_SIDE_BY_SIDE = Use("parallel", "one handler asks them about the same input")
_OWN_ROUTES = Use("web-single", "each answers on routes of its own")
_ONE_PROGRAM = Use("web-single", "one program runs them all")


def use_of(service: Deployable, loads: Sequence[Load]) -> Use:
    """What the handlers do with the models."""
    sites = [load.inner for load in loads]
    for run in service.handlers:
        used = [site for site in dict.fromkeys(_used(run)) if site in sites]
        if len(used) > 1:
            return _SIDE_BY_SIDE if _same_input(run, used) else _CHAIN
    return _OWN_ROUTES if service.handlers else _ONE_PROGRAM


def _used(run: HandlerRun) -> list[Site]:
    return [event.model.site for event in run.events if event.kind == "predict" and event.model is not None]


def _same_input(run: HandlerRun, used: list[Site]) -> bool:
    """Whether every model is given the same variable."""
    fed: dict[Site, set[str]] = {site: set() for site in used}
    for event in run.events:
        if event.kind == "predict" and event.model is not None and event.model.site in fed:
            fed[event.model.site].update(event.feeds)
    return all(fed.values()) and bool(set.intersection(*fed.values()))
