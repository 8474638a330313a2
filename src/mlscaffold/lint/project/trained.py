"""The models of a deployable that loads none: those that it trains itself and then asks."""

from __future__ import annotations

from collections.abc import Iterable

from mlscaffold.lint.project.deployable import Load
from mlscaffold.lint.project.events import Event
from mlscaffold.lint.project.values import ModelValue, Site


def trained(events: Iterable[Event], loads: Iterable[Load]) -> tuple[Load, ...]:
    """What is fitted and asked, each where it is fitted first; nothing where a model is loaded, which is the one that serves."""
    events = tuple(events)
    if any(load.role == "model" for load in loads):
        return ()
    asked = [event.name for event in events if event.kind == "predict" and event.model is None]
    found: dict[Site, Load] = {}
    for event in events:
        kind = event.name.rpartition(".")[0]  # `sklearn.svm.SVC` of `sklearn.svm.SVC.fit`
        if event.kind == "train" and not event.guessed and kind and any(name.startswith(f"{kind}.") for name in asked):
            found.setdefault(event.site, _load(event, kind))
    return tuple(found.values())


def _load(event: Event, kind: str) -> Load:
    framework, _, name = kind.partition(".")
    return Load(
        model=ModelValue(event.site, framework, "classic", "model", ""),
        site=event.site,
        role="model",
        moment=event.state.moment,
        name=name.rpartition(".")[2],
        state=event.state,
        trail=event.trail,
    )
