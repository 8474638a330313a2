"""How long a task may take: its own time limit, the time until it is started again, what its deploy file allows."""

from __future__ import annotations

from collections.abc import Iterator

from mlscaffold.light import dataclass
from mlscaffold.lint.deploy.quantity import every_s
from mlscaffold.lint.project.deployable import Deployable, HandlerRun
from mlscaffold.lint.project.evaluate import Evaluator
from mlscaffold.lint.project.source import Module, last_name
from mlscaffold.lint.project.values import Frame, Known
from mlscaffold.lint.syntax import Attribute, Call, Constant, Expr, Mapping, walk

_LIMITS = ("time_limit", "soft_time_limit", "timeout", "job_timeout", "max_time")
_UNITS = {"seconds": 1.0, "minutes": 60.0, "hours": 3600.0, "days": 86_400.0}


@dataclass(frozen=True, slots=True)
class Window:
    """Seconds that a task has, what says so, and where."""

    seconds: float
    words: str
    path: str
    line: int


def window_of(service: Deployable, run: HandlerRun | None, evaluator: Evaluator) -> Window | None:
    """The shortest window of a task (or, without one, of the whole of a batch job)."""
    found = [*_of_processes(service, run)]
    if run is not None:
        found += [*_of_decorators(run, evaluator), *_of_schedules(service, run, evaluator)]
    return min(found, key=lambda window: window.seconds, default=None)


def _of_processes(service: Deployable, run: HandlerRun | None) -> Iterator[Window]:
    for process in service.processes:
        limit, schedule = process.command.timeout_s, process.schedule_s
        if limit and limit.value > 0:
            yield Window(limit.value, "time-out", limit.path, limit.line)
        if schedule and run is None:
            yield Window(schedule.value, "schedule", schedule.path, schedule.line)


def _of_decorators(run: HandlerRun, evaluator: Evaluator) -> Iterator[Window]:
    """`@app.task(time_limit=60)` and its like."""
    frame = run.hook.frame.parent or run.hook.frame
    for decorator in run.hook.function.decorators:
        for word, part in decorator.keywords if isinstance(decorator, Call) else ():
            seconds = _seconds(part, frame, evaluator) if word in _LIMITS else None
            if seconds:
                yield Window(seconds, word.replace("_", " "), run.hook.frame.path, getattr(decorator, "line", run.site.line))


def _of_schedules(service: Deployable, run: HandlerRun, evaluator: Evaluator) -> Iterator[Window]:
    for path in service.modules:
        module = evaluator.source.module(path)
        if module is None:
            continue
        yield from _of_tables(module, run, evaluator)
        for index, _, call in module.calls():
            frame = evaluator.free_frame(path, index)
            if last_name(call.function) == "add_periodic_task" and len(call.arguments) > 1 and _names(call.arguments[1], run):
                seconds = _seconds(call.arguments[0], frame, evaluator)
            elif last_name(call.function) == "add_job" and call.arguments and _names(call.arguments[0], run):
                seconds = sum(
                    _UNITS[word] * (_seconds(part, frame, evaluator) or 0) for word, part in call.keywords if word in _UNITS
                )
            else:
                continue
            if seconds:
                yield Window(seconds, "schedule", path, call.line)


def _of_tables(module: Module, run: HandlerRun, evaluator: Evaluator) -> Iterator[Window]:
    """`beat_schedule = {"…": {"task": "tasks.score", "schedule": 60.0}}`."""
    for index, function in enumerate(module.facts.functions):
        for step in function.steps:
            for part in walk(step.value):
                keys = _keyed(part) if isinstance(part, Mapping) else {}
                task, schedule = keys.get("task"), keys.get("schedule")
                if schedule is None or not isinstance(task, Constant) or not str(task.value).endswith(run.hook.function.name):
                    continue
                seconds = _seconds(schedule, evaluator.free_frame(module.path, index), evaluator)
                if seconds:
                    yield Window(seconds, "schedule", module.path, step.line)


def _keyed(table: Mapping) -> dict[str, Expr]:
    return {str(key.value): value for key, value in table.pairs if isinstance(key, Constant)}


def _names(part: Expr, run: HandlerRun) -> bool:
    """Whether an expression names the task: itself, or its signature (`score.s()`)."""
    inner = part.function.base if isinstance(part, Call) and isinstance(part.function, Attribute) else part
    return last_name(inner) == run.hook.function.name


def _seconds(part: Expr, frame: Frame, evaluator: Evaluator) -> float | None:
    """The seconds of a number, a `timedelta(…)` or a `crontab(…)`."""
    if isinstance(part, Call) and last_name(part.function) == "timedelta":
        return sum(_UNITS[word] * (_seconds(value, frame, evaluator) or 0) for word, value in part.keywords if word in _UNITS)
    if isinstance(part, Call) and last_name(part.function) == "crontab":
        fields = {word: str(value.value) for word, value in part.keywords if isinstance(value, Constant)}
        names = ("minute", "hour", "day_of_month", "month_of_year", "day_of_week")
        return every_s(" ".join(fields.get(name, "*") for name in names))
    known = [value.value for value in evaluator.evaluate(part, frame) if isinstance(value, Known)]
    return float(known[0]) if len(known) == 1 and isinstance(known[0], int | float) else None
