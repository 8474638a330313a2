"""Which processes of the deploy files run which deployable, and in which environments."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from mlscaffold.light import dataclass, expression
from mlscaffold.lint.deploy.process import Environment, Figure, Process
from mlscaffold.lint.project.entries import Start
from mlscaffold.lint.project.evaluate import Evaluator
from mlscaffold.lint.project.source import last_name
from mlscaffold.lint.project.values import Known, Site

_ADDRESS = expression(
    r"(?i)(^|_)(PORT|HOST(NAME)?|URLS?|URI|DSN|ADDRESS|PASSWORD|SECRET|KEY|TOKEN|USER(NAME)?|LOG\w*)$"
)  # choose no model
Group = tuple[Start, Site]
MOST_VARIANTS = 6  # environments that one deployable is looked at in


@dataclass(frozen=True, slots=True)
class Variant:
    """Processes that one environment is right for. `name` tells variants of one deployable apart ("" where there is one)."""

    processes: tuple[Process, ...] = ()
    environment: Environment = ()
    name: str = ""


def joined_with(
    processes: Iterable[Process], groups: Sequence[Group], closure: Callable[[str], Iterable[str]]
) -> dict[Group, tuple[Process, ...]]:
    """The processes of each deployable. `closure` gives the modules that a file imports, itself among them."""
    found: dict[Group, list[Process]] = {}
    for process in processes:
        for group in _run_by(process, groups, closure):
            found.setdefault(group, []).append(process)
    return {group: tuple(held) for group, held in found.items()}


def _run_by(process: Process, groups: Sequence[Group], closure: Callable[[str], Iterable[str]]) -> Iterator[Group]:
    fitting = [group for group in groups if _fits(process, group)]
    exact = [group for group in fitting if group[1].path in process.entries]
    if exact or not process.entries:
        yield from exact
        return
    reached = {path for entry in process.entries for path in closure(entry)}
    imported = [group for group in fitting if group[1].path in reached]
    made = _nearest(process, [group for group in fitting if group[0].site.path in reached])
    yield from imported or made or tuple(_django(process, fitting))


def _nearest(process: Process, groups: Sequence[Group]) -> Sequence[Group]:
    """Of several deployables that one factory makes, those that lie nearest to the entry file."""
    folders = [entry.rpartition("/")[0].split("/") for entry in process.entries]
    shared = {group: max(_alike(folder, group[1].path.split("/")[:-1]) for folder in folders) for group in groups}
    return [group for group in groups if shared[group] == max(shared.values())]


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many folders two ways have in common."""
    differing = (place for place, (left, right) in enumerate(zip(one, other, strict=False)) if left != right)
    return next(differing, min(len(one), len(other)))


def _fits(process: Process, group: Group) -> bool:
    """A queue's worker runs tasks, a web server applications; a script may run either."""
    if process.command.server in ("python", "lambda"):
        return True
    return process.queue_worker == (group[0].server.kind == "worker")


def _django(process: Process, groups: Iterable[Group]) -> Iterator[Group]:
    """A Django project names its routes in its settings: they lie below the folder of `wsgi.py` or `manage.py`."""
    names = {entry.rpartition("/")[2] for entry in process.entries}
    if not names & {"wsgi.py", "asgi.py", "manage.py"}:
        return
    folders = [entry.rpartition("/")[0] for entry in process.entries]
    for group in groups:
        if group[0].server.framework == "django" and any(_below(group[1].path, folder) for folder in folders):
            yield group


def _below(path: str, folder: str) -> bool:
    return not folder or path.startswith(f"{folder}/")


def variants(processes: tuple[Process, ...], reads: Callable[[str], bool]) -> tuple[Variant, ...]:
    """The environments that may make a difference: `reads` says whether the deployable asks for a name."""
    if not processes:
        return (Variant(),)
    by_name = [dict(process.environment) for process in processes]
    names = sorted({name for known in by_name for name in known if not _ADDRESS.search(name)})
    differing = [name for name in names if len({known.get(name) for known in by_name}) > 1 and reads(name)]
    grouped: dict[tuple[str | None, ...], list[Process]] = {}
    for process, known in zip(processes, by_name, strict=True):
        grouped.setdefault(tuple(known.get(name) for name in differing), []).append(process)
    if not 1 < len(grouped) <= MOST_VARIANTS:
        return (Variant(processes, _merged(processes)),)
    return tuple(Variant(tuple(held), _merged(held), held[0].name) for held in grouped.values())


def _merged(processes: Iterable[Process]) -> Environment:
    merged: dict[str, str] = {}
    for process in processes:
        for name, value in process.environment:
            merged.setdefault(name, value)
    return tuple(sorted(merged.items()))


def workers_in(paths: Iterable[str], evaluator: Evaluator) -> Figure | None:
    """`uvicorn.run("app:app", workers=4)` in one of these files."""
    for path in paths:
        module = evaluator.source.module(path)
        for index, _, call in module.calls() if module else ():
            given = dict(call.keywords).get("workers")
            if given is None or last_name(call.function) != "run":
                continue
            for value in evaluator.evaluate(given, evaluator.free_frame(path, index)):
                if isinstance(value, Known) and isinstance(value.value, int) and value.value > 1:
                    return Figure(value.value, path, call.line)
    return None
