"""The models of a deployable as a report lists them: what several places load is listed once, a table of models too."""

from __future__ import annotations

from collections.abc import Iterable

from mlscaffold.light import dataclass
from mlscaffold.lint.project.counting import family, same
from mlscaffold.lint.project.deployable import Load, earlier

LEAST_IN_TABLE = 4  # fewer models of one expression are listed one by one


@dataclass(frozen=True, slots=True)
class Listed:
    """A load, and the others that it stands for: the same model at another place, the other entries of its table."""

    load: Load
    also: tuple[Load, ...] = ()


def listed(loads: Iterable[Load]) -> tuple[Listed, ...]:
    """What to list, in the order of the loads."""
    loads = tuple(loads)
    groups: list[list[Load]] = []
    for load in sorted(loads, key=_rank):
        group = next((known for known in groups if _belongs(load, known[0], loads)), None)
        if group is None:
            groups.append([load])
        else:
            group.append(load)
    groups.sort(key=lambda group: loads.index(group[0]))
    return tuple(Listed(group[0], _others(group)) for group in groups)


def _rank(load: Load) -> tuple[bool, bool, str, int]:
    """What is surely loaded, and that before any request, stands for the rest."""
    first = earlier(load.moment, "startup") == load.moment
    return (not load.reached, not first, load.site.path, load.site.line)


def _belongs(load: Load, first: Load, loads: tuple[Load, ...]) -> bool:
    if load.role != "model" or first.role != "model" or load.inner.path != first.inner.path or family(load) != family(first):
        return False
    if load.state.table is not None and load.state.table == first.state.table:
        return sum(other.state.table == load.state.table for other in loads) >= LEAST_IN_TABLE
    # Each request that loads a model is a case of its own.
    return "per-request" not in (load.moment, first.moment) and same(load, first) and not _exclude(load, first)


def _exclude(one: Load, other: Load) -> bool:
    """Whether one condition chooses between two loads."""
    if bool(one.model.names) == bool(other.model.names):
        return False
    chosen = dict(one.state.arms)
    return any(chosen.get(block, arm) != arm for block, arm in other.state.arms)


def _others(group: list[Load]) -> tuple[Load, ...]:
    first = group[0]
    places = {(load.name, load.site): load for load in group[1:] if (load.name, load.site) != (first.name, first.site)}
    return tuple(sorted(places.values(), key=lambda load: (load.site.path, load.site.line, load.name)))
