"""One deployable with all that happens in it: what its modules load, what its hooks and handlers lead to."""

from __future__ import annotations

from functools import cached_property

from mlscaffold.light import Literal, dataclass
from mlscaffold.lint.config import ServiceOptions
from mlscaffold.lint.deploy.process import Figure, Process
from mlscaffold.lint.project.entries import Start
from mlscaffold.lint.project.events import Event, Spot, State
from mlscaffold.lint.project.hooks import Hook
from mlscaffold.lint.project.values import ModelValue, Site
from mlscaffold.lint.service import Kind, Moment

Role = Literal["model", "preprocessor", "part", "unknown"]
_ORDER: tuple[Moment, ...] = ("module", "startup", "lazy", "per-request")


@dataclass(frozen=True, slots=True)
class Load:
    """One model as the deployable loads it. `site` is where it is chosen, `inner` where the loading call stands."""

    model: ModelValue
    site: Site
    role: Role
    moment: Moment
    name: str
    state: State
    trail: tuple[Spot, ...]
    used: frozenset[str] = frozenset()
    variant: tuple[str, ...] = ()
    call: Site | None = None  # the call that reads the weights, where the model's object is made before
    trails: tuple[tuple[Spot, ...], ...] = ()  # the other ways that lead to it
    reached: bool = True
    replaced: bool = False  # by the next one that a request names
    shown: Site | None = None  # where a report lists it, if not where it is chosen

    @property
    def inner(self) -> Site:
        return self.model.site

    def is_of(self, event: Event) -> bool:
        """Whether an event is of this model; where one call loads several, the names that both know tell them apart."""
        model = event.model
        if model is None or model.site != self.inner:
            return False
        names = {name for name in model.names if not name.startswith("pipeline:")}  # a task is no name of a model
        return not names or not self.model.names or not names.isdisjoint(self.model.names)


@dataclass(frozen=True, slots=True)
class HandlerRun:
    """A handler with the events that a request to it leads to."""

    hook: Hook
    events: tuple[Event, ...]

    @property
    def name(self) -> str:
        return self.hook.name

    @property
    def site(self) -> Site:
        return Site(self.hook.frame.path, self.hook.function.line, self.hook.function.column)


@dataclass(frozen=True)
class Deployable:
    """What one process runs. `processes` are those of the deploy files that run it, `options` what the configuration says."""

    id: str
    kind: Kind
    start: Start
    root: str
    entry: Site
    modules: tuple[str, ...]
    module_events: tuple[Event, ...]
    startup_events: tuple[Event, ...]
    handlers: tuple[HandlerRun, ...]
    loads: tuple[Load, ...] = ()
    alternatives: tuple[Load, ...] = ()  # loads in its modules that nothing leads to as it is set
    processes: tuple[Process, ...] = ()
    workers_in_code: Figure | None = None
    options: ServiceOptions = ServiceOptions()

    @property
    def framework(self) -> str:
        return self.start.server.framework

    @property
    def online(self) -> bool:
        """Whether somebody waits for its answers."""
        if self.options.mode:
            return self.options.mode == "online"
        return self.kind in ("web", "ui", "grpc", "lambda")

    @property
    def serves(self) -> bool:
        """Whether it answers somebody, at once or by a queue; a job that runs to its end does not."""
        return self.online or self.kind == "worker"

    def workers(self, process: Process | None = None) -> Figure | None:
        """How many processes share a container, as the configuration or else a process (the first that says it) declares."""
        if self.options.workers:
            return Figure(self.options.workers, "", 0)
        asked = (process,) if process else self.processes
        said = next((known.command.workers for known in asked if known.command.workers), None)
        plain = not asked or any(known.command.server == "python" for known in asked)
        return said or (self.workers_in_code if plain else None)

    def memory(self, process: Process | None = None) -> Figure | None:
        """The bytes that one container may take, likewise."""
        if self.options.memory_limit_mb:
            return Figure(self.options.memory_limit_mb * 1_000_000, "", 0)
        asked = (process,) if process else self.processes
        return next((known.memory for known in asked if known.memory), None)

    @cached_property
    def events(self) -> tuple[Event, ...]:
        """All events, in the order of happening."""
        return (*self.module_events, *self.startup_events, *(event for run in self.handlers for event in run.events))

    def is_done(self, event: Event) -> bool:
        """Whether a request finds done, and kept, what would happen in it: the start did it."""
        return event.state.moment in ("lazy", "per-request") and event.state.kept and event.site in self._done

    @cached_property
    def _done(self) -> frozenset[Site]:
        return frozenset(event.site for event in (*self.module_events, *self.startup_events))

    @property
    def endless(self) -> bool:
        """Whether it does its work in a loop that nothing ends."""
        return any(event.state.repeat == "endless" for event in self.events)

    @cached_property
    def models(self) -> tuple[Load, ...]:
        """The loads that bring in a model of its own."""
        return tuple(load for load in self.loads if load.role == "model")


def earlier(one: Moment, other: Moment) -> Moment:
    """The moment that comes first in the life of a process."""
    return min(one, other, key=_ORDER.index)
